#ifndef FIRSTLIGHT_ENGINE_MIXTURE_ROUTER_H_
#define FIRSTLIGHT_ENGINE_MIXTURE_ROUTER_H_

// Which experts a token has, and how much of each: from the router's logits, as transformers
// computes it in float32 for the families that a RoutingSpec describes.
//
// Of equal scores the lowest expert is chosen. (torch.topk leaves that open; torch.max, which
// kSparseMixer goes by, defines it so.) A token's choice depends on its logits alone.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "engine/kernels/kernels.h"
#include "engine/mixture/mixture_spec.h"

namespace firstlight {

// Routes one token after the other. Not thread safe; each worker has its own.
class Router {
 public:
  // `spec` and `kernels` outlive it. `correction` and `scale` (of the weights, at last):
  // [num_experts], or empty.
  // REQUIRES: 1 <= experts_per_token <= num_experts (and it is 2 under kSparseMixer);
  // num_experts is a multiple of groups; the groups of a token hold experts_per_token or more;
  // a group holds two experts or more under kTwoGreatestTogether.
  Router(const MixtureSpec* spec, const Kernels* kernels, absl::Span<const float> correction,
         absl::Span<const float> scale = {});

  // Writes the token's experts in increasing order, and their weights. Whatever the logits are
  // (NaN and infinity included), the experts are distinct and in range.
  void Route(absl::Span<const float> logits,  // [num_experts]
             absl::Span<int32_t> experts,     // [experts_per_token]
             absl::Span<float> weights);      // [experts_per_token]

 private:
  void Score(absl::Span<const float> logits);
  void DropGroups();
  void ChooseByScore(absl::Span<int32_t> experts, absl::Span<float> weights);
  void MixSparsely(absl::Span<const float> logits, absl::Span<int32_t> experts,
                   absl::Span<float> weights);
  void Softmax(absl::Span<float> values) const;

  const MixtureSpec& spec_;
  const Kernels& kernels_;
  const absl::Span<const float> correction_;
  const absl::Span<const float> scale_;
  std::vector<float> scores_;        // [num_experts]: what becomes a weight
  std::vector<float> choice_;        // [num_experts]: what experts are chosen by
  std::vector<bool> taken_;          // [num_experts]
  std::vector<float> group_scores_;  // [groups]
  std::vector<bool> group_taken_;    // [groups]
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MIXTURE_ROUTER_H_
