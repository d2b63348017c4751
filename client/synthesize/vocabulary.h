#ifndef FIRSTLIGHT_CLIENT_SYNTHESIZE_VOCABULARY_H_
#define FIRSTLIGHT_CLIENT_SYNTHESIZE_VOCABULARY_H_

// A byte-pair vocabulary of any size, made up: tokens that look like words, numbers and runs of
// spaces, and merges that build each of them from two that come before it.
//
// It knows no language, but it is a real vocabulary in every other way: it encodes any text, merges
// are consistent with the tokens, and the counts are those of the published one. Deterministic.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace firstlight {

struct VocabularyRequest {
  // The alphabet that merges start from: one character each (UTF-8), unique, with the digits, the
  // letters a to z and A to Z and `space` among them.
  std::vector<std::string> alphabet;
  std::string space;  // what stands for a space inside tokens: "Ġ" or "▁"
  size_t merged_tokens = 0;
  // Merges wanted; a token has at least one, and more where other halves of it are tokens, too.
  size_t merges = 0;
  // Tokens for the numbers of 2 and 3 digits, where the pre-tokenizer leaves such runs whole.
  bool numbers = false;
};

struct Vocabulary {
  std::vector<std::string> merged;                          // in the order of their ids
  std::vector<std::pair<std::string, std::string>> merges;  // in the order of their ranks
};

Vocabulary MakeVocabulary(const VocabularyRequest& request);

}  // namespace firstlight

#endif  // FIRSTLIGHT_CLIENT_SYNTHESIZE_VOCABULARY_H_
