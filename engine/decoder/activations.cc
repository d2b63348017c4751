#include "engine/decoder/activations.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/kernels/product.h"
#include "engine/latent/latent_pass.h"
#include "engine/mixture/mixture_pass.h"
#include "engine/recurrent/recurrent_pass.h"
#include "loader/base/status_macros.h"
#include "loader/base/strings.h"

namespace firstlight {
namespace {

constexpr std::align_val_t kAlignment{64};
constexpr int64_t kAlignmentFloats = int64_t{64 / sizeof(float)};

// In the order of the members that they belong to.
enum Part {
  kHidden,
  kNormed,
  kDelta,
  kPacked,
  kGrouped,
  kProjected,
  kBeside,
  kRecurrent,
  kLatent,
  kAttended,
  kGate,
  kUp,
  kMixture,
  kPerLayerInput,
  kPerLayerGate,
  kCosine,
  kSine,
  kLogits,
  kScratch,
  kParts
};

struct Layout {
  std::array<int64_t, kParts> floats;  // each a multiple of kAlignmentFloats
  int64_t bytes = 0;
};

// rows * width, rounded up; none where that, or what it stands for in bytes, is beyond int64_t.
std::optional<int64_t> Floats(int64_t rows, int64_t width) {
  int64_t floats = 0;
  int64_t bytes = 0;
  if (__builtin_mul_overflow(rows, width, &floats) ||
      __builtin_add_overflow(floats, kAlignmentFloats - 1, &floats)) {
    return std::nullopt;
  }
  floats = floats / kAlignmentFloats * kAlignmentFloats;
  if (__builtin_mul_overflow(floats, int64_t{sizeof(float)}, &bytes)) return std::nullopt;
  return floats;
}

std::optional<int64_t> LatentFloats(const DecoderSpec& spec, int64_t tokens) {
  if (!spec.latent.enabled()) return 0;
  const std::optional<int64_t> floats = LatentPass::BufferFloats(
      spec.latent, {spec.num_attention_heads, spec.head_dim, spec.ropes[0].rotary_dim}, tokens);
  return floats.has_value() ? Floats(1, *floats) : std::nullopt;
}

std::optional<int64_t> RecurrentFloats(const DecoderSpec& spec, int64_t tokens) {
  if (spec.RecurrentLayers(spec.num_hidden_layers) == 0) return 0;
  const std::optional<int64_t> floats = RecurrentPass::BufferFloats(spec.recurrent, tokens);
  return floats.has_value() ? Floats(1, *floats) : std::nullopt;
}

// Floats of a row of `grouped`, where the widest query and projection are so wide.
int64_t GroupedWidth(const DecoderSpec& spec, int64_t query, int64_t projected) {
  switch (spec.attention.output_gate) {
    case OutputGate::kElements:
      return 2 * query;
    case OutputGate::kHeads:
      return spec.num_attention_heads;
    case OutputGate::kNone:
      break;
  }
  const bool grouped = spec.attention.qkv_layout == QkvLayout::kGrouped ||
                       spec.attention.qkv_layout == QkvLayout::kQuarters;
  return grouped ? projected : 0;
}

std::optional<int64_t> MixtureFloats(const DecoderSpec& spec, int64_t tokens) {
  if (spec.mixture.layers.empty()) return 0;
  const std::optional<int64_t> floats =
      MixturePass::BufferFloats(spec.mixture, spec.hidden_size, tokens);
  return floats.has_value() ? Floats(1, *floats) : std::nullopt;
}

// None where the sum is beyond int64_t.
std::optional<Layout> LayOut(const DecoderSpec& spec, const PassRows& rows, int workers) {
  int64_t projected = 0;
  int64_t attended = 0;
  int64_t query = 0;
  bool two_mixers = false;
  for (const LayerKind& kind : spec.layer_kinds) {
    if (!kind.attends()) continue;
    const HeadSizes heads = spec.heads(kind);
    projected = std::max(projected, heads.projected_size());
    attended = std::max(attended, heads.attended_size());
    query = std::max(query, heads.query_size());
    two_mixers = two_mixers || kind.recurs();
  }
  const int64_t intermediate = spec.intermediate_size_of(spec.num_hidden_layers - 1);
  const int64_t input = spec.per_layer_input.size;
  const int64_t widest = std::max({spec.hidden_size, query, attended, intermediate, input});
  const int64_t most_rows = std::max(rows.tokens, rows.logits);
  const std::array<std::optional<int64_t>, kParts> floats = {
      Floats(rows.tokens, spec.hidden_size),
      Floats(most_rows, spec.hidden_size),
      Floats(rows.tokens, spec.hidden_size),
      Floats(most_rows, PackedActivationFloats(1, widest)),
      Floats(rows.tokens, GroupedWidth(spec, query, projected)),
      Floats(rows.tokens, projected),
      Floats(two_mixers || spec.mixture.beside_mlp ? rows.tokens : 0, spec.hidden_size),
      RecurrentFloats(spec, rows.tokens),
      LatentFloats(spec, rows.tokens),
      Floats(rows.tokens, attended),
      Floats(rows.tokens, intermediate),
      Floats(rows.tokens, intermediate),
      MixtureFloats(spec, rows.tokens),
      Floats(rows.tokens, spec.num_hidden_layers * input),
      Floats(rows.tokens, input),
      Floats(rows.tokens, spec.rotary_pairs()),
      Floats(rows.tokens, spec.rotary_pairs()),
      Floats(rows.logits, spec.vocab_size),
      Floats(workers, kProductScratchFloats),
  };
  Layout layout;
  for (int part = 0; part < kParts; ++part) {
    if (!floats[part].has_value() ||
        __builtin_add_overflow(layout.bytes, *floats[part] * int64_t{sizeof(float)},
                               &layout.bytes)) {
      return std::nullopt;
    }
    layout.floats[part] = *floats[part];
  }
  return layout;
}

// The field that the largest share comes from, and its value.
std::pair<std::string_view, int64_t> WidestField(const DecoderSpec& spec, const PassRows& rows) {
  const std::pair<double, std::pair<std::string_view, int64_t>> shares[] = {
      {3.0 * static_cast<double>(rows.tokens), {"hidden_size", spec.hidden_size}},
      {3.0 * static_cast<double>(rows.tokens), {"intermediate_size", spec.intermediate_size}},
      {2.0 * static_cast<double>(rows.tokens),
       {"num_attention_heads * head_dim", spec.num_attention_heads * spec.head_dim}},
      {3.0 * static_cast<double>(rows.tokens),
       {"num_experts_per_tok * an expert's intermediate size",
        spec.mixture.experts_per_token * spec.mixture.intermediate_size}},
      {spec.RecurrentLayers(spec.num_hidden_layers) > 0 ? 3.0 * static_cast<double>(rows.tokens)
                                                        : 0.0,
       {"the channels of a recurrent layer", spec.recurrent.channels()}},
      {static_cast<double>(rows.logits), {"vocab_size", spec.vocab_size}}};
  return std::max_element(std::begin(shares), std::end(shares),
                          [](const auto& a, const auto& b) {
                            return a.first * static_cast<double>(a.second.second) <
                                   b.first * static_cast<double>(b.second.second);
                          })
      ->second;
}

absl::StatusOr<Layout> CheckedLayout(const DecoderSpec& spec, const PassRows& rows, int workers,
                                     int64_t max_bytes) {
  const std::optional<Layout> layout = LayOut(spec, rows, workers);
  if (layout.has_value() && layout->bytes <= max_bytes) return *layout;
  const auto& [field, value] = WidestField(spec, rows);
  return absl::ResourceExhaustedError(
      StrCat("config.json: field \"", field, "\": a step of ", rows.tokens, " rows, ", rows.logits,
             " of them with logits: expected at most ", max_bytes, " bytes of activations, found ",
             layout.has_value() ? layout->bytes : std::numeric_limits<int64_t>::max(),
             layout.has_value() ? "" : " or more", ", most of it from ", field, " = ", value));
}

}  // namespace

absl::Status CheckActivations(const DecoderSpec& spec, const PassRows& rows, int workers,
                              int64_t max_bytes) {
  return CheckedLayout(spec, rows, workers, max_bytes).status();
}

void Activations::Free::operator()(float* block) const { operator delete(block, kAlignment); }

absl::Status Activations::Reserve(const DecoderSpec& spec, const PassRows& rows, int workers) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(const Layout layout, CheckedLayout(spec, rows, workers, max_bytes_));
  if (layout.bytes > allocated_bytes()) {
    Release();
    block_.reset(static_cast<float*>(operator new(static_cast<size_t>(layout.bytes), kAlignment,
                                                  std::nothrow)));
    if (block_ == nullptr) {
      return absl::ResourceExhaustedError(StrCat("activations: no memory for ", layout.bytes,
                                                 " bytes, for a step of ", rows.tokens, " rows"));
    }
    allocated_floats_ = layout.bytes / int64_t{sizeof(float)};
  }
  float** const buffers[kParts] = {
      &hidden,         &normed, &delta,    &packed, &grouped, &projected, &beside,
      &recurrent,      &latent, &attended, &gate,   &up,      &mixture,   &per_layer_input,
      &per_layer_gate, &cosine, &sine,     &logits, &scratch_};
  float* next = block_.get();
  for (int part = 0; part < kParts; ++part) {
    *buffers[part] = next;
    next += layout.floats[part];
  }
  return absl::OkStatus();
}

void Activations::Release() {
  block_.reset();
  allocated_floats_ = 0;
}

float* Activations::scratch(int worker) const { return scratch_ + worker * kProductScratchFloats; }

}  // namespace firstlight
