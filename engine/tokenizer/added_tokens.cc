#include "engine/tokenizer/added_tokens.h"

#include <algorithm>
#include <functional>
#include <map>
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
  while (begin > 0 && ContinuesCharacter(text[begin])) {
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
    } while (position > limit && ContinuesCharacter(text[position]));
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

// By ascending id, each once. Errors: as Create.
absl::Status SortAndValidate(std::vector<AddedToken>& tokens) {
  std::sort(tokens.begin(), tokens.end(), [](const AddedToken& a, const AddedToken& b) {
    return std::tie(a.id, a.content) < std::tie(b.id, b.content);
  });
  tokens.erase(std::unique(tokens.begin(), tokens.end(),
                           [](const AddedToken& a, const AddedToken& b) {
                             return a.id == b.id && SameToken(a, b);
                           }),
               tokens.end());
  std::map<std::string_view, int64_t> ids;
  for (size_t i = 0; i < tokens.size(); ++i) {
    FIRSTLIGHT_RETURN_IF_ERROR(Validate(tokens[i]));
    if (i > 0 && tokens[i - 1].id == tokens[i].id) {
      return absl::InvalidArgumentError(
          StrCat("id ", tokens[i].id, " is given to two added tokens, ",
                 Quoted(tokens[i - 1].content), " and ", Quoted(tokens[i].content)));
    }
    const auto [first, inserted] = ids.emplace(tokens[i].content, tokens[i].id);
    if (!inserted) {
      return absl::InvalidArgumentError(StrCat("added token ", Quoted(tokens[i].content),
                                               " has two ids, ", first->second, " and ",
                                               tokens[i].id));
    }
  }
  return absl::OkStatus();
}

// Of a Record.
constexpr uint32_t kSingleWord = 1;
constexpr uint32_t kLeftStrip = 2;
constexpr uint32_t kRightStrip = 4;
constexpr uint32_t kSpecial = 8;

uint32_t FlagsOf(const AddedToken& token) {
  return (token.single_word ? kSingleWord : 0) | (token.lstrip ? kLeftStrip : 0) |
         (token.rstrip ? kRightStrip : 0) | (token.special ? kSpecial : 0);
}

// Whether a token is the template's to write and nobody else's: special, or spelled as the markers
// of turns are. Vocabularies do not flag all of these, as DeepSeek-R1's do not flag "<｜User｜>".
bool IsMarker(const AddedTokens::Token& token) {
  const auto is_within = [&token](std::string_view begin, std::string_view end) {
    return token.content.size() > begin.size() + end.size() && token.content.starts_with(begin) &&
           token.content.ends_with(end);
  };
  return token.special || is_within("<|", "|>") || is_within("<\uFF5C", "\uFF5C>");
}

bool IsWithinCharacter(std::string_view text, size_t position) {
  return position < text.size() && ContinuesCharacter(text[position]);
}

}  // namespace

absl::StatusOr<std::unique_ptr<const AddedTokens>> AddedTokens::Create(
    std::vector<AddedToken> tokens, const TextNormalizer* normalizer) {
  FIRSTLIGHT_RETURN_IF_ERROR(SortAndValidate(tokens));
  size_t content_bytes = 0;
  for (const AddedToken& token : tokens) content_bytes += token.content.size();
  const std::function<bool()> never;
  EncodeCancellation cancellation(never, WorkLimit(content_bytes));
  std::vector<Record> records;
  std::vector<char> text;
  const auto append = [&text](std::string_view piece) {
    text.insert(text.end(), piece.begin(), piece.end());
    return static_cast<uint32_t>(text.size());
  };
  std::vector<std::string> spellings;
  records.reserve(tokens.size());
  spellings.reserve(tokens.size());
  for (const AddedToken& token : tokens) {
    std::string spelling = token.content;
    if (token.normalized && normalizer != nullptr && !spelling.empty()) {
      NormalizedText normalized(spelling);
      FIRSTLIGHT_RETURN_IF_ERROR(normalizer->Normalize(normalized, cancellation));
      spelling = normalized.text();
    }
    if (spelling.size() > kMaxContentBytes) {
      return absl::InvalidArgumentError(StrCat("added token ", token.id, " grows beyond ",
                                               kMaxContentBytes, " bytes when it is normalized"));
    }
    Record record = {.id = static_cast<int32_t>(token.id),
                     .content = static_cast<uint32_t>(text.size()),
                     .flags = FlagsOf(token)};
    record.spelling = append(token.content);
    record.end = append(spelling);
    records.push_back(record);
    spellings.push_back(std::move(spelling));
  }
  using Entries = std::vector<std::pair<std::string_view, int32_t>>;
  Entries by_content;
  Entries in_original;
  Entries in_normalized;
  std::set<std::string_view> seen_normalized;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto index = static_cast<int32_t>(i);
    by_content.emplace_back(tokens[i].content, index);
    if (tokens[i].content.empty()) {
      continue;
    }
    if (!tokens[i].normalized) {
      in_original.emplace_back(tokens[i].content, index);
    } else if (!spellings[i].empty() && seen_normalized.insert(spellings[i]).second) {
      in_normalized.emplace_back(spellings[i], index);
    }
  }
  std::unique_ptr<AddedTokens> added(new AddedTokens());
  added->records_ = Table<Record>(std::move(records));
  added->text_ = Table<char>(std::move(text));
  added->by_content_ = ByteTrie(std::move(by_content));
  added->in_original_ = ByteTrie(std::move(in_original));
  added->in_normalized_ = ByteTrie(std::move(in_normalized));
  return added;
}

void AddedTokens::Save(ImageWriter& image) const {
  image.Write(records_);
  image.Write(text_);
  by_content_.Save(image);
  in_original_.Save(image);
  in_normalized_.Save(image);
}

absl::StatusOr<std::unique_ptr<const AddedTokens>> AddedTokens::Load(ImageReader& image) {
  std::unique_ptr<AddedTokens> added(new AddedTokens());
  added->records_ = image.ReadTable<Record>();
  added->text_ = image.ReadTable<char>();
  added->by_content_ = ByteTrie::Load(image, added->size());
  added->in_original_ = ByteTrie::Load(image, added->size());
  added->in_normalized_ = ByteTrie::Load(image, added->size());
  FIRSTLIGHT_RETURN_IF_ERROR(image.status());
  return added;
}

AddedTokens::Token AddedTokens::operator[](size_t index) const {
  // A copy, so that what is checked is what is used.
  const Record record = records_[index];
  const auto text = [this](uint32_t begin, uint32_t end) {
    return begin <= end && end <= text_.size() ? std::string_view(text_.data() + begin, end - begin)
                                               : std::string_view();
  };
  const bool has_id = record.id >= 0 && record.id < Vocabulary::kMaxIds;
  return {.id = has_id ? record.id : Vocabulary::kNoId,
          .content = text(record.content, record.spelling),
          .spelling = text(record.spelling, record.end),
          .single_word = (record.flags & kSingleWord) != 0,
          .lstrip = (record.flags & kLeftStrip) != 0,
          .rstrip = (record.flags & kRightStrip) != 0,
          .special = (record.flags & kSpecial) != 0};
}

std::pair<size_t, int32_t> AddedTokens::Match(std::string_view text, size_t position,
                                              const FindOptions& options,
                                              size_t& next_forbidden) const {
  const ByteTrie& trie = options.normalized ? in_normalized_ : in_original_;
  const absl::Span<const TextRange> forbidden = options.forbidden_special_ranges;
  while (next_forbidden < forbidden.size() && forbidden[next_forbidden].end <= position) {
    ++next_forbidden;
  }
  if (next_forbidden == forbidden.size()) {
    return trie.LongestPrefix(text.substr(position));
  }
  // A marker that is forbidden is none: a shorter one may begin at the same place.
  const size_t special_end = forbidden[next_forbidden].begin;
  std::pair<size_t, int32_t> longest(0, ByteTrie::kNoValue);
  trie.ForEachPrefix(text.substr(position), [&](size_t length, int32_t index) {
    if (position + length <= special_end || !IsMarker((*this)[static_cast<size_t>(index)])) {
      longest = {length, index};
    }
  });
  return longest;
}

absl::Status AddedTokens::Find(std::string_view text, const FindOptions& options,
                               EncodeCancellation& cancellation,
                               std::vector<Stretch>& stretches) const {
  const ByteTrie& trie = options.normalized ? in_normalized_ : in_original_;
  size_t covered = 0;
  if (!trie.empty()) {
    size_t next_forbidden = 0;
    for (size_t position = 0; position < text.size();) {
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
      if (!trie.Begins(text[position])) {
        ++position;
        continue;
      }
      const auto [length, index] = Match(text, position, options, next_forbidden);
      if (index == ByteTrie::kNoValue) {
        ++position;
        continue;
      }
      // The match counts as consumed even where a flag then rejects it, as in `tokenizers`.
      TextRange range = {position, position + length};
      position = range.end;
      if (IsWithinCharacter(text, range.begin) || IsWithinCharacter(text, range.end)) {
        continue;  // No token is spelled like that; an image that has been damaged may say so.
      }
      const Token token = (*this)[static_cast<size_t>(index)];
      if ((token.special && !options.parse_special_tokens) ||
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
      stretches.push_back({.range = range, .token_id = token.id});
      covered = range.end;
    }
  }
  if (covered < text.size()) {
    stretches.push_back({.range = {covered, text.size()}});
  }
  return absl::OkStatus();
}

std::optional<AddedTokens::Token> AddedTokens::WithId(int32_t id) const {
  const absl::Span<const Record> records = records_.elements();
  const auto found =
      std::lower_bound(records.begin(), records.end(), id,
                       [](const Record& record, int32_t wanted) { return record.id < wanted; });
  if (found == records.end() || found->id != id) {
    return std::nullopt;
  }
  return (*this)[static_cast<size_t>(found - records.begin())];
}

std::optional<AddedTokens::Token> AddedTokens::WithContent(std::string_view content) const {
  const auto [length, index] = by_content_.LongestPrefix(content);
  if (index == ByteTrie::kNoValue || length != content.size()) {
    return std::nullopt;
  }
  return (*this)[static_cast<size_t>(index)];
}

size_t AddedTokens::memory_bytes() const {
  return records_.memory_bytes() + text_.memory_bytes() + by_content_.memory_bytes() +
         in_original_.memory_bytes() + in_normalized_.memory_bytes();
}

}  // namespace firstlight
