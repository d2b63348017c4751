#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_NORMALIZER_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_NORMALIZER_H_

// `normalizer` of tokenizer.json: rewrites a text before it is split. One class a type. Those of a
// few lines are made by the functions below; the others have a file each beside this one.
//
// Immutable; any thread may call Normalize. Each is equal to its namesake under
// tokenizers/src/normalizers/.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/tokenizer/image/image_writer.h"
#include "engine/tokenizer/normalizers/normalized_text.h"
#include "engine/tokenizer/text/cancellation.h"
#include "engine/tokenizer/text/pattern.h"

namespace firstlight {

class TextNormalizer {
 public:
  virtual ~TextNormalizer() = default;

  // Rewrites `text`, valid UTF-8 before and after. Errors: CANCELLED; RESOURCE_EXHAUSTED from a
  // pattern, or when the text would grow past its max_bytes().
  virtual absl::Status Normalize(NormalizedText& text, EncodeCancellation& cancellation) const = 0;

  // Its NormalizerTag, then its fields; NormalizerFromImage (image/component_image.h) reads them.
  virtual void Save(ImageWriter& image) const = 0;
};

// "Sequence": one after the other.
std::unique_ptr<const TextNormalizer> SequenceNormalizer(
    std::vector<std::unique_ptr<const TextNormalizer>> normalizers);

// "Prepend": `prefix` in front of a text that is not empty.
std::unique_ptr<const TextNormalizer> PrependNormalizer(std::string prefix);

// "Replace": `content` for each match.
std::unique_ptr<const TextNormalizer> ReplaceNormalizer(std::unique_ptr<const TextPattern> pattern,
                                                        std::string content);

// "Strip": no whitespace at the ends asked for.
std::unique_ptr<const TextNormalizer> StripNormalizer(bool left, bool right);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_NORMALIZERS_NORMALIZER_H_
