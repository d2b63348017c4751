#ifndef FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_WEIGHTS_H_
#define FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_WEIGHTS_H_

// The weights of a mixture of experts, as views. An expert that no token chooses is never read.

#include <vector>

#include "engine/kernels/weight_rows.h"

namespace firstlight {

// An MLP. Biases are [1, out], or absent.
struct ExpertWeights {
  WeightRows gate;  // [intermediate_size, hidden_size], absent where it has none
  WeightRows gate_bias;
  WeightRows up;  // [intermediate_size, hidden_size]
  WeightRows up_bias;
  WeightRows down;  // [hidden_size, intermediate_size]
  WeightRows down_bias;
};

struct MixtureWeights {
  WeightRows router;                   // [num_experts, hidden_size]
  WeightRows router_bias;              // [1, num_experts], or absent
  WeightRows correction;               // [1, num_experts], or absent
  std::vector<ExpertWeights> experts;  // [num_experts]; none where the layer is no mixture
  ExpertWeights shared;                // absent where there is none
  WeightRows shared_expert_gate;       // [1, hidden_size], or absent
  WeightRows router_scale;             // [1, hidden_size], or absent
  WeightRows expert_scale;             // [1, num_experts], or absent
  // Of root mean squares, [1, hidden_size]; absent unless beside an MLP.
  WeightRows mlp_output_norm;
  WeightRows experts_norm;
  WeightRows experts_output_norm;
};

// Calls `visit(rows)` for every weight, absent ones included.
template <typename Visitor>
void VisitWeights(const ExpertWeights& expert, Visitor&& visit) {
  const auto& [gate, gate_bias, up, up_bias, down, down_bias] = expert;
  for (const WeightRows* rows : {&gate, &gate_bias, &up, &up_bias, &down, &down_bias}) visit(*rows);
}

// Those that every pass reads: all but the experts'.
template <typename Visitor>
void VisitWeightsOfEveryPass(const MixtureWeights& mixture, Visitor&& visit) {
  const auto& [router, router_bias, correction, experts, shared, shared_expert_gate, router_scale,
               expert_scale, mlp_output_norm, experts_norm, experts_output_norm] = mixture;
  for (const WeightRows* rows : {&mlp_output_norm, &router_scale, &router, &router_bias,
                                 &correction, &expert_scale, &experts_norm}) {
    visit(*rows);
  }
  VisitWeights(shared, visit);
  visit(shared_expert_gate);
  visit(experts_output_norm);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MIXTURE_MIXTURE_WEIGHTS_H_
