#ifndef FIRSTLIGHT_TESTS_ENGINE_GOLDEN_H_
#define FIRSTLIGHT_TESTS_ENGINE_GOLDEN_H_

// What transformers computed from a checkpoint (tests/golden/README.md), and this engine's answer
// to the same prompt.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/decoder/decoder.h"
#include "engine/kernels/kernels.h"
#include "engine/model_config.h"

namespace firstlight {

struct Golden {
  std::string name;
  std::string checkpoint;            // a directory
  std::vector<int32_t> prompt;       // [tokens]
  std::vector<int32_t> greedy;       // [steps]
  std::vector<float> prompt_logits;  // [tokens, vocab_size]
  std::vector<float> greedy_logits;  // [steps, vocab_size], what each greedy token was chosen from
};

// Every golden that must be there.
std::vector<std::string> GoldenNames();

// Fails the test, and returns what it has, when a file is missing or malformed.
Golden ReadGolden(const std::string& name);

// The squared error of `found` over the variance of `expected`; infinite when a value is not
// finite. REQUIRES: equal sizes.
double NormalizedMeanSquaredError(absl::Span<const float> found, absl::Span<const float> expected);

// The bar for it, and for equality with transformers altogether.
inline constexpr double kLargestError = 1e-6;

// A checkpoint bound to a decoder of its own, without the rest of a Model.
class TestDecoder {
 public:
  struct Options {
    Isa isa = Isa::kAuto;
    int threads = 2;
    std::function<void(DecoderSpec*)> edit_spec = nullptr;  // before binding
  };

  static absl::StatusOr<std::unique_ptr<TestDecoder>> Create(const std::string& directory,
                                                             const Options& options);

  // For Create.
  TestDecoder(int threads, int64_t pool_bytes) : workers_(threads), pool_(pool_bytes) {}

  const DecoderSpec& spec() const { return config_.spec; }
  Decoder& decoder() { return *decoder_; }

  // A sequence of its own, with a prompt of that length.
  struct Sequence {
    std::unique_ptr<PagedCache> cache;
    std::vector<float> state;
    RopeFrequencies rope;
    int64_t prompt_tokens = 0;
    int64_t position = 0;
  };
  Sequence NewSequence(int64_t prompt_tokens);

  // Reserves for `tokens` at the sequence's position and advances it. `tokens` outlive the pass.
  BatchSegment Advance(Sequence& sequence, absl::Span<const int32_t> tokens, int64_t logits_rows);

  // Runs one segment; a copy of its logits.
  std::vector<float> Run(Sequence& sequence, absl::Span<const int32_t> tokens, int64_t logits_rows);

 private:
  std::unique_ptr<const Checkpoint> checkpoint_;
  ModelConfig config_;
  BoundWeights weights_;
  WorkerPool workers_;
  BlockPool pool_;
  std::unique_ptr<CacheArenas> arenas_;
  std::unique_ptr<Decoder> decoder_;
};

struct GoldenAnswer {
  std::vector<int32_t> greedy;
  double prompt_error = 0;
  double greedy_error = 0;
};

// Prefills the golden's prompt and decodes greedily for as many steps as it has. The error of the
// greedy steps is that up to the first token that differs.
GoldenAnswer AnswerGolden(TestDecoder& decoder, const Golden& golden);

}  // namespace firstlight

#endif  // FIRSTLIGHT_TESTS_ENGINE_GOLDEN_H_
