// The published vocabularies and vectors of the test data folder, where there is one.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/formats/sentencepiece_library.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/reference_data.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

std::string ReadText(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Vectors {
  const char* name;
  const char* tokenizer;
};

class ReferenceVectorsTest : public ::testing::TestWithParam<Vectors> {};

TEST_P(ReferenceVectorsTest, Match) {
  const std::filesystem::path data = ReferenceDataDirectory();
  if (!std::filesystem::exists(data / "vectors")) {
    GTEST_SKIP() << "no reference data in " << data << "; FIRSTLIGHT_TEST_DATA names its folder";
  }
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer =
      OpenTokenizer(data / "tokenizers" / GetParam().tokenizer);
  ASSERT_THAT(tokenizer, IsOk());
  const std::string inputs = ReadText(data / "vectors" / (std::string(GetParam().name) + ".inp"));
  std::istringstream outputs(ReadText(data / "vectors" / (std::string(GetParam().name) + ".out")));
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  size_t checked = 0;
  for (size_t begin = 0; begin != std::string::npos; ++checked) {
    const size_t end = inputs.find(kSeparator, begin);
    const std::string_view text = std::string_view(inputs).substr(
        begin, end == std::string::npos ? std::string::npos : end - begin);
    begin = end == std::string::npos ? end : end + kSeparator.size();
    std::string line;
    // No line is left for an empty input at the end.
    ASSERT_TRUE(std::getline(outputs, line) || text.empty()) << "fewer outputs than inputs";
    std::istringstream numbers(line);
    const std::vector<int32_t> expected{std::istream_iterator<int32_t>(numbers), {}};
    EXPECT_EQ(EncodePlain(**tokenizer, text), expected) << Quoted(text);
  }
  EXPECT_GT(checked, 40U);
}

INSTANTIATE_TEST_SUITE_P(All, ReferenceVectorsTest,
                         ::testing::Values(Vectors{"gpt-2", "gpt2"}, Vectors{"qwen2", "qwen2"},
                                           Vectors{"phi-3", "phi-3-mini"}),
                         [](const auto& info) {
                           std::string name = info.param.tokenizer;
                           for (char& c : name) {
                             c = c == '-' ? '_' : c;
                           }
                           return name;
                         });

TEST(ReferenceModelTest, MistralEncodesAndDecodesAsTheSentencePieceLibrary) {
  const std::filesystem::path directory = ReferenceDataDirectory() / "tokenizers" / "mistral-v3";
  if (!std::filesystem::exists(directory)) {
    GTEST_SKIP() << "no reference data in " << directory
                 << "; FIRSTLIGHT_TEST_DATA names its folder";
  }
  absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = OpenTokenizer(directory);
  ASSERT_THAT(tokenizer, IsOk());
  std::string error;
  const std::unique_ptr<const SentencePieceLibrary> library =
      SentencePieceLibrary::Load(ReadText(directory / "tokenizer.model"), error);
  ASSERT_NE(library, nullptr) << error;
  for (const std::string& text : RandomTexts(/*seed=*/1, /*count=*/3000)) {
    SCOPED_TRACE(Quoted(text));
    const std::vector<int32_t> expected = library->Encode(text);
    ASSERT_EQ(EncodePlain(**tokenizer, text), expected);
    ASSERT_EQ(Decode(**tokenizer, expected), library->Decode(expected));
  }
}

}  // namespace
}  // namespace firstlight
