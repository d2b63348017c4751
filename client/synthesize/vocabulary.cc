#include "client/synthesize/vocabulary.h"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Short words leave few strings of letters that are not tokens, so that most tokens can be merged
// in more than one way, as in the published vocabularies.
constexpr size_t kLongestWordLetters = 4;
constexpr size_t kLongestRunOfSpaces = 64;

bool IsLowerCase(char c) { return c >= 'a' && c <= 'z'; }

class Builder {
 public:
  explicit Builder(const VocabularyRequest& request) : request_(request) {
    for (const std::string& character : request.alphabet) {
      known_.insert(character);
      if (character.size() == 1 && IsLowerCase(character[0])) words_.push_back(character);
    }
    starts_ = words_;
  }

  Vocabulary Build() {
    AddSpaces();
    if (request_.numbers) AddNumbers();
    AddWords();
    return std::move(vocabulary_);
  }

 private:
  bool full() const { return vocabulary_.merged.size() == request_.merged_tokens; }

  // Adds left+right as the next token, unless it is one already. Returns whether it was added.
  bool Add(const std::string& left, const std::string& right) {
    const std::string token = left + right;
    if (full() || !known_.insert(token).second) return false;
    vocabulary_.merged.push_back(token);
    vocabulary_.merges.emplace_back(left, right);
    AddOtherSplits(token, left.size());
    return true;
  }

  // The published lists merge a token from every pair of tokens that makes it; this adds such pairs
  // while the list is behind the wanted ratio.
  void AddOtherSplits(const std::string& token, size_t used) {
    for (size_t split = 1; split < token.size(); ++split) {
      const double wanted = static_cast<double>(request_.merges) /
                            static_cast<double>(request_.merged_tokens) *
                            static_cast<double>(vocabulary_.merged.size());
      if (static_cast<double>(vocabulary_.merges.size()) + 0.5 > wanted) return;
      const std::string_view left = std::string_view(token).substr(0, split);
      const std::string_view right = std::string_view(token).substr(split);
      if (split == used || !known_.contains(ToAbsl(left)) || !known_.contains(ToAbsl(right)))
        continue;
      vocabulary_.merges.emplace_back(left, right);
    }
  }

  void AddSpaces() {
    std::string run = request_.space;
    for (size_t length = 2; length <= kLongestRunOfSpaces; length *= 2) {
      if (!Add(run, run)) return;
      run += run;
    }
  }

  void AddNumbers() {
    const auto digit = [](int value) { return std::string(1, static_cast<char>('0' + value)); };
    for (int number = 0; number < 100; ++number) Add(digit(number / 10), digit(number % 10));
    for (int number = 0; number < 1000; ++number) {
      Add(digit(number / 100) + digit(number / 10 % 10), digit(number % 10));
    }
  }

  // Words grow from pieces that are there already, the older ones more often, as frequent pieces do
  // in a trained vocabulary. Each starts bare, with a space, or with a capital.
  void AddWords() {
    const std::vector<std::string> letters = words_;
    for (const std::string& first : letters) {
      for (const std::string& second : letters) AddWord(first, second);
    }
    for (const std::string& letter : letters) AddWord(request_.space, letter);
    for (char capital = 'A'; capital <= 'Z'; ++capital) starts_.emplace_back(1, capital);
    while (!full()) {
      // One after the other: in one call, each compiler would draw them in an order of its own.
      const std::string& right = Pick(words_);
      AddWord(Pick(starts_), right);
    }
  }

  void AddWord(const std::string& left, const std::string& right) {
    const bool spaced = left.starts_with(request_.space);
    const size_t letters = left.size() + right.size() - (spaced ? request_.space.size() : 0);
    if (letters > kLongestWordLetters || !Add(left, right)) return;
    // Both may be elements of the vectors that grow here.
    const bool continues_words = IsLowerCase(left[0]);
    const std::string word = left + right;
    starts_.push_back(word);
    if (continues_words) words_.push_back(word);
  }

  const std::string& Pick(const std::vector<std::string>& from) {
    constexpr double kScale = 0x1p-32;
    const double uniform = static_cast<double>(random_()) * kScale;
    const double square = uniform * uniform;
    return from[static_cast<size_t>(square * square * static_cast<double>(from.size()))];
  }

  const VocabularyRequest& request_;
  Vocabulary vocabulary_;
  absl::flat_hash_set<std::string> known_;
  std::vector<std::string> words_;   // of lower-case letters: what can continue a word
  std::vector<std::string> starts_;  // what a word can start with
  std::mt19937 random_{1};
};

}  // namespace

Vocabulary MakeVocabulary(const VocabularyRequest& request) { return Builder(request).Build(); }

}  // namespace firstlight
