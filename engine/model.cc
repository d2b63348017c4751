#include "engine/model.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "engine/tokenizer/tokenizer_factory.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

absl::StatusOr<GenerationConfig> ReadGenerationConfig(const Checkpoint& checkpoint,
                                                      const ModelConfig& model) {
  GenerationConfig config;
  if (checkpoint.HasFile(kGenerationConfigFile)) {
    FIRSTLIGHT_ASSIGN_OR_RETURN(
        const std::string json,
        checkpoint.ReadFile(kGenerationConfigFile, kMaxGenerationConfigBytes));
    FIRSTLIGHT_ASSIGN_OR_RETURN(config, ParseGenerationConfig(json, kGenerationConfigFile));
  }
  if (config.eos_token_ids.empty()) config.eos_token_ids = model.eos_token_ids;
  return config;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> Model::Load(const Options& options) {
  std::unique_ptr<Model> model(new Model());
  model->directory_ = options.directory;
  model->tokenizers_ = options.tokenizers;
  model->chat_template_cache_ = options.chat_templates;
  FIRSTLIGHT_ASSIGN_OR_RETURN(model->checkpoint_,
                              Checkpoint::Open(options.directory, options.mapped_files));
  for (const std::shared_ptr<const MappedFile>& file : model->checkpoint_->files()) {
    model->integrity_.Add(file);
  }
  FIRSTLIGHT_ASSIGN_OR_RETURN(model->config_, ParseModelConfig(model->checkpoint_->config()));
  FIRSTLIGHT_ASSIGN_OR_RETURN(model->generation_config_,
                              ReadGenerationConfig(*model->checkpoint_, model->config_));
  const DecoderSpec& spec = model->config_.spec;
  FIRSTLIGHT_RETURN_IF_ERROR(CheckActivations(spec, options.step, options.workers->threads(),
                                              options.max_activation_bytes));
  FIRSTLIGHT_ASSIGN_OR_RETURN(
      model->weights_,
      BindWeights(spec, *model->checkpoint_, BindOptions{.copy_weights = options.copy_weights},
                  &model->load_report_));

  model->context_length_ = std::min(options.context_length.value_or(model->config_.context_length),
                                    model->config_.context_length);
  FIRSTLIGHT_ASSIGN_OR_RETURN(model->cache_,
                              CacheArenas::Create(MakeCacheShape(spec), options.block_pool));
  model->decoder_ = std::make_unique<Decoder>(&spec, &model->weights_, options.kernels,
                                              options.workers, options.max_activation_bytes);
  model->residency_ = std::make_unique<ModelResidency>(
      WeightPlan(model->weights_, *model->checkpoint_), options.prefetch);
  return model;
}

Model::~Model() = default;

absl::Status Model::BuildTokenizer() {
  {
    MutexLock lock(&mutex_);
    while (tokenizer_state_ == TokenizerState::kBuilding) tokenizer_changed_.Wait(&mutex_);
    if (tokenizer_state_ != TokenizerState::kNotBegun) return tokenizer_status_;
    tokenizer_state_ = TokenizerState::kBuilding;
  }
  absl::StatusOr<std::shared_ptr<const Tokenizer>> tokenizer =
      tokenizers_ != nullptr ? tokenizers_->Open(checkpoint_->directory())
                             : OpenTokenizer(checkpoint_->directory());
  absl::Status status = tokenizer.status();
  if (status.ok()) status = CheckTokenizerFitsModel(**tokenizer, spec().vocab_size);

  if (status.ok() && (*tokenizer)->image() != nullptr) {
    integrity_.SetTokenizerImage((*tokenizer)->image());
  }

  std::vector<std::function<void()>> callbacks;
  {
    MutexLock lock(&mutex_);
    if (status.ok()) {
      tokenizer_ = *std::move(tokenizer);
      tokenizer_state_ = TokenizerState::kBuilt;
    } else if (absl::IsNotFound(status)) {
      tokenizer_state_ = TokenizerState::kAbsent;
      status = absl::OkStatus();
    } else {
      tokenizer_state_ = TokenizerState::kFailed;
    }
    tokenizer_status_ = status;
    callbacks = std::move(settled_callbacks_);
    tokenizer_changed_.SignalAll();
  }
  for (const std::function<void()>& callback : callbacks) callback();
  // Nobody waits for these here: so that nobody does later.
  static_cast<void>(OpenChatTemplates());
  return status;
}

absl::StatusOr<std::shared_ptr<const ChatTemplates>> Model::OpenChatTemplates() const {
  std::call_once(chat_templates_opened_, [this] {
    ChatTemplateCache own;
    chat_templates_ = ChatTemplates::Open(
        checkpoint_->directory(), chat_template_cache_ != nullptr ? chat_template_cache_ : &own);
  });
  return chat_templates_;
}

void Model::WhenTokenizerSettled(std::function<void()> callback) const {
  {
    MutexLock lock(&mutex_);
    if (tokenizer_state_ == TokenizerState::kNotBegun ||
        tokenizer_state_ == TokenizerState::kBuilding) {
      settled_callbacks_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

absl::StatusOr<const Tokenizer*> Model::AwaitTokenizer(absl::Time deadline) const {
  MutexLock lock(&mutex_);
  while (tokenizer_state_ == TokenizerState::kNotBegun ||
         tokenizer_state_ == TokenizerState::kBuilding) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          StrCat(directory_, ": the tokenizer was not built before the deadline"));
    }
    tokenizer_changed_.WaitWithTimeout(&mutex_, left);
  }
  switch (tokenizer_state_) {
    case TokenizerState::kBuilt:
      return tokenizer_.get();
    case TokenizerState::kFailed:
      return absl::FailedPreconditionError(
          StrCat("the model's tokenizer failed: ", tokenizer_status_.message()));
    default:
      return absl::FailedPreconditionError(
          StrCat(directory_,
                 ": expected a tokenizer (tokenizer.json, tokenizer.model, or vocab.json with "
                 "merges.txt), found none: this model takes token ids only"));
  }
}

const Tokenizer* Model::tokenizer_if_built() const {
  MutexLock lock(&mutex_);
  return tokenizer_.get();
}

}  // namespace firstlight
