#include "engine/tokenizer/image/tokenizer_image.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/tokenizer/detokenizer.h"
#include "engine/tokenizer/formats/formats.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "tests/engine/reference_data.h"
#include "tests/engine/tokenizer/test_support.h"
#include "tests/loader/status_matchers.h"
#include "tests/loader/temporary_directory.h"

namespace firstlight {
namespace {

using ::testing::HasSubstr;

constexpr Blake2b::Digest kKey = {1, 2, 3};

PipelineTokenizer::Parts PartsOf(const std::filesystem::path& directory) {
  absl::StatusOr<PipelineTokenizer::Parts> parts = ReadTokenizerParts(directory);
  EXPECT_THAT(parts, IsOk());
  return parts.ok() ? *std::move(parts) : PipelineTokenizer::Parts();
}

absl::StatusOr<std::unique_ptr<const Tokenizer>> OpenImage(const std::string& path) {
  auto file = MappedFile::Open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<PipelineTokenizer::Parts> parts = ReadTokenizerImage(*std::move(file), kKey);
  if (!parts.ok()) return parts.status();
  return std::make_unique<const PipelineTokenizer>(*std::move(parts));
}

// Everything that can be asked of a tokenizer is answered alike.
void ExpectAlike(const Tokenizer& a, const Tokenizer& b, const std::vector<std::string>& texts) {
  ASSERT_EQ(a.vocab_size(), b.vocab_size());
  EXPECT_EQ(a.special_ids(), b.special_ids());
  EXPECT_EQ(a.bos_id(), b.bos_id());
  EXPECT_EQ(a.eos_id(), b.eos_id());
  for (int32_t id = -1; id <= a.vocab_size(); ++id) {
    ASSERT_EQ(a.HasToken(id), b.HasToken(id)) << id;
    ASSERT_EQ(a.IdToToken(id), b.IdToToken(id)) << id;
    ASSERT_EQ(a.TokenBytes(id), b.TokenBytes(id)) << id;
    ASSERT_EQ(a.TokenToId(a.IdToToken(id)), b.TokenToId(a.IdToToken(id))) << id;
  }
  for (const std::string& text : texts) {
    for (const bool add : {true, false}) {
      for (const bool parse : {true, false}) {
        const EncodeOptions options = {.add_special_tokens = add, .parse_special_tokens = parse};
        const auto ids = a.Encode(text, options);
        const auto ids_of_b = b.Encode(text, options);
        ASSERT_EQ(ids.status(), ids_of_b.status()) << Quoted(text);
        if (!ids.ok()) continue;
        ASSERT_EQ(*ids, *ids_of_b) << Quoted(text);
        for (const bool skip : {true, false}) {
          const DecodeOptions decode = {.skip_special_tokens = skip};
          ASSERT_EQ(Decode(a, *ids, decode), Decode(b, *ids, decode)) << Quoted(text);
        }
      }
    }
  }
}

// Texts of every kind, some of them with the vocabulary's own special tokens within.
std::vector<std::string> TextsFor(const Tokenizer& tokenizer, size_t count) {
  std::vector<std::string> texts = RandomTexts(/*seed=*/7, count);
  std::mt19937 random(7);
  for (size_t i = 0; i < texts.size() && !tokenizer.special_ids().empty(); i += 3) {
    const auto& ids = tokenizer.special_ids();
    texts[i] = StrCat(texts[i], tokenizer.IdToToken(ids[random() % ids.size()]), texts[i]);
  }
  return texts;
}

void ExpectImageIsAlike(const std::filesystem::path& directory,
                        std::vector<std::string> more_texts = {}) {
  const PipelineTokenizer built(PartsOf(directory));
  const TemporaryDirectory temporary;
  const auto image = OpenImage(temporary.Write("image", WriteTokenizerImage(built.parts(), kKey)));
  ASSERT_THAT(image, IsOk());
  std::vector<std::string> texts = TextsFor(built, 2000);
  texts.insert(texts.end(), more_texts.begin(), more_texts.end());
  ExpectAlike(built, **image, texts);
  // Its tables lie in the file.
  EXPECT_LT((*image)->memory_bytes(), 64 * 1024);
}

class ImageTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ImageTest, TokenizesAsTheFilesDo) { ExpectImageIsAlike(TestDataDirectory() / GetParam()); }

INSTANTIATE_TEST_SUITE_P(All, ImageTest, ::testing::ValuesIn(kAllTokenizers),
                         [](const auto& info) { return std::string(info.param); });

TEST(ImageTest, DemoModelTokenizesAsItsFilesDo) {
  ExpectImageIsAlike(std::filesystem::path(FIRSTLIGHT_SOURCE_DIRECTORY) / "models" / "demo");
}

// Every published vocabulary there is, over every published input, whole and by the vector.
TEST(ImageTest, PublishedVocabulariesTokenizeAsTheirFilesDo) {
  const std::filesystem::path data = ReferenceDataDirectory();
  if (!std::filesystem::exists(data / "tokenizers")) {
    GTEST_SKIP() << "no reference data in " << data << "; FIRSTLIGHT_TEST_DATA names its folder";
  }
  std::vector<std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator(data / "vectors")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find(kSeparator, begin), text.size());
      texts.push_back(text.substr(begin, end - begin));
      begin = end + kSeparator.size();
    }
  }
  size_t vocabularies = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data / "tokenizers")) {
    SCOPED_TRACE(entry.path());
    ExpectImageIsAlike(entry.path(), texts);
    ++vocabularies;
  }
  EXPECT_GE(vocabularies, 5U);
}

// Every type of component that tokenizer.json can have and that no vocabulary above uses.
TEST(ImageTest, EveryTypeOfComponentComesBack) {
  constexpr char kRegex[] = R"x({"Regex":"[ab]+|\\s+(?!\\S)"})x";
  const std::string normalizers[] = {
      R"({"type":"NFC"})",
      R"({"type":"NFD"})",
      R"({"type":"NFKC"})",
      R"({"type":"NFKD"})",
      R"({"type":"Lowercase"})",
      R"({"type":"StripAccents"})",
      R"({"type":"Nmt"})",
      R"({"type":"ByteLevel"})",
      R"({"type":"BertNormalizer"})",
      R"({"type":"BertNormalizer","clean_text":false,"strip_accents":true,"lowercase":false})",
      R"({"type":"Strip","strip_left":true,"strip_right":false})",
      R"({"type":"Strip","strip_left":false,"strip_right":true})",
      R"({"type":"Prepend","prepend":"ab"})",
      StrCat(R"({"type":"Replace","pattern":)", std::string_view(kRegex), R"(,"content":"b"})"),
      R"({"type":"Replace","pattern":{"String":" "},"content":"_"})",
      R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Sequence","normalizers":[]}]})"};
  std::vector<std::string> pre_tokenizers = {
      R"({"type":"ByteLevel","add_prefix_space":true,"use_regex":true})",
      R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false})",
      R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel","add_prefix_space":false},{"type":"WhitespaceSplit"}]})",
      R"({"type":"Metaspace","replacement":"_","prepend_scheme":"always","split":true})",
      R"({"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":false})",
      R"({"type":"Metaspace","replacement":"_","prepend_scheme":"never","split":true})",
      R"({"type":"Digits","individual_digits":true})",
      R"({"type":"Digits","individual_digits":false})",
      R"({"type":"BertPreTokenizer"})",
      R"({"type":"CharDelimiterSplit","delimiter":"b"})",
      R"({"type":"UnicodeScripts"})",
      R"({"type":"Whitespace"})",
      R"({"type":"WhitespaceSplit"})"};
  for (const char* behavior :
       {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}) {
    pre_tokenizers.push_back(StrCat(R"({"type":"Punctuation","behavior":")", behavior, "\"}"));
    for (const char* invert : {"true", "false"}) {
      pre_tokenizers.push_back(StrCat(R"({"type":"Split","pattern":)", std::string_view(kRegex),
                                      R"(,"behavior":")", behavior, R"(","invert":)", invert, "}"));
    }
  }
  const std::string decoders[] = {
      R"({"type":"ByteLevel"})",
      R"({"type":"ByteFallback"})",
      R"({"type":"Fuse"})",
      R"({"type":"Metaspace","replacement":"_","prepend_scheme":"always"})",
      R"({"type":"Metaspace","replacement":"_","prepend_scheme":"never"})",
      R"({"type":"Replace","pattern":{"String":"a"},"content":"c"})",
      StrCat(R"({"type":"Replace","pattern":)", std::string_view(kRegex), R"(,"content":"c"})"),
      R"({"type":"Strip","content":"a","start":1,"stop":2})",
      R"({"type":"WordPiece","prefix":"a","cleanup":false})",
      R"({"type":"WordPiece","prefix":"##","cleanup":true})",
      R"({"type":"BPEDecoder","suffix":"b"})",
      R"({"type":"CTC","pad_token":"a","word_delimiter_token":"b","cleanup":true})",
      R"({"type":"CTC","pad_token":"a","word_delimiter_token":"b","cleanup":false})",
      R"({"type":"Sequence","decoders":[{"type":"Fuse"},{"type":"Strip","content":"b","start":1,"stop":0}]})"};
  const auto expect_alike = [](std::string_view members) {
    SCOPED_TRACE(members);
    const TemporaryDirectory directory;
    directory.Write("tokenizer.json",
                    StrCat("{", members, members.empty() ? "" : ",",
                           R"("added_tokens":[{"id":6,"content":"<x>","lstrip":true,"special":true},
                                  {"id":7,"content":"A b","rstrip":true,"normalized":true},
                                  {"id":3,"content":"b a","single_word":true}],
                  "model":{"type":"BPE","unk_token":"?","fuse_unk":true,"byte_fallback":true,
                  "vocab":{"a":0,"b":1,"ab":2,"_":4,"?":5,"<0x41>":8},"merges":["a b"]}})"));
    const PipelineTokenizer built(PartsOf(directory.path()));
    const auto image =
        OpenImage(directory.Write("image", WriteTokenizerImage(built.parts(), kKey)));
    ASSERT_THAT(image, IsOk());
    std::vector<std::string> texts = RandomTexts(/*seed=*/3, 60);
    texts.insert(texts.end(), {"ab ba  ab", " a b <x> A b  b a! b ac", "1a22b ...ab,b", "A"});
    ExpectAlike(built, **image, texts);
  };
  expect_alike("");
  for (const auto& json : normalizers) expect_alike(StrCat("\"normalizer\":", json));
  for (const auto& json : pre_tokenizers) expect_alike(StrCat("\"pre_tokenizer\":", json));
  for (const auto& json : decoders) expect_alike(StrCat("\"decoder\":", json));
}

// What is wrong is found before any of it is used.
TEST(DamagedImageTest, IsRefused) {
  for (const char* name : {"byte_level", "sp_unigram_bytes"}) {
    SCOPED_TRACE(name);
    const PipelineTokenizer built(PartsOf(TestDataDirectory() / name));
    const std::string good = WriteTokenizerImage(built.parts(), kKey);
    const TemporaryDirectory directory;
    const auto open = [&](std::string_view bytes) {
      return OpenImage(directory.Write("image", bytes)).status();
    };
    ASSERT_THAT(open(good), IsOk());
    std::mt19937 random(11);
    // Each byte of the header, and bytes everywhere else.
    for (size_t i = 0; i < 1000; ++i) {
      const size_t at = i < 128 ? i : random() % good.size();
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
      ASSERT_THAT(open(bytes), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image")))
          << at;
    }
    for (size_t i = 0; i < 200; ++i) {
      const size_t size = i < 130 ? i + 1 : random() % good.size() + 1;
      ASSERT_THAT(open(std::string_view(good).substr(0, size)),
                  StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image")))
          << size;
    }
    EXPECT_THAT(open(good + "x"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image")));
    EXPECT_THAT(
        open(WriteTokenizerImage(built.parts(), {9})),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image of another tokenizer")));
  }
}

// The checksums as whoever means harm would write them.
void SealAgain(std::string& bytes) {
  const auto put = [&](size_t at, uint64_t value) {
    std::copy_n(reinterpret_cast<const char*>(&value), sizeof(value), bytes.begin() + at);
  };
  put(72, XXH3_64bits(bytes.data() + 128, bytes.size() - 128));
  put(120, XXH3_64bits(bytes.data(), 120));
}

TEST(HostileImageTest, SealAgainKnowsWhereTheChecksumsAre) {
  const PipelineTokenizer built(PartsOf(TestDataDirectory() / "byte_level"));
  const std::string good = WriteTokenizerImage(built.parts(), kKey);
  std::string bytes = good;
  std::fill_n(bytes.begin() + 72, 8, '\0');
  std::fill_n(bytes.begin() + 120, 8, '\0');
  ASSERT_NE(bytes, good);
  SealAgain(bytes);
  EXPECT_EQ(bytes, good);
}

// Whatever it says, using it neither crashes nor reads elsewhere nor hangs (for sanitizers to see).
TEST(HostileImageTest, DoesNoHarm) {
  size_t opened = 0;
  size_t refused = 0;
  for (const char* name : {"byte_level", "metaspace", "unigram", "unigram_bytes", "word_piece",
                           "word_level", "sp_bpe", "sp_unigram_bytes"}) {
    SCOPED_TRACE(name);
    const PipelineTokenizer built(PartsOf(TestDataDirectory() / name));
    const std::string good = WriteTokenizerImage(built.parts(), kKey);
    const TemporaryDirectory directory;
    std::mt19937 random(13);
    const std::vector<std::string> texts = TextsFor(built, 40);
    for (size_t round = 0; round < 300; ++round) {
      std::string bytes = good;
      // The fields, which are few, get as many changes as the tables.
      const size_t end = round % 2 == 0 ? std::min<size_t>(bytes.size(), 4096) : bytes.size();
      const size_t changes = 1 + random() % 64;
      for (size_t i = 0; i < changes; ++i) {
        const size_t at = 128 + random() % (end - 128);
        constexpr char kValues[] = {0, 1, 0x7F, static_cast<char>(0x80), static_cast<char>(0xFF)};
        bytes[at] = random() % 2 == 0 ? kValues[random() % 5] : static_cast<char>(random());
      }
      SealAgain(bytes);
      const auto image = OpenImage(directory.Write("image", bytes));
      if (!image.ok()) {
        ++refused;
        continue;
      }
      ++opened;
      for (const std::string& text : texts) {
        const auto ids = (*image)->Encode(text);
        if (ids.ok()) Decode(**image, *ids);
      }
      for (int i = 0; i < 100; ++i) {
        const auto id = static_cast<int32_t>(random() % 2000);
        (*image)->TokenBytes(id);
        (*image)->TokenToId((*image)->IdToToken(id));
      }
    }
  }
  EXPECT_GT(opened, 100U);
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace firstlight
