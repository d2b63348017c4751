#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_COMPONENT_IMAGE_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_COMPONENT_IMAGE_H_

// The components of a tokenizer, from an image to their objects: what formats/component_json.h is
// for JSON. Each function has the one list of the types of its kind; what it reads, the Save() of
// the type's class writes.
//
// A new type is a tag (component_tags.h), a Save() and a case here.

#include <memory>

#include "absl/status/statusor.h"
#include "engine/tokenizer/decoders/token_decoder.h"
#include "engine/tokenizer/image/image_reader.h"
#include "engine/tokenizer/models/token_model.h"
#include "engine/tokenizer/normalizers/normalizer.h"
#include "engine/tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace firstlight {

// Errors: INVALID_ARGUMENT, or what the component's own creation says.
absl::StatusOr<std::unique_ptr<const TextNormalizer>> NormalizerFromImage(ImageReader& image);
absl::StatusOr<std::unique_ptr<const PreTokenizer>> PreTokenizerFromImage(ImageReader& image);
absl::StatusOr<std::unique_ptr<const TokenModel>> ModelFromImage(ImageReader& image);
absl::StatusOr<std::unique_ptr<const TokenDecoder>> DecoderFromImage(ImageReader& image);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_IMAGE_COMPONENT_IMAGE_H_
