#include "engine/tokenizer/added_tokens.h"

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>
#include <utility>

#include "engine/tokenizer/models/vocabulary.h"
#include "engine/tokenizer/text/unicode.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

// Looking for the tokens at one place of a text takes at most this many steps.
constexpr size_t kMaxContentBytes = 1024;

char32_t LastCharacter(std::string_view text) {
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) {
    --begin;
  }
  return DecodeUtf8(text.substr(begin)).code_point;
}

bool StandsAlone(std::string_view text, TextRange range) {
  const std::string_view before = text.substr(0, range.begin);
  const std::string_view behind = text.substr(range.end);
  return (before.empty() || !IsWordCharacter(LastCharacter(before))) &&
         (behind.empty() || !IsWordCharacter(DecodeUtf8(behind).code_point));
}

size_t BeginOfWhitespaceBefore(std::string_view text, size_t position, size_t limit) {
  while (position > limit) {
    const char32_t last = LastCharacter(text.substr(0, position));
    if (!IsWhitespace(last)) {
      break;
    }
    do {
      --position;
    } while (position > limit && (static_cast<unsigned char>(text[position]) & 0xC0) == 0x80);
  }
  return position;
}

size_t EndOfWhitespaceBehind(std::string_view text, size_t position) {
  while (position < text.size()) {
    const Utf8Character character = DecodeUtf8(text.substr(position));
    if (!IsWhitespace(character.code_point)) {
      break;
    }
    position += character.length;
  }
  return position;
}

bool SameToken(const AddedToken& a, const AddedToken& b) {
  return a.content == b.content && a.single_word == b.single_word && a.lstrip == b.lstrip &&
         a.rstrip == b.rstrip && a.normalized == b.normalized && a.special == b.special;
}

absl::Status Validate(const AddedToken& token) {
  if (token.id < 0 || token.id >= Vocabulary::kMaxIds) {
    return absl::InvalidArgumentError(StrCat("added token ", Quoted(token.content),
                                             ": expected an id in [0, ", Vocabulary::kMaxIds,
                                             "), found ", token.id));
  }
  if (token.content.size() > kMaxContentBytes) {
    return absl::InvalidArgumentError(StrCat("added token ", token.id, ": expected at most ",
                                             kMaxContentBytes, " bytes of content, found ",
                                             token.content.size()));
  }
  if (FindInvalidUtf8(token.content) != std::string_view::npos) {
    return absl::InvalidArgumentError(
        StrCat("added token ", token.id, ": content is not valid UTF-8"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const AddedTokens>> AddedTokens::Create(
    std::vector<AddedToken> tokens, const TextNormalizer* normalizer) {
  std::unique_ptr<AddedTokens> added(new AddedTokens());
  std::sort(tokens.begin(), tokens.end(), [](const AddedToken& a, const AddedToken& b) {
    return std::tie(a.id, a.content) < std::tie(b.id, b.content);
  });
  for (AddedToken& token : tokens) {
    FIRSTLIGHT_RETURN_IF_ERROR(Validate(token));
    if (!added->tokens_.empty() && added->tokens_.back().id == token.id) {
      if (SameToken(added->tokens_.back(), token)) {
        continue;
      }
      return absl::InvalidArgumentError(StrCat("id ", token.id, " is given to two added tokens, ",
                                               Quoted(added->tokens_.back().content), " and ",
                                               Quoted(token.content)));
    }
    added->tokens_.push_back(std::move(token));
  }
  std::set<std::string_view> seen_normalized;
  std::vector<std::pair<std::string_view, int32_t>> in_original;
  std::vector<std::pair<std::string_view, int32_t>> in_normalized;
  const std::function<bool()> never;
  Cancellation cancellation(never);
  for (size_t i = 0; i < added->tokens_.size(); ++i) {
    AddedToken& token = added->tokens_[i];
    token.spelling = token.content;
    added->by_id_.emplace(static_cast<int32_t>(token.id), i);
    if (!added->by_content_.emplace(token.content, i).second) {
      return absl::InvalidArgumentError(
          StrCat("added token ", Quoted(token.content), " has two ids, ",
                 added->tokens_[added->by_content_[token.content]].id, " and ", token.id));
    }
    if (token.content.empty()) {
      continue;
    }
    if (!token.normalized) {
      in_original.emplace_back(token.content, static_cast<int32_t>(i));
      continue;
    }
    if (normalizer != nullptr) {
      FIRSTLIGHT_RETURN_IF_ERROR(normalizer->Normalize(token.spelling, cancellation));
    }
    if (token.spelling.size() > kMaxContentBytes) {
      return absl::InvalidArgumentError(StrCat("added token ", token.id, " grows beyond ",
                                               kMaxContentBytes, " bytes when it is normalized"));
    }
    if (!token.spelling.empty() && seen_normalized.insert(token.spelling).second) {
      in_normalized.emplace_back(token.spelling, static_cast<int32_t>(i));
    }
  }
  added->in_original_ = ByteTrie(std::move(in_original));
  added->in_normalized_ = ByteTrie(std::move(in_normalized));
  return added;
}

absl::Status AddedTokens::Find(std::string_view text, bool normalized, bool parse_special_tokens,
                               Cancellation& cancellation, std::vector<Stretch>& stretches) const {
  const ByteTrie& trie = normalized ? in_normalized_ : in_original_;
  size_t covered = 0;
  if (!trie.empty()) {
    for (size_t position = 0; position < text.size();) {
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
      if (!trie.Begins(text[position])) {
        ++position;
        continue;
      }
      const auto [length, index] = trie.LongestPrefix(text.substr(position));
      if (index == ByteTrie::kNoValue) {
        ++position;
        continue;
      }
      // The match counts as consumed even where a flag then rejects it, as in `tokenizers`.
      TextRange range = {position, position + length};
      position = range.end;
      const AddedToken& token = tokens_[static_cast<size_t>(index)];
      if ((token.special && !parse_special_tokens) ||
          (token.single_word && !StandsAlone(text, range))) {
        continue;
      }
      if (token.lstrip) {
        range.begin = BeginOfWhitespaceBefore(text, range.begin, covered);
      }
      if (token.rstrip) {
        range.end = EndOfWhitespaceBehind(text, range.end);
      }
      if (covered < range.begin) {
        stretches.push_back({.range = {covered, range.begin}});
      }
      stretches.push_back({.range = range, .token = &token});
      covered = range.end;
    }
  }
  if (covered < text.size()) {
    stretches.push_back({.range = {covered, text.size()}});
  }
  return absl::OkStatus();
}

const AddedToken* AddedTokens::WithId(int32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &tokens_[found->second];
}

const AddedToken* AddedTokens::WithContent(std::string_view content) const {
  const auto found = by_content_.find(content);
  return found == by_content_.end() ? nullptr : &tokens_[found->second];
}

size_t AddedTokens::memory_bytes() const {
  // Two hash tables of a node and a bucket each, some 64 bytes a token.
  size_t bytes = tokens_.capacity() * (sizeof(AddedToken) + 128);
  for (const AddedToken& token : tokens_) {
    bytes += token.content.capacity();
  }
  return bytes + in_original_.memory_bytes() + in_normalized_.memory_bytes();
}

}  // namespace firstlight
