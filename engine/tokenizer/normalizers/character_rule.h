#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_CHARACTER_RULE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_CHARACTER_RULE_H_

// The normalizers that say of each character alone what becomes of it, whatever stands around it.

#include <cstdint>
#include <memory>

#include "engine/tokenizer/normalizers/normalizer.h"

namespace firstlight {

enum class CharacterRule : uint8_t {
  // "Lowercase": its lower-case mapping, whatever the language.
  kLowercase,
  // "StripAccents": nothing for a mark of any kind. (Accents that are part of their character stay:
  // the files put "NFD" before it.)
  kStripAccents,
  // "Nmt": nothing for most control characters, a space for other spaces and what should not be
  // seen (nmt_norm_main of sentencepiece's rules).
  kNmt,
  // "ByteLevel": the characters that stand for its bytes (text/byte_level.h).
  kByteLevel,
  // Of "BertNormalizer": nothing for control characters and U+FFFD, a space for all whitespace.
  kCleanText,
  // Of "BertNormalizer": a space on each side of an ideograph.
  kSpaceIdeographs,
  // Of "BertNormalizer": nothing for a nonspacing mark.
  kStripNonspacingMarks,
  kLast = kStripNonspacingMarks
};

std::unique_ptr<const TextNormalizer> CharacterRuleNormalizer(CharacterRule rule);

// "BertNormalizer" (tokenizers/src/normalizers/bert.rs): the rules above that it asks for, in its
// order.
struct BertNormalizerOptions {
  bool clean_text = true;
  bool handle_chinese_chars = true;
  bool strip_accents = false;
  bool lowercase = true;
};
std::unique_ptr<const TextNormalizer> BertNormalizer(const BertNormalizerOptions& options);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_CHARACTER_RULE_H_
