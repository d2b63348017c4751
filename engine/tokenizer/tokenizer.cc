#include "engine/tokenizer/tokenizer.h"

#include "engine/tokenizer/text/utf8.h"
#include "loader/base/strings.h"

namespace firstlight {

std::string Tokenizer::TokenText(int32_t id) const { return ReplaceInvalidUtf8(TokenBytes(id)); }

absl::Status CheckTokenizerFitsModel(const Tokenizer& tokenizer, int64_t vocab_rows) {
  for (int64_t id = vocab_rows < 0 ? 0 : vocab_rows; id < tokenizer.vocab_size(); ++id) {
    if (tokenizer.HasToken(static_cast<int32_t>(id))) {
      return absl::InvalidArgumentError(StrCat(
          "tokenizer: token ", Quoted(tokenizer.IdToToken(static_cast<int32_t>(id))), " has id ",
          id, ", expected an id below the ", vocab_rows, " rows of the model's embedding"));
    }
  }
  return absl::OkStatus();
}

}  // namespace firstlight
