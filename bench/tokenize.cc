// Megabytes of text that one thread turns into ids, and the `tokenizers` package on the same texts
// (tokenize_reference.py): documents of four kilobytes, prose, code and many scripts. The two take
// turns, so that a slow moment of the machine falls on both.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "bench/benchmark.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "loader/base/status_macros.h"
#include "loader/json.h"

namespace firstlight {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDocumentBytes = 4096;
constexpr size_t kEnglishAndCodeBytes = 600'000;
constexpr size_t kScriptsBytes = 200'000;
// Vocabularies of our own, one for each kind of model, beside the published ones.
constexpr char kTestData[] = "tests/engine/tokenizer/testdata";
constexpr const char* kOwnVocabularies[] = {"digits", "split_spaces", "unigram", "word_level",
                                            "word_piece"};

struct Case {
  std::string name;
  std::string directory;
  // Whether the package reads its files too.
  bool has_reference = false;
};

// The folder of published vocabularies: tokenizers/ of that which FIRSTLIGHT_TEST_DATA names, as
// for the tests; empty where there is none.
fs::path PublishedVocabularies() {
  const char* const named = std::getenv("FIRSTLIGHT_TEST_DATA");
  if (named == nullptr) return {};
  const fs::path folder = fs::path(named) / "tokenizers";
  std::error_code error;
  return fs::is_directory(folder, error) ? folder : fs::path();
}

std::vector<Case> AllCases() {
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, const fs::path& directory) {
    std::error_code error;
    cases.push_back({.name = name,
                     .directory = directory.string(),
                     .has_reference = fs::exists(directory / "tokenizer.json", error) ||
                                      fs::exists(directory / "vocab.json", error)});
  };
  add("demo", "models/demo");
  for (const char* name : kOwnVocabularies) add(name, fs::path(kTestData) / name);
  if (const fs::path published = PublishedVocabularies(); !published.empty()) {
    std::vector<fs::path> directories;
    for (const auto& entry : fs::directory_iterator(published)) directories.push_back(entry.path());
    std::sort(directories.begin(), directories.end());
    for (const fs::path& directory : directories) add(directory.filename(), directory);
  }
  return cases;
}

std::string ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// `text` from its beginning, in whole lines, of about kDocumentBytes each.
void AppendDocuments(std::string_view text, std::vector<std::string>& documents) {
  while (!text.empty()) {
    const size_t end = text.find('\n', std::min(kDocumentBytes, text.size() - 1));
    const size_t size = end == std::string_view::npos ? text.size() : end + 1;
    documents.emplace_back(text.substr(0, size));
    text.remove_prefix(size);
  }
}

// This project's own prose and code, and its sentences in many scripts.
absl::StatusOr<std::vector<std::string>> ReadDocuments() {
  std::vector<fs::path> files;
  for (const char* folder : {"docs", "engine", "server"}) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const fs::path extension = entry.path().extension();
      if (extension == ".md" || extension == ".cc") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::string text;
  for (const fs::path& file : files) {
    if (text.size() < kEnglishAndCodeBytes) text += ReadText(file);
  }
  std::vector<std::string> documents;
  AppendDocuments(text, documents);
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const JsonDocument> corpus,
                              JsonDocument::ReadFile(absl::StrCat(kTestData, "/corpus.json")));
  FIRSTLIGHT_ASSIGN_OR_RETURN(const JsonArray sentences, corpus->root().AsArray());
  std::string scripts;
  while (scripts.size() < kScriptsBytes) {
    for (const JsonValue sentence : sentences) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string_view line, sentence.AsString());
      // NUL separates documents.
      if (line.find('\0') != std::string_view::npos) continue;
      scripts += line;
      scripts += '\n';
    }
  }
  AppendDocuments(scripts, documents);
  return documents;
}

// What `command` prints; INTERNAL when it fails, with its own words on stderr.
absl::StatusOr<std::string> OutputOf(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return absl::InternalError(absl::StrCat(command, ": cannot be started"));
  std::string output;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    output.push_back(static_cast<char>(c));
  }
  if (pclose(pipe) != 0) return absl::InternalError(absl::StrCat(command, ": failed"));
  absl::StripTrailingAsciiWhitespace(&output);
  return output;
}

absl::StatusOr<double> ReferenceSeconds(const std::string& python, const Case& each,
                                        const std::string& texts_path) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::string output,
                              OutputOf(absl::StrCat("'", python, "' bench/tokenize_reference.py '",
                                                    each.directory, "' '", texts_path, "'")));
  double seconds = 0;
  if (!absl::SimpleAtod(output, &seconds) || seconds <= 0) {
    return absl::InternalError(absl::StrCat("tokenize_reference.py: printed ", output));
  }
  return seconds;
}

absl::StatusOr<double> OwnSeconds(const Tokenizer& tokenizer,
                                  const std::vector<std::string>& documents) {
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string& document : documents) {
    FIRSTLIGHT_RETURN_IF_ERROR(tokenizer.Encode(document).status());
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

absl::Status RunTokenize(const BenchmarkContext& context) {
  const int runs = context.quick ? 3 : 7;
  FIRSTLIGHT_ASSIGN_OR_RETURN(const std::vector<std::string> documents, ReadDocuments());
  const std::string texts_path = context.data_dir + "/tokenize-texts";
  size_t bytes = 0;
  {
    std::ofstream file(texts_path, std::ios::binary);
    for (size_t i = 0; i < documents.size(); ++i) {
      file << (i == 0 ? std::string_view() : std::string_view("\0", 1)) << documents[i];
      bytes += documents[i].size();
    }
  }
  const absl::StatusOr<std::string> python =
      OutputOf(absl::StrCat("bench/tokenizers_python '", context.data_dir, "'"));
  if (!python.ok()) {
    std::fprintf(stderr, "bench/run tokenize: ratio_to_tokenizers is left out\n");
  }
  for (const Case& each : AllCases()) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(const std::unique_ptr<const Tokenizer> tokenizer,
                                OpenTokenizer(each.directory));
    FIRSTLIGHT_RETURN_IF_ERROR(OwnSeconds(*tokenizer, documents).status());
    std::vector<double> rates, ratios;
    for (int run = 0; run < runs; ++run) {
      FIRSTLIGHT_ASSIGN_OR_RETURN(const double seconds, OwnSeconds(*tokenizer, documents));
      rates.push_back(static_cast<double>(bytes) / seconds);
      if (each.has_reference && python.ok()) {
        FIRSTLIGHT_ASSIGN_OR_RETURN(const double reference,
                                    ReferenceSeconds(*python, each, texts_path));
        ratios.push_back(reference / seconds);
      }
    }
    context.report->Add({"tokenize", each.name, "bytes_per_second", "bytes_per_second", rates});
    if (!ratios.empty()) {
      context.report->Add({"tokenize", each.name, "ratio_to_tokenizers", "ratio", ratios});
    }
  }
  return absl::OkStatus();
}

}  // namespace firstlight
