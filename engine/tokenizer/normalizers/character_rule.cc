#include "engine/tokenizer/normalizers/character_rule.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tokenizer/image/component_tags.h"
#include "engine/tokenizer/normalizers/unicode_form.h"
#include "engine/tokenizer/text/byte_level.h"
#include "engine/tokenizer/text/unicode.h"
#include "engine/tokenizer/text/utf8.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

bool IsAnyOf(char32_t code_point, std::initializer_list<char32_t> others) {
  return std::find(others.begin(), others.end(), code_point) != others.end();
}

// What becomes of `code_point`, whose bytes are `character`, goes to the end of `out`.
using Apply = void (*)(char32_t code_point, std::string_view character, std::string& out);

void Lowercase(char32_t code_point, std::string_view /*character*/, std::string& out) {
  AppendLowercase(code_point, out);
}

void StripAccents(char32_t code_point, std::string_view character, std::string& out) {
  if (!IsMark(code_point)) out += character;
}

void StripNonspacingMarks(char32_t code_point, std::string_view character, std::string& out) {
  if (!IsNonspacingMark(code_point)) out += character;
}

void Nmt(char32_t code_point, std::string_view character, std::string& out) {
  if ((code_point >= 0x01 && code_point <= 0x08) || code_point == 0x0B ||
      (code_point >= 0x0E && code_point <= 0x1F) || IsAnyOf(code_point, {0x7F, 0x8F, 0x9F})) {
    return;
  }
  if ((code_point >= 0x200B && code_point <= 0x200F) ||
      IsAnyOf(code_point, {0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x2028, 0x2029, 0x2581, 0xFEFF,
                           kReplacementCharacter})) {
    out.push_back(' ');
  } else {
    out += character;
  }
}

void SpellBytes(char32_t /*code_point*/, std::string_view character, std::string& out) {
  AppendByteLevel(character, out);
}

void CleanText(char32_t code_point, std::string_view character, std::string& out) {
  const bool is_space = IsAnyOf(code_point, {'\t', '\n', '\r'}) || IsWhitespace(code_point);
  if (code_point == 0 || code_point == kReplacementCharacter ||
      (!IsAnyOf(code_point, {'\t', '\n', '\r'}) && IsOther(code_point))) {
    return;
  }
  if (is_space) {
    out.push_back(' ');
  } else {
    out += character;
  }
}

void SpaceIdeographs(char32_t code_point, std::string_view character, std::string& out) {
  const std::string_view space = IsBertIdeograph(code_point) ? " " : "";
  out += space;
  out += character;
  out += space;
}

Apply ApplyOf(CharacterRule rule) {
  switch (rule) {
    case CharacterRule::kLowercase:
      return Lowercase;
    case CharacterRule::kStripAccents:
      return StripAccents;
    case CharacterRule::kNmt:
      return Nmt;
    case CharacterRule::kByteLevel:
      return SpellBytes;
    case CharacterRule::kCleanText:
      return CleanText;
    case CharacterRule::kSpaceIdeographs:
      return SpaceIdeographs;
    case CharacterRule::kStripNonspacingMarks:
      return StripNonspacingMarks;
  }
  return Lowercase;
}

class Normalizer : public TextNormalizer {
 public:
  explicit Normalizer(CharacterRule rule) : rule_(rule), apply_(ApplyOf(rule)) {}

  absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const override {
    Rewriting rewriting(text);
    std::string with;
    while (!rewriting.rest().empty()) {
      const Utf8Character character = DecodeUtf8(rewriting.rest());
      with.clear();
      apply_(character.code_point, rewriting.rest().substr(0, character.length), with);
      rewriting.Replace(character.length, with);
      FIRSTLIGHT_RETURN_IF_ERROR(rewriting.CheckSize());
      FIRSTLIGHT_RETURN_IF_ERROR(cancellation.Check(1));
    }
    rewriting.Finish();
    return absl::OkStatus();
  }

  void Save(ImageWriter& image) const override {
    image.Write(NormalizerTag::kCharacterRule);
    image.Write(rule_);
  }

 private:
  const CharacterRule rule_;
  const Apply apply_;
};

}  // namespace

std::unique_ptr<const TextNormalizer> CharacterRuleNormalizer(CharacterRule rule) {
  return std::make_unique<Normalizer>(rule);
}

std::unique_ptr<const TextNormalizer> BertNormalizer(const BertNormalizerOptions& options) {
  std::vector<std::unique_ptr<const TextNormalizer>> sequence;
  if (options.clean_text) {
    sequence.push_back(CharacterRuleNormalizer(CharacterRule::kCleanText));
  }
  if (options.handle_chinese_chars) {
    sequence.push_back(CharacterRuleNormalizer(CharacterRule::kSpaceIdeographs));
  }
  if (options.strip_accents) {
    sequence.push_back(UnicodeFormNormalizer({.compatibility = false, .compose = false}));
    sequence.push_back(CharacterRuleNormalizer(CharacterRule::kStripNonspacingMarks));
  }
  if (options.lowercase) {
    sequence.push_back(CharacterRuleNormalizer(CharacterRule::kLowercase));
  }
  return SequenceNormalizer(std::move(sequence));
}

}  // namespace firstlight
