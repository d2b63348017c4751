#ifndef FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_SPEC_H_
#define FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_SPEC_H_

// A feed-forward layer that is a mixture of experts (Shazeer et al., arXiv:1701.06538), as data:
//
//   output = sum over the chosen experts e of weight[e] * expert[e](x)  (+ gate(x) * shared(x))
//
// or, beside an MLP of the layer's own (transformers' gemma4), with h the residual stream and a
// norm of its own each time:
//
//   output = norm(MLP(norm(h))) + norm(sum over e of weight[e] * expert[e](norm(h)))
//
// A router scores all experts for each token and chooses a few; each expert is a gated MLP. The
// sum over a token's experts runs by increasing expert, whatever else is in the pass.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace firstlight {

// What an expert's score is, from the router's logits.
enum class RouterScore : uint8_t {
  kSoftmax,          // over all experts; experts are chosen by it
  kSigmoid,          // of each by itself; experts are chosen by it
  kSoftmaxOfChosen,  // experts are chosen by their logits, the softmax is over those
  // Two experts, each weighed by the softmax over what is close to it (Liu et al.,
  // arXiv:2409.12136): what transformers' phimoe computes.
  kSparseMixer,
};

// What a group of experts is chosen by.
enum class GroupScore : uint8_t {
  kGreatest,            // DeepSeek-V2
  kTwoGreatestTogether  // DeepSeek-V3
};

struct RoutingSpec {
  RouterScore score = RouterScore::kSoftmax;
  bool normalize = false;       // the chosen experts' weights by their sum, ...
  double smallest_sum = 0.0;    // ... or by this where that is less
  double added_to_sum = 1e-20;  // kSigmoid: to the sum, before that
  double scaling_factor = 1.0;  // of the weights, after that
  // Experts are chosen from the best groups alone. Groups are consecutive experts, equally many.
  int64_t groups = 1;
  int64_t groups_per_token = 1;
  GroupScore group_score = GroupScore::kGreatest;
  double tolerance = 0.0;  // kSparseMixer: how far below the best is close to it, relatively

  friend bool operator==(const RoutingSpec&, const RoutingSpec&) = default;
};

// How gate and up become one.
enum class GatedActivation : uint8_t {
  kSwiglu,         // silu(gate) * up
  kClampedSwiglu,  // gpt-oss: see SwigluClamp
  kGeglu,          // gelu(gate) * up, by its tanh approximation
  kReluSquared,    // relu(up)^2: there is no gate
};

// (clamp(up, -limit, limit) + 1) * g * sigmoid(alpha * g), g = min(gate, limit).
struct SwigluClamp {
  double alpha = 1.702;
  double limit = 7.0;

  friend bool operator==(const SwigluClamp&, const SwigluClamp&) = default;
};

// Names of a layer's tensors in files that hold one tensor for all experts. Unset where empty.
// Without a gate, gate_up is up: [experts, intermediate_size, hidden_size].
struct FusedExpertNames {
  std::string router = {};   // linear: without ".weight"
  std::string gate_up = {};  // [experts, 2 * intermediate_size, hidden_size]; exact
  std::string down = {};     // [experts, hidden_size, intermediate_size]; exact

  friend bool operator==(const FusedExpertNames&, const FusedExpertNames&) = default;
};

// Names of a layer's tensors. A file that has `fused[i].gate_up` (or that and "_blocks", which is
// MXFP4 with "_scales" beside it) is read by `fused[i]`; else it holds a tensor an expert.
struct MixtureNames {
  std::string router = "mlp.gate";       // linear
  std::string experts = "mlp.experts.";  // then the index and a dot
  std::string gate = "gate_proj";        // linear, after that
  std::string up = "up_proj";
  std::string down = "down_proj";
  std::string correction = "mlp.gate.e_score_correction_bias";  // exact
  std::string fused_correction = "mlp.gate.e_score_correction_bias";
  std::string shared_gate = "mlp.shared_experts.gate_proj";  // linear, as the following
  std::string shared_up = "mlp.shared_experts.up_proj";
  std::string shared_down = "mlp.shared_experts.down_proj";
  std::string shared_gate_up = {};  // both in one tensor, gate first; instead of those two if set
  std::string shared_expert_gate = "mlp.shared_expert_gate";
  std::string router_scale = "router.scale";             // exact
  std::string expert_scale = "router.per_expert_scale";  // exact
  std::string mlp_output_norm = "post_feedforward_layernorm_1";
  std::string experts_norm = "pre_feedforward_layernorm_2";
  std::string experts_output_norm = "post_feedforward_layernorm_2";
  // What transformers 5 holds in memory and may write, and a second spelling where there is one.
  std::array<FusedExpertNames, 2> fused = {
      FusedExpertNames{"mlp.gate", "mlp.experts.gate_up_proj", "mlp.experts.down_proj"}};

  friend bool operator==(const MixtureNames&, const MixtureNames&) = default;
};

struct MixtureSpec {
  // [num_hidden_layers], whether the layer is a mixture; the others have one MLP. Empty: none is.
  std::vector<bool> layers;
  int64_t num_experts = 0;
  int64_t experts_per_token = 0;
  int64_t intermediate_size = 0;  // of an expert
  RoutingSpec routing;
  bool router_bias = false;
  bool correction_bias = false;  // added to the scores, for choosing alone
  bool expert_bias = false;      // on gate, up and down
  // A file's fused gate_up has gate and up row by row in turn, not one after the other; unless it
  // is MXFP4, it is stored transposed, and so is down: [experts, in, out].
  bool interleaved = false;
  bool transposed = false;
  int64_t shared_intermediate_size = 0;  // of the expert that every token has; 0: there is none
  bool shared_bias = false;              // on its gate, up and down
  bool shared_expert_gate = false;       // its output by the sigmoid of a row of weights with x
  bool beside_mlp = false;               // see above
  // The router reads h / rms(h), by a weight for each element and 1 / sqrt(hidden_size).
  bool router_scale = false;
  bool expert_scale = false;                              // a number for each expert, of its weight
  GatedActivation activation = GatedActivation::kSwiglu;  // of the experts
  SwigluClamp clamp;
  MixtureNames names;

  bool gated() const { return activation != GatedActivation::kReluSquared; }
  bool IsMixture(int64_t layer) const {
    return static_cast<size_t>(layer) < layers.size() && layers[static_cast<size_t>(layer)];
  }

  friend bool operator==(const MixtureSpec&, const MixtureSpec&) = default;
};

// Calls `visit(name, field)` for every field, as VisitFields of a DecoderSpec does.
template <typename Visitor>
void VisitFields(MixtureNames& names, Visitor&& visit) {
  auto& [router, experts, gate, up, down, correction, fused_correction, shared_gate, shared_up,
         shared_down, shared_gate_up, shared_expert_gate, router_scale, expert_scale,
         mlp_output_norm, experts_norm, experts_output_norm, fused] = names;
  visit(std::string_view("mixture.names.router"), router);
  visit(std::string_view("mixture.names.experts"), experts);
  visit(std::string_view("mixture.names.gate"), gate);
  visit(std::string_view("mixture.names.up"), up);
  visit(std::string_view("mixture.names.down"), down);
  visit(std::string_view("mixture.names.correction"), correction);
  visit(std::string_view("mixture.names.fused_correction"), fused_correction);
  visit(std::string_view("mixture.names.shared_gate"), shared_gate);
  visit(std::string_view("mixture.names.shared_up"), shared_up);
  visit(std::string_view("mixture.names.shared_down"), shared_down);
  visit(std::string_view("mixture.names.shared_gate_up"), shared_gate_up);
  visit(std::string_view("mixture.names.shared_expert_gate"), shared_expert_gate);
  visit(std::string_view("mixture.names.router_scale"), router_scale);
  visit(std::string_view("mixture.names.expert_scale"), expert_scale);
  visit(std::string_view("mixture.names.mlp_output_norm"), mlp_output_norm);
  visit(std::string_view("mixture.names.experts_norm"), experts_norm);
  visit(std::string_view("mixture.names.experts_output_norm"), experts_output_norm);
  visit(std::string_view("mixture.names.fused_0.router"), fused[0].router);
  visit(std::string_view("mixture.names.fused_0.gate_up"), fused[0].gate_up);
  visit(std::string_view("mixture.names.fused_0.down"), fused[0].down);
  visit(std::string_view("mixture.names.fused_1.router"), fused[1].router);
  visit(std::string_view("mixture.names.fused_1.gate_up"), fused[1].gate_up);
  visit(std::string_view("mixture.names.fused_1.down"), fused[1].down);
}

template <typename Visitor>
void VisitFields(RoutingSpec& routing, Visitor&& visit) {
  auto& [score, normalize, smallest_sum, added_to_sum, scaling_factor, groups, groups_per_token,
         group_score, tolerance] = routing;
  visit(std::string_view("mixture.routing.score"), score);
  visit(std::string_view("mixture.routing.normalize"), normalize);
  visit(std::string_view("mixture.routing.smallest_sum"), smallest_sum);
  visit(std::string_view("mixture.routing.added_to_sum"), added_to_sum);
  visit(std::string_view("mixture.routing.scaling_factor"), scaling_factor);
  visit(std::string_view("mixture.routing.groups"), groups);
  visit(std::string_view("mixture.routing.groups_per_token"), groups_per_token);
  visit(std::string_view("mixture.routing.group_score"), group_score);
  visit(std::string_view("mixture.routing.tolerance"), tolerance);
}

template <typename Visitor>
void VisitFields(MixtureSpec& mixture, Visitor&& visit) {
  auto& [layers, num_experts, experts_per_token, intermediate_size, routing, router_bias,
         correction_bias, expert_bias, interleaved, transposed, shared_intermediate_size,
         shared_bias, shared_expert_gate, beside_mlp, router_scale, expert_scale, activation, clamp,
         names] = mixture;
  visit(std::string_view("mixture.layers"), layers);
  visit(std::string_view("mixture.num_experts"), num_experts);
  visit(std::string_view("mixture.experts_per_token"), experts_per_token);
  visit(std::string_view("mixture.intermediate_size"), intermediate_size);
  VisitFields(routing, visit);
  visit(std::string_view("mixture.router_bias"), router_bias);
  visit(std::string_view("mixture.correction_bias"), correction_bias);
  visit(std::string_view("mixture.expert_bias"), expert_bias);
  visit(std::string_view("mixture.interleaved"), interleaved);
  visit(std::string_view("mixture.transposed"), transposed);
  visit(std::string_view("mixture.shared_intermediate_size"), shared_intermediate_size);
  visit(std::string_view("mixture.shared_bias"), shared_bias);
  visit(std::string_view("mixture.shared_expert_gate"), shared_expert_gate);
  visit(std::string_view("mixture.beside_mlp"), beside_mlp);
  visit(std::string_view("mixture.router_scale"), router_scale);
  visit(std::string_view("mixture.expert_scale"), expert_scale);
  visit(std::string_view("mixture.activation"), activation);
  visit(std::string_view("mixture.clamp.alpha"), clamp.alpha);
  visit(std::string_view("mixture.clamp.limit"), clamp.limit);
  VisitFields(names, visit);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_SPEC_H_
