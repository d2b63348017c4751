#include "engine/weights.h"

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "engine/mixture/bind_mixture.h"
#include "loader/base/strings.h"
#include "loader/mapped_file.h"

namespace firstlight {
namespace {

std::optional<WeightType> WeightTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return WeightType::kF32;
    case DType::kF16:
      return WeightType::kF16;
    case DType::kBF16:
      return WeightType::kBF16;
    default:
      return std::nullopt;
  }
}

std::string Describe(const TensorView& tensor) {
  return StrCat(tensor.file == nullptr ? "" : StrCat(tensor.file->name(), ": "), "tensor ",
                Quoted(tensor.name));
}

// Binds slot after slot; what goes wrong is kept, so that the report lists every slot.
class Binder {
 public:
  Binder(const DecoderSpec& spec, const Checkpoint& checkpoint, const BindOptions& options,
         LoadReport* report)
      : spec_(spec), checkpoint_(checkpoint), options_(options), report_(*report) {
    const TensorNames& names = spec.names;
    without_prefix_ = checkpoint.Find(names.base_prefix + names.embedding) == nullptr &&
                      checkpoint.Find(names.embedding) != nullptr;
  }

  absl::StatusOr<BoundWeights> Bind() {
    const TensorNames& names = spec_.names;
    weights_.embedding =
        Slot(names.base_prefix, names.embedding, {spec_.vocab_size, spec_.hidden_size});
    weights_.layers.reserve(static_cast<size_t>(spec_.num_hidden_layers));
    for (int64_t layer = 0; layer < spec_.num_hidden_layers; ++layer) {
      weights_.layers.push_back(Layer(layer));
    }
    weights_.final_norm = Slot(names.base_prefix, names.final_norm, {spec_.hidden_size});
    BindHead();
    ReportUnexpected();
    if (!report_.missing.empty()) {
      Fail(absl::InvalidArgumentError(StrCat(
          checkpoint_.directory(), ": tensor \"", report_.missing.front().tensor,
          "\": expected by the architecture, found none",
          report_.missing.size() == 1 ? ""
                                      : StrCat(" (nor ", report_.missing.size() - 1, " others)"))));
    }
    if (!status_.ok()) return status_;
    return std::move(weights_);
  }

 private:
  // A layer's tensors, for what binds them elsewhere.
  class LayerTensors final : public TensorSource {
   public:
    LayerTensors(Binder* binder, std::string prefix)
        : binder_(*binder), prefix_(std::move(prefix)) {}

    const TensorView* Find(const std::string& name) override {
      return binder_.checkpoint_.Find(binder_.FileName(prefix_ + name));
    }
    WeightRows Weight(const std::string& name, const Shape& shape) override {
      return binder_.Slot(prefix_, name, shape);
    }
    WeightRows Rearranged(const std::string& name, const Shape& shape, int64_t columns,
                          Rearrangement rearrange, std::string_view reason) override {
      return binder_.RearrangedSlot(prefix_, name, shape, columns, rearrange, reason);
    }
    const std::byte* Bytes(const std::string& name, const Shape& shape) override {
      return binder_.ByteSlot(prefix_, name, shape);
    }
    void Fail(const absl::Status& status) override { binder_.Fail(status); }

   private:
    Binder& binder_;
    const std::string prefix_;
  };

  LayerWeights Layer(int64_t layer) {
    const TensorNames& names = spec_.names;
    const std::string prefix = StrCat(names.base_prefix, names.layer, layer, ".");
    const int64_t hidden = spec_.hidden_size;
    const int64_t intermediate = spec_.intermediate_size;
    const int64_t query = spec_.query_size();
    const int64_t key_value = spec_.key_value_size();
    const bool attention_bias = spec_.attention_bias;
    LayerWeights w;
    w.input_norm = Slot(prefix, names.input_norm, {hidden});
    w.query = Linear(prefix, names.query, query, hidden, attention_bias);
    w.key = Linear(prefix, names.key, key_value, hidden, attention_bias);
    w.value = Linear(prefix, names.value, key_value, hidden, attention_bias);
    w.attention_output = Linear(prefix, names.attention_output, hidden, query, attention_bias);
    w.post_attention_norm = Slot(prefix, names.post_attention_norm, {hidden});
    if (spec_.mixture.IsMixture(layer)) {
      LayerTensors tensors(this, prefix);
      w.mixture = BindMixture(spec_.mixture, hidden, tensors);
      return w;
    }
    w.gate = Linear(prefix, names.gate, intermediate, hidden, spec_.mlp_bias);
    w.up = Linear(prefix, names.up, intermediate, hidden, spec_.mlp_bias);
    w.down = Linear(prefix, names.down, hidden, intermediate, spec_.mlp_bias);
    return w;
  }

  LinearWeights Linear(const std::string& prefix, const std::string& name, int64_t out, int64_t in,
                       bool bias) {
    LinearWeights linear;
    linear.weight = Slot(prefix, name + ".weight", {out, in});
    if (bias) linear.bias = Slot(prefix, name + ".bias", {out});
    return linear;
  }

  void BindHead() {
    const TensorNames& names = spec_.names;
    const std::string head = names.head + ".weight";
    if (checkpoint_.Find(head) != nullptr || !spec_.tie_word_embeddings) {
      weights_.head.weight = Slot("", head, {spec_.vocab_size, spec_.hidden_size});
      return;
    }
    const std::string embedding = names.base_prefix + names.embedding;
    const TensorView* const tensor = checkpoint_.Find(FileName(embedding));
    if (tensor == nullptr) return;  // reported as the embedding's
    weights_.head.weight = weights_.embedding;
    Report(head, *tensor, Disposition::kTied, embedding);
  }

  // What a file calls the tensor of `slot`.
  std::string FileName(const std::string& slot) const {
    return without_prefix_ ? slot.substr(spec_.names.base_prefix.size()) : slot;
  }

  // The tensor of a slot, of that shape; null where there is none.
  const TensorView* Tensor(const std::string& prefix, const std::string& name, const Shape& shape) {
    const std::string slot = prefix + name;
    const std::string file_name = prefix.empty() ? slot : FileName(slot);
    const TensorView* const tensor = checkpoint_.Find(file_name);
    if (tensor == nullptr) {
      report_.missing.push_back({.slot = slot, .tensor = file_name});
      return nullptr;
    }
    bound_.insert(tensor);
    if (tensor->shape != shape) {
      Fail(absl::InvalidArgumentError(StrCat(Describe(*tensor), ": expected shape ",
                                             ShapeToString(shape), ", found ",
                                             ShapeToString(tensor->shape))));
      return nullptr;
    }
    return tensor;
  }

  std::optional<WeightType> TypeOf(const TensorView& tensor) {
    const std::optional<WeightType> type = WeightTypeOf(tensor.dtype);
    if (!type.has_value()) {
      Fail(absl::UnimplementedError(StrCat(
          Describe(tensor), ": expected dtype F32, F16 or BF16, found ", DTypeName(tensor.dtype))));
    }
    return type;
  }

  // The tensor `prefix` + `name` of `shape` as rows of its last dimension.
  WeightRows Slot(const std::string& prefix, const std::string& name, const Shape& shape) {
    const std::string slot = prefix + name;
    const TensorView* const tensor = Tensor(prefix, name, shape);
    if (tensor == nullptr) return {};
    const std::optional<WeightType> type = TypeOf(*tensor);
    if (!type.has_value()) return {};
    WeightRows rows{.data = tensor->data.data(),
                    .type = *type,
                    .rows = tensor->NumElements() / shape.back(),
                    .columns = shape.back(),
                    .row_stride = shape.back()};
    if (options_.copy_weights) {
      rows.data = Copy(*tensor);
      Report(slot, *tensor, Disposition::kCopied, "copying was asked for");
    } else {
      Report(slot, *tensor, Disposition::kAssigned, "");
    }
    return rows;
  }

  WeightRows RearrangedSlot(const std::string& prefix, const std::string& name, const Shape& shape,
                            int64_t columns, TensorSource::Rearrangement rearrange,
                            std::string_view reason) {
    const TensorView* const tensor = Tensor(prefix, name, shape);
    if (tensor == nullptr) return {};
    const std::optional<WeightType> type = TypeOf(*tensor);
    if (!type.has_value()) return {};
    weights_.copies.push_back(std::make_unique_for_overwrite<std::byte[]>(tensor->data.size()));
    rearrange(shape, WeightTypeBytes(*type), tensor->data.data(), weights_.copies.back().get());
    Report(prefix + name, *tensor, Disposition::kCopied, std::string(reason));
    return {.data = weights_.copies.back().get(),
            .type = *type,
            .rows = tensor->NumElements() / columns,
            .columns = columns,
            .row_stride = columns};
  }

  const std::byte* ByteSlot(const std::string& prefix, const std::string& name,
                            const Shape& shape) {
    const TensorView* const tensor = Tensor(prefix, name, shape);
    if (tensor == nullptr) return nullptr;
    if (tensor->dtype != DType::kU8) {
      Fail(absl::UnimplementedError(
          StrCat(Describe(*tensor), ": expected dtype U8, found ", DTypeName(tensor->dtype))));
      return nullptr;
    }
    Report(prefix + name, *tensor,
           options_.copy_weights ? Disposition::kCopied : Disposition::kAssigned,
           options_.copy_weights ? "copying was asked for" : "");
    return options_.copy_weights ? Copy(*tensor) : tensor->data.data();
  }

  const std::byte* Copy(const TensorView& tensor) {
    weights_.copies.push_back(std::make_unique_for_overwrite<std::byte[]>(tensor.data.size()));
    std::memcpy(weights_.copies.back().get(), tensor.data.data(), tensor.data.size());
    return weights_.copies.back().get();
  }

  void Report(const std::string& slot, const TensorView& tensor, Disposition disposition,
              std::string detail) {
    report_.slots.push_back({.slot = slot,
                             .tensor = tensor.name,
                             .dtype = tensor.dtype,
                             .shape = tensor.shape,
                             .bytes = static_cast<int64_t>(tensor.data.size()),
                             .disposition = disposition,
                             .detail = std::move(detail)});
  }

  void ReportUnexpected() {
    for (const TensorView& tensor : checkpoint_.tensors()) {
      if (bound_.contains(&tensor)) continue;
      report_.unexpected.push_back({.tensor = tensor.name,
                                    .dtype = tensor.dtype,
                                    .shape = tensor.shape,
                                    .bytes = static_cast<int64_t>(tensor.data.size())});
    }
  }

  void Fail(const absl::Status& status) { status_.Update(status); }

  const DecoderSpec& spec_;
  const Checkpoint& checkpoint_;
  const BindOptions& options_;
  LoadReport& report_;
  bool without_prefix_ = false;
  BoundWeights weights_;
  absl::flat_hash_set<const TensorView*> bound_;
  absl::Status status_;  // the first failure
};

}  // namespace

absl::StatusOr<BoundWeights> BindWeights(const DecoderSpec& spec, const Checkpoint& checkpoint,
                                         const BindOptions& options, LoadReport* report) {
  *report = LoadReport();
  return Binder(spec, checkpoint, options, report).Bind();
}

}  // namespace firstlight
