#ifndef FIRSTLIGHT_ENGINE_BATCH_PASS_H_
#define FIRSTLIGHT_ENGINE_BATCH_PASS_H_

// One step of one model: its forward pass and the sequences that take part. Engine thread only.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/decoder.h"
#include "engine/layer_gate.h"
#include "engine/model.h"
#include "engine/sequence.h"

namespace firstlight {

class BatchPass {
 public:
  struct Part {
    Sequence* sequence = nullptr;
    int64_t rows = 0;
    bool has_logits = false;  // reaches the sequence's last token
    int64_t logits_row = 0;
  };

  // Marks the sequences as part of a pass until it is destroyed. Their caches are reserved for the
  // rows. Errors are those of Decoder::Begin. REQUIRES: `parts` is not empty, no other pass of
  // `model`.
  static absl::StatusOr<std::unique_ptr<BatchPass>> Begin(const Model* model,
                                                          std::vector<Part> parts);
  ~BatchPass();
  BatchPass(const BatchPass&) = delete;
  BatchPass& operator=(const BatchPass&) = delete;

  // Runs stages until the end or until `gate` (may be nullptr) is closed. Returns how many ran.
  int64_t Run(LayerGate* gate);
  bool done() const { return pass_->done(); }

  // Whether no sequence of it is still of interest: it may be dropped before its end.
  bool abandoned() const;

  const Model* model() const { return model_; }
  const std::vector<Part>& parts() const { return parts_; }
  // Once done: [vocabulary]. REQUIRES: part.has_logits.
  absl::Span<const float> logits(const Part& part) const {
    return pass_->logits_row(part.logits_row);
  }

 private:
  BatchPass(const Model* model, std::vector<Part> parts);

  const Model* const model_;
  std::vector<Part> parts_;
  std::unique_ptr<ForwardPass> pass_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_BATCH_PASS_H_
