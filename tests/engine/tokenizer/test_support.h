#ifndef FIRSTLIGHT_TESTS_ENGINE_TOKENIZER_TEST_SUPPORT_H_
#define FIRSTLIGHT_TESTS_ENGINE_TOKENIZER_TEST_SUPPORT_H_

// Where the tests of the tokenizers find their files, and texts to try.

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/text/utf8.h"
#include "engine/tokenizer/tokenizer.h"
#include "gtest/gtest.h"

namespace firstlight {

// tests/engine/tokenizer/testdata.
inline std::filesystem::path TestDataDirectory() { return FIRSTLIGHT_TOKENIZER_TESTDATA; }

// The folders there that hold a tokenizer.json, and all that hold a tokenizer.
inline constexpr const char* kJsonTokenizers[] = {
    "affixes",    "byte_level", "byte_normalizer", "digits",  "ignore_merges",
    "metaspace",  "prepended",  "split_spaces",    "unigram", "unigram_bytes",
    "word_level", "word_piece", "word_suffix"};
inline constexpr const char* kAllTokenizers[] = {
    "affixes",    "byte_level",      "byte_normalizer", "digits",  "ignore_merges",
    "metaspace",  "prepended",       "split_spaces",    "unigram", "unigram_bytes",
    "word_level", "word_piece",      "word_suffix",     "sp_bpe",  "sp_bpe_unknown",
    "sp_unigram", "sp_unigram_bytes"};

// The ids of `text` alone; none, and a failed test, where it cannot be encoded.
inline std::vector<int32_t> EncodePlain(const Tokenizer& tokenizer, std::string_view text) {
  absl::StatusOr<std::vector<int32_t>> ids = tokenizer.Encode(text, {.add_special_tokens = false});
  EXPECT_TRUE(ids.ok()) << ids.status();
  return ids.ok() ? *std::move(ids) : std::vector<int32_t>();
}

// Seeded texts of words, spaces and characters of many scripts.
inline std::vector<std::string> RandomTexts(unsigned seed, size_t count) {
  constexpr std::string_view kWords[] = {"hello",
                                         "world",
                                         "don't",
                                         "I'LL",
                                         "na\u00EFve",
                                         "\u041F\u0440\u0438\u0432\u0435\u0442",
                                         "\u4F60\u597D",
                                         "12345",
                                         "3.14",
                                         "<s>",
                                         "<word>",
                                         "<0x0A>",
                                         "\u2581",
                                         "\u2581\u2581",
                                         "ing",
                                         "\U0001F469\u200D\U0001F469\u200D\U0001F467",
                                         "\U0001F44D\U0001F3FD",
                                         "e\u0301",
                                         "...",
                                         "{}",
                                         " ",
                                         " ",
                                         "  ",
                                         "\n",
                                         "\t",
                                         "\r\n",
                                         "\u00A0",
                                         "\u3000",
                                         "\u180E",
                                         "\u0085"};
  std::mt19937 random(seed);
  const auto below = [&](size_t bound) { return static_cast<size_t>(random() % bound); };
  std::vector<std::string> texts = {"", " ", "a", " a", "a "};
  while (texts.size() < count) {
    std::string text;
    const size_t parts = 1 + below(20);
    for (size_t i = 0; i < parts; ++i) {
      if (below(3) > 0) {
        text += kWords[below(std::size(kWords))];
        continue;
      }
      constexpr char32_t kBounds[] = {0x80, 0x800, 0x3000, 0x10000, 0x20000};
      char32_t code_point = random() % kBounds[below(std::size(kBounds))];
      if (code_point >= 0xD800 && code_point < 0xE000) {
        code_point = 0xFFFD;
      }
      AppendUtf8(code_point, text);
    }
    texts.push_back(text);
  }
  return texts;
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_TOKENIZER_TEST_SUPPORT_H_
