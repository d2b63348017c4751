#ifndef FIRSTLIGHT_ENGINE_SCHEDULING_BATCH_PASS_H_
#define FIRSTLIGHT_ENGINE_SCHEDULING_BATCH_PASS_H_

// One step of one model: its forward pass and the sequences that take part. Engine thread only.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/decoder/decoder.h"
#include "engine/model.h"
#include "engine/scheduling/layer_gate.h"
#include "engine/scheduling/sequence.h"
#include "engine/workers/worker_pool.h"

namespace firstlight {

class BatchPass {
 public:
  struct Part {
    Sequence* sequence = nullptr;
    int64_t rows = 0;
    bool has_logits = false;       // reaches the sequence's last token
    int64_t logits_rows = 0;       // its last rows that have logits: one, or what the prompt wants
    int64_t first_logits_row = 0;  // of the pass's
  };

  // Marks the sequences as part of a pass until it is destroyed. Their caches are reserved for the
  // rows. Tells `gate` (may be nullptr) that it begins. Errors are those of Decoder::Begin.
  // REQUIRES: `parts` is not empty, no other pass of `model`; `gate` and `workers` outlive the
  // pass.
  static absl::StatusOr<std::unique_ptr<BatchPass>> Begin(const Model* model,
                                                          std::vector<Part> parts, LayerGate* gate,
                                                          WorkerPool* workers);
  ~BatchPass();
  BatchPass(const BatchPass&) = delete;
  BatchPass& operator=(const BatchPass&) = delete;

  // Runs stages until the end or until the gate is closed. Returns how many ran. What the workers
  // paid for memory that was not there is charged to the model.
  int64_t Run();
  // Whether it has waited for weights so far: stood at the closed gate of a layer, or had workers
  // read from storage. Embedding rows are asked for in every pass and mostly only have to be found
  // in the page cache: waiting for them counts where storage was read meanwhile.
  bool waited() const;
  // Whether it has waited for anything.
  bool held_up() const { return waited_ || waited_for_rows_; }
  bool done() const { return pass_->done(); }

  // Whether no sequence of it is still of interest: it may be dropped before its end.
  bool abandoned() const;

  const Model* model() const { return model_; }
  const std::vector<Part>& parts() const { return parts_; }
  // Once done: of its last token, [vocabulary]. REQUIRES: part.has_logits.
  absl::Span<const float> logits(const Part& part) const {
    return logits(part, part.logits_rows - 1);
  }
  // Once done: [vocabulary]. REQUIRES: 0 <= row < part.logits_rows.
  absl::Span<const float> logits(const Part& part, int64_t row) const {
    return pass_->logits_row(part.first_logits_row + row);
  }

 private:
  BatchPass(const Model* model, std::vector<Part> parts, LayerGate* gate, WorkerPool* workers);
  bool NextIsOpen() const;
  void RunStage();

  const Model* const model_;
  LayerGate* const gate_;
  WorkerPool* const workers_;
  std::vector<Part> parts_;
  bool has_logits_ = false;           // of any part
  int64_t storage_bytes_before_ = 0;  // that the model had cost when this began
  bool waited_ = false;
  bool waited_for_rows_ = false;
  bool first_tokens_ = false;  // some request's first token is still to come
  std::unique_ptr<ForwardPass> pass_;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_SCHEDULING_BATCH_PASS_H_
