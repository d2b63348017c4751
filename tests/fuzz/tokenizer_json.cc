#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/tokenizer_exercise.h"

namespace firstlight {

void FuzzTokenizerJson(std::string_view input) {
  static const ScratchFolder folder;
  const auto [tokenizer_json, tokenizer_config] = SplitAtNul(input);
  folder.Write("tokenizer.json", tokenizer_json);
  if (tokenizer_config.empty()) {
    folder.Remove("tokenizer_config.json");
  } else {
    folder.Write("tokenizer_config.json", tokenizer_config);
  }
  const absl::StatusOr<std::unique_ptr<const Tokenizer>> tokenizer = OpenTokenizer(folder.path());
  RequireGoodRefusal(tokenizer.status(), "tokenizer");
  if (tokenizer.ok()) ExerciseTokenizer(**tokenizer);
}

}  // namespace firstlight
