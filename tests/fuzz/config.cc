#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/decoder/decoder_spec.h"
#include "engine/generation_config.h"
#include "engine/model_config.h"
#include "engine/recurrent/recurrent_spec.h"
#include "loader/base/strings.h"
#include "loader/json.h"
#include "tests/fuzz/fuzz_support.h"
#include "tests/fuzz/fuzz_targets.h"

namespace firstlight {
namespace {

constexpr char kConfigFile[] = "config.json";

// As binding and computing multiply them.
bool ProductFits(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors) {
    if (__builtin_mul_overflow(product, factor, &product)) return false;
  }
  return true;
}

void RequireGoodHeads(const DecoderSpec& spec, const LayerKind& kind) {
  const HeadSizes heads = spec.heads(kind);
  Require(heads.num_attention_heads > 0 && heads.num_key_value_heads > 0 && heads.head_dim > 0 &&
              heads.value_dim > 0,
          "sizes of heads are positive");
  Require(heads.num_attention_heads % heads.num_key_value_heads == 0,
          "num_attention_heads is a multiple of num_key_value_heads");
  Require(kind.rope < 0 || spec.ropes[static_cast<size_t>(kind.rope)].rotary_dim <= heads.head_dim,
          "what turns is part of a head");
  Require(
      ProductFits({heads.num_attention_heads, heads.head_dim, spec.hidden_size, 8}) &&
          ProductFits({spec.num_hidden_layers, heads.num_key_value_heads, heads.head_dim, 16, 8}),
      "the sizes of heads fit");
}

void RequireGoodRecurrence(const RecurrentSpec& spec) {
  Require(spec.heads > 0 && spec.head_dim > 0 && spec.kernel > 0, "a recurrence has sizes");
  if (spec.kind != RecurrenceKind::kShortConvolution) {
    Require(spec.groups > 0 && spec.state_size > 0 && spec.heads % spec.groups == 0,
            "groups of heads are equal and have a state");
  }
  Require(ProductFits({spec.heads, spec.head_dim, 8}) &&
              ProductFits({spec.groups, spec.state_size, 2, 8}) &&
              ProductFits({spec.kernel, spec.channels(), 8}) &&
              ProductFits({spec.heads, ScanTiles(spec), kScanLanes, spec.state_size, 8}),
          "the sizes of a state fit");
}

// What decoder_spec.h says of every spec.
void RequireGoodSpec(const DecoderSpec& spec) {
  Require(spec.vocab_size > 0 && spec.hidden_size > 0 && spec.num_hidden_layers > 0 &&
              spec.intermediate_size >= 0,
          "sizes are positive");
  Require(ProductFits({spec.vocab_size, spec.hidden_size, 8}) &&
              ProductFits({spec.intermediate_size, spec.hidden_size, 2, 8}),
          "products of a few sizes fit");
  Require(!spec.layer_kinds.empty(), "there is a kind of layer");
  Require(spec.kind_of_layer.empty() ||
              spec.kind_of_layer.size() == static_cast<size_t>(spec.num_hidden_layers),
          "kinds are given to all layers or to none");
  for (const int64_t kind : spec.kind_of_layer) {
    Require(kind >= 0 && static_cast<size_t>(kind) < spec.layer_kinds.size(),
            "kinds of layers are in range");
  }
  for (const LayerKind& kind : spec.layer_kinds) {
    Require(kind.window >= 0, "windows are not negative");
    Require(kind.rope >= -1 && kind.rope < static_cast<int64_t>(spec.ropes.size()),
            "ropes of layers are in range");
  }
  for (const RopeSpec& rope : spec.ropes) {
    Require(rope.rotary_dim >= 0 && rope.rotary_dim % 2 == 0, "what turns is even");
    Require(rope.short_factor.empty() ||
                rope.short_factor.size() == static_cast<size_t>(rope.rotary_dim / 2),
            "longrope has a factor a pair");
    Require(rope.short_factor.size() == rope.long_factor.size(), "longrope has factors for both");
  }
  const MixtureSpec& mixture = spec.mixture;
  if (!mixture.layers.empty()) {
    Require(mixture.layers.size() == static_cast<size_t>(spec.num_hidden_layers),
            "every layer is a mixture or is not");
    Require(mixture.num_experts > 0 && mixture.experts_per_token > 0 &&
                mixture.experts_per_token <= mixture.num_experts && mixture.intermediate_size > 0,
            "a mixture has experts");
    Require(mixture.routing.groups > 0 && mixture.num_experts % mixture.routing.groups == 0 &&
                mixture.routing.groups_per_token > 0 &&
                mixture.routing.groups_per_token <= mixture.routing.groups,
            "groups are equal, and some are chosen");
    Require(ProductFits({mixture.num_experts, mixture.intermediate_size, spec.hidden_size, 2, 8}),
            "the sizes of experts fit");
  }
  for (int64_t layer = 0; layer < spec.num_hidden_layers; ++layer) {
    const LayerKind& kind = spec.kind(layer);
    Require(!kind.feed_forward || mixture.IsMixture(layer) || spec.intermediate_size > 0,
            "every MLP has a size");
    if (kind.attends()) RequireGoodHeads(spec, kind);
    if (kind.recurs()) RequireGoodRecurrence(spec.recurrent);
  }
}

}  // namespace

void FuzzConfig(std::string_view input) {
  const absl::StatusOr<std::unique_ptr<const JsonDocument>> document =
      JsonDocument::Parse(kConfigFile, std::string(input));
  RequireGoodRefusal(document.status(), kConfigFile);
  if (document.ok()) {
    const absl::StatusOr<ModelConfig> config = ParseModelConfig(**document);
    RequireGoodRefusal(config.status(), kConfigFile);
    if (config.ok()) {
      RequireGoodSpec(config->spec);
      Require(config->context_length > 0, "a sequence may have positions");
      for (const int32_t id : config->eos_token_ids) Require(id >= 0, "token ids are ids");
    }
  }

  const absl::StatusOr<GenerationConfig> generation =
      ParseGenerationConfig(input, kGenerationConfigFile);
  RequireGoodRefusal(generation.status(), kGenerationConfigFile);
  if (!generation.ok()) return;
  Require(generation->temperature.value_or(0.0) >= 0.0 && generation->top_k.value_or(0) >= 0 &&
              generation->max_new_tokens.value_or(0) >= 0,
          "generation's defaults are in range");
}

}  // namespace firstlight
