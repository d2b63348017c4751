#ifndef FIRSTLIGHT_ENGINE_TOKENIZER_TOKENIZER_FACTORY_H_
#define FIRSTLIGHT_ENGINE_TOKENIZER_TOKENIZER_FACTORY_H_

// Opens the tokenizer of a checkpoint from its files. Who opens many, or wants them at once:
// cache/tokenizer_cache.h.

#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/tokenizer/tokenizer.h"

namespace firstlight {

// The tokenizer of the checkpoint in `directory`: from tokenizer.json, else from tokenizer.model,
// else from vocab.json with merges.txt. tokenizer_config.json, special_tokens_map.json and
// added_tokens.json are read beside them where they are. Reads files and computes for up to a few
// hundred milliseconds: not for a thread that may not block. Holds no file open afterwards.
//
// Errors, each naming the file and the part of it: NOT_FOUND when the directory holds none of the
// files above (such a checkpoint serves token ids only); FAILED_PRECONDITION when it lists one that
// is not there (a link whose target is gone); INVALID_ARGUMENT when one is malformed;
// UNIMPLEMENTED for a component that is not implemented, by its name (`tokenizer.json:
// pre_tokenizer type "X" is not implemented`); RESOURCE_EXHAUSTED beyond a limit.
absl::StatusOr<std::unique_ptr<const Tokenizer>> OpenTokenizer(
    const std::filesystem::path& directory);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_TOKENIZER_TOKENIZER_FACTORY_H_
