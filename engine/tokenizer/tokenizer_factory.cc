#include "engine/tokenizer/tokenizer_factory.h"

#include <utility>

#include "engine/tokenizer/formats/formats.h"
#include "engine/tokenizer/pipeline.h"
#include "loader/base/status_macros.h"

namespace firstlight {

absl::StatusOr<std::unique_ptr<const Tokenizer>> OpenTokenizer(
    const std::filesystem::path& directory) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(PipelineTokenizer::Parts parts, ReadTokenizerParts(directory));
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

}  // namespace firstlight
