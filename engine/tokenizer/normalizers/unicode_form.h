#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_UNICODE_FORM_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_UNICODE_FORM_H_

// Normalizer types "NFC", "NFD", "NFKC" and "NFKD": the normalization forms of Unicode Standard
// Annex 15, with utf8proc's tables.

#include <memory>

#include "engine/tokenizer/normalizers/normalizer.h"

namespace firstlight {

struct UnicodeForm {
  bool compatibility = false;  // The K in the name.
  bool compose = false;        // C rather than D.
};

std::unique_ptr<const TextNormalizer> UnicodeFormNormalizer(UnicodeForm form);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_UNICODE_FORM_H_
