#ifndef FIRSTLIGHT_TESTS_FUZZ_TOKENIZER_EXERCISE_H_
#define FIRSTLIGHT_TESTS_FUZZ_TOKENIZER_EXERCISE_H_

#include "engine/tokenizer/tokenizer.h"

namespace firstlight {

// Asks everything of a tokenizer that nobody has vouched for: it may know no text, but what it
// answers holds what tokenizer.h and detokenizer.h say. Where its tables come from an image, which
// may have been damaged, ids may be wrong (docs/tokenizers.md), and the engine's checks find them.
void ExerciseTokenizer(const Tokenizer& tokenizer);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_FUZZ_TOKENIZER_EXERCISE_H_
