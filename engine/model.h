#ifndef FIRSTLIGHT_ENGINE_MODEL_H_
#define FIRSTLIGHT_ENGINE_MODEL_H_

// One loaded instance of a checkpoint: its mapping, spec, bound weights, decoder, generation
// defaults and (once built) tokenizer and chat templates.
//
// Load() maps and binds; it reads no weight. BuildTokenizer() is the slow part and may run beside
// requests that need no text. A Model is immutable but for those two, and is shared: requests
// hold a std::shared_ptr to the instance that they started on. Destruction unmaps, so the last
// reference must not be dropped on a request thread or on the engine thread: the owner gives the
// shared_ptr a deleter that hands the object to a thread for it (server/models/model_registry.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/chat/chat_templates.h"
#include "engine/decoder/decoder.h"
#include "engine/decoder/weights.h"
#include "engine/generation_config.h"
#include "engine/kv_cache/block_pool.h"
#include "engine/kv_cache/cache_arenas.h"
#include "engine/model_config.h"
#include "engine/model_integrity.h"
#include "engine/residency/model_residency.h"
#include "engine/scheduling/step_totals.h"
#include "engine/tokenizer/cache/tokenizer_cache.h"
#include "engine/tokenizer/tokenizer.h"
#include "loader/base/mutex.h"
#include "loader/checkpoint.h"
#include "loader/load_report.h"

namespace firstlight {

class Model {
 public:
  struct Options {
    std::string directory;  // a model directory or a Hugging Face cache folder
    // Positions a sequence may have, where that is fewer than the model's own:
    // max_position_embeddings, times the factor under dynamic rope.
    std::optional<int64_t> context_length;
    const Kernels* kernels = nullptr;
    WorkerPool* workers = nullptr;
    BlockPool* block_pool = nullptr;
    // The largest step that the model will be asked for, and what its activations may take.
    PassRows step = {.tokens = 512, .logits = 64};
    int64_t max_activation_bytes = kMaxActivationBytes;
    // Who brings the weights into memory, and when.
    PrefetchPolicy prefetch = PrefetchPolicy::kOnRequest;
    // Where tokenizers come from, shared with other models. nullptr: this model makes its own.
    // Outlives the model.
    TokenizerCache* tokenizers = nullptr;
    // Where chat templates come from, likewise.
    ChatTemplateCache* chat_templates = nullptr;
    // Mappings shared with other models. nullptr: this model's are its own.
    MappedFiles* mapped_files = nullptr;
    // Copies the weights instead of assigning them: for measuring what assignment saves.
    bool copy_weights = false;
  };

  // REQUIRES: kernels, workers and block_pool are set and outlive the model. Errors are those of
  // Checkpoint::Open, ParseModelConfig, ParseGenerationConfig,
  // CheckActivations, BindWeights and CacheArenas::Create.
  static absl::StatusOr<std::unique_ptr<Model>> Load(const Options& options);
  ~Model();

  // Builds the tokenizer; blocks for as long as that takes. The first call works, later and
  // concurrent ones wait for it and return its result. A checkpoint that has no tokenizer files is
  // OK here and has none.
  absl::Status BuildTokenizer();

  // The tokenizer, waiting for BuildTokenizer() until `deadline`. FAILED_PRECONDITION where the
  // checkpoint has none or where it failed (naming the component); DEADLINE_EXCEEDED.
  absl::StatusOr<const Tokenizer*> AwaitTokenizer(absl::Time deadline) const;

  // As AwaitTokenizer, without waiting: nullptr while it is being built or where there is none.
  const Tokenizer* tokenizer_if_built() const;

  // Calls `callback` once the tokenizer is built, has failed or is known to be absent: at once, on
  // this thread, where that is so; else on BuildTokenizer's thread. It must not block. After that
  // AwaitTokenizer and BuildTokenizer return without waiting.
  void WhenTokenizerSettled(std::function<void()> callback) const;

  // The chat templates of the checkpoint. The first call reads and compiles them, which takes some
  // milliseconds; concurrent ones wait for it, and later ones return what it did.
  // FAILED_PRECONDITION saying why there is none that can be used.
  absl::StatusOr<std::shared_ptr<const ChatTemplates>> OpenChatTemplates() const;

  const std::string& architecture() const { return config_.architecture; }
  const DecoderSpec& spec() const { return config_.spec; }
  const Checkpoint& checkpoint() const { return *checkpoint_; }
  // For who reads the mappings on and may not keep the whole model.
  std::shared_ptr<const Checkpoint> shared_checkpoint() const { return checkpoint_; }
  const LoadReport& load_report() const { return load_report_; }
  // Its end-of-sequence ids are config.json's where generation_config.json has none.
  const GenerationConfig& generation_config() const { return generation_config_; }
  const std::string& directory() const { return directory_; }
  int64_t context_length() const { return context_length_; }
  // Whether its files are still what was loaded.
  ModelIntegrity* integrity() const { return &integrity_; }
  // Where its sequences keep their keys, values and states.
  const CacheArenas& cache() const { return *cache_; }
  Decoder* decoder() const { return decoder_.get(); }
  // Which of its weights are in memory, and what that cost.
  ModelResidency* residency() const { return residency_.get(); }
  // What its steps have produced. The engine's thread adds, any thread reads.
  StepTotals* step_totals() const { return &step_totals_; }

 private:
  enum class TokenizerState { kNotBegun, kBuilding, kBuilt, kAbsent, kFailed };

  Model() = default;

  std::string directory_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  TokenizerCache* tokenizers_ = nullptr;
  ChatTemplateCache* chat_template_cache_ = nullptr;
  mutable ModelIntegrity integrity_;
  ModelConfig config_;
  BoundWeights weights_;
  LoadReport load_report_;
  GenerationConfig generation_config_;
  int64_t context_length_ = 0;
  std::unique_ptr<CacheArenas> cache_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<ModelResidency> residency_;
  mutable StepTotals step_totals_;

  mutable std::once_flag chat_templates_opened_;
  mutable absl::StatusOr<std::shared_ptr<const ChatTemplates>> chat_templates_;

  mutable Mutex mutex_;
  mutable CondVar tokenizer_changed_;
  TokenizerState tokenizer_state_ ABSL_GUARDED_BY(mutex_) = TokenizerState::kNotBegun;
  absl::Status tokenizer_status_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Tokenizer> tokenizer_ ABSL_GUARDED_BY(mutex_);
  mutable std::vector<std::function<void()>> settled_callbacks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MODEL_H_
