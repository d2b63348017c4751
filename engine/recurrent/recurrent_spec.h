#ifndef FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_SPEC_H_
#define FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_SPEC_H_

// A layer that mixes positions through a state of fixed size, as data. All kinds project their
// input, convolve some of what that gives over the last positions, channel by channel, and project
// the result back:
//
//   kShortConvolution (Liquid AI's LFM2; transformers' lfm2):
//     b, c, x = input(u);  output(c * convolution(b * x))
//   kMamba2 (Dao and Gu, arXiv:2405.21060; transformers' mamba2): a head's state S
//   [state_size, head_dim] decays and takes up the input, by steps that the input sets
//     z, (x, B, C), dt = input(u);  x, B, C = silu(convolution(x, B, C));  d = softplus(dt + bias)
//     S = exp(-d exp(A_log)) S + B (d x)^T;  y = S^T C + D x;  output(norm(y * silu(z)))
//   (a prompt's d within limits, as transformers has it, which limits none behind the prompt)
//   kDeltaNet (Yang et al., arXiv:2412.06464; transformers' qwen3_next): it takes up what it does
//   not yet say of the key
//     (q, k, v), z, b, a = input(u);  q, k, v = silu(convolution(q, k, v)), q and k of length 1
//     S = exp(-exp(A_log) softplus(a + bias)) S
//     S = S + k (sigmoid(b) (v - S^T k))^T;  y = S^T q / sqrt(state_size)
//     output(norm(y) * silu(z))
//
// B and C, q and k, are shared by heads: groups of them, each for heads / groups heads that follow
// each other. State is updated position after position, so that it does not depend on how a prompt
// is cut.

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace firstlight {

enum class RecurrenceKind : uint8_t { kShortConvolution, kMamba2, kDeltaNet };

// kMamba2: of what the input projection gives.
struct ProjectionMultipliers {
  double z = 1.0;
  double x = 1.0;
  double b = 1.0;
  double c = 1.0;
  double dt = 1.0;

  friend bool operator==(const ProjectionMultipliers&, const ProjectionMultipliers&) = default;
};

// Names of a layer's tensors.
struct RecurrentNames {
  std::string prefix = "mamba.";       // before all of them
  std::string convolution = "conv1d";  // linear, as the next
  std::string output = "out_proj";

  friend bool operator==(const RecurrentNames&, const RecurrentNames&) = default;
};

struct RecurrentSpec {
  RecurrenceKind kind = RecurrenceKind::kShortConvolution;
  int64_t heads = 0;       // of x or v; a multiple of groups
  int64_t head_dim = 0;    // of x or v; kShortConvolution: one head of hidden_size
  int64_t groups = 0;      // of B and C, or heads of q and k
  int64_t state_size = 0;  // of B and C, or of q and k
  int64_t kernel = 1;      // positions that the convolution sees
  bool convolution_bias = false;
  bool input_bias = false;
  bool output_bias = false;
  // kDeltaNet: q, k, v, z are one projection and b, a another, in which the heads of a group are
  // together; else they are four, as they are used.
  bool grouped = false;
  bool norm = false;              // kMamba2: there is one; else y * silu(z)
  bool norm_before_gate = false;  // norm(y) * silu(z)
  ProjectionMultipliers multipliers;
  double output_multiplier = 1.0;
  double smallest_prompt_step = 0.0;
  double largest_prompt_step = std::numeric_limits<double>::infinity();
  RecurrentNames names;

  bool limits_prompt_steps() const {
    return smallest_prompt_step > 0.0 || std::isfinite(largest_prompt_step);
  }
  int64_t inner_size() const { return heads * head_dim; }
  int64_t group_size() const { return groups * state_size; }  // of all of B, or all of q
  // That the convolution is over.
  int64_t channels() const { return inner_size() + 2 * group_size(); }

  friend bool operator==(const RecurrentSpec&, const RecurrentSpec&) = default;
};

// Lanes of a head that are computed together; a head's are padded to a multiple of it.
inline constexpr int64_t kScanLanes = 16;

inline int64_t ScanTiles(const RecurrentSpec& spec) {
  return (spec.head_dim + kScanLanes - 1) / kScanLanes;
}

// A layer's state of one sequence, float32:
//   the last inputs of the convolution  [kernel - 1, channels]
//   S, from the next multiple of 16 on  [heads, tiles, state_size, kScanLanes]
inline int64_t ConvolutionStateFloats(const RecurrentSpec& spec) {
  return ((spec.kernel - 1) * spec.channels() + kScanLanes - 1) / kScanLanes * kScanLanes;
}
inline int64_t LayerStateFloats(const RecurrentSpec& spec) {
  return ConvolutionStateFloats(spec) + spec.heads * ScanTiles(spec) * spec.state_size * kScanLanes;
}

// Calls `visit(name, field)` for every field, as VisitFields of a DecoderSpec does.
template <typename Visitor>
void VisitFields(RecurrentSpec& recurrent, Visitor&& visit) {
  auto& [kind, heads, head_dim, groups, state_size, kernel, convolution_bias, input_bias,
         output_bias, grouped, norm, norm_before_gate, multipliers, output_multiplier,
         smallest_prompt_step, largest_prompt_step, names] = recurrent;
  visit(std::string_view("recurrent.kind"), kind);
  visit(std::string_view("recurrent.heads"), heads);
  visit(std::string_view("recurrent.head_dim"), head_dim);
  visit(std::string_view("recurrent.groups"), groups);
  visit(std::string_view("recurrent.state_size"), state_size);
  visit(std::string_view("recurrent.kernel"), kernel);
  visit(std::string_view("recurrent.convolution_bias"), convolution_bias);
  visit(std::string_view("recurrent.input_bias"), input_bias);
  visit(std::string_view("recurrent.output_bias"), output_bias);
  visit(std::string_view("recurrent.grouped"), grouped);
  visit(std::string_view("recurrent.norm"), norm);
  visit(std::string_view("recurrent.norm_before_gate"), norm_before_gate);
  auto& [z, x, b, c, dt] = multipliers;
  visit(std::string_view("recurrent.multipliers.z"), z);
  visit(std::string_view("recurrent.multipliers.x"), x);
  visit(std::string_view("recurrent.multipliers.b"), b);
  visit(std::string_view("recurrent.multipliers.c"), c);
  visit(std::string_view("recurrent.multipliers.dt"), dt);
  visit(std::string_view("recurrent.output_multiplier"), output_multiplier);
  visit(std::string_view("recurrent.smallest_prompt_step"), smallest_prompt_step);
  visit(std::string_view("recurrent.largest_prompt_step"), largest_prompt_step);
  auto& [prefix, convolution, output] = names;
  visit(std::string_view("recurrent.names.prefix"), prefix);
  visit(std::string_view("recurrent.names.convolution"), convolution);
  visit(std::string_view("recurrent.names.output"), output);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RECURRENT_RECURRENT_SPEC_H_
