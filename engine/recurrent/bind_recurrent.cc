#include "engine/recurrent/bind_recurrent.h"

#include <string>

namespace firstlight {
namespace {

// Rows of the input projection.
int64_t InputRows(const RecurrentSpec& spec) {
  switch (spec.kind) {
    case RecurrenceKind::kShortConvolution:
      return 3 * spec.inner_size();
    case RecurrenceKind::kMamba2:
      return spec.inner_size() + spec.channels() + spec.heads;
    case RecurrenceKind::kDeltaNet:
      break;
  }
  return spec.channels() + (spec.grouped ? spec.inner_size() : 0);
}

}  // namespace

RecurrentWeights BindRecurrent(const RecurrentSpec& spec, int64_t hidden_size,
                               TensorSource& source) {
  const std::string& prefix = spec.names.prefix;
  const auto linear = [&](const std::string& name, int64_t out, int64_t in) {
    return source.Weight(prefix + name + ".weight", {out, in});
  };
  RecurrentWeights w;
  if (spec.kind != RecurrenceKind::kDeltaNet) {
    w.input = linear("in_proj", InputRows(spec), hidden_size);
    if (spec.input_bias) w.input_bias = source.Weight(prefix + "in_proj.bias", {InputRows(spec)});
  } else if (spec.grouped) {
    w.input = linear("in_proj_qkvz", InputRows(spec), hidden_size);
    w.input_b = linear("in_proj_ba", 2 * spec.heads, hidden_size);
  } else {
    w.input = linear("in_proj_qkv", InputRows(spec), hidden_size);
    w.input_z = linear("in_proj_z", spec.inner_size(), hidden_size);
    w.input_b = linear("in_proj_b", spec.heads, hidden_size);
    w.input_a = linear("in_proj_a", spec.heads, hidden_size);
  }
  const std::string convolution = prefix + spec.names.convolution;
  w.convolution = source.Weight(convolution + ".weight", {spec.channels(), 1, spec.kernel});
  if (spec.convolution_bias) {
    w.convolution_bias = source.Weight(convolution + ".bias", {spec.channels()});
  }
  if (spec.kind != RecurrenceKind::kShortConvolution) {
    w.dt_bias = source.Weight(prefix + "dt_bias", {spec.heads});
    w.a_log = source.Weight(prefix + "A_log", {spec.heads});
    if (spec.kind == RecurrenceKind::kMamba2) w.d = source.Weight(prefix + "D", {spec.heads});
    if (spec.norm) {
      const bool each_head = spec.kind == RecurrenceKind::kDeltaNet;
      w.norm =
          source.Weight(prefix + "norm.weight", {each_head ? spec.head_dim : spec.inner_size()});
    }
  }
  const std::string output = spec.names.output;
  w.output = linear(output, hidden_size, spec.inner_size());
  if (spec.output_bias) w.output_bias = source.Weight(prefix + output + ".bias", {hidden_size});
  return w;
}

}  // namespace firstlight
