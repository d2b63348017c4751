#include "engine/forward/state.h"

#include <cassert>

#include "engine/decoder/alibi.h"
#include "engine/kernels/layer_norm.h"

namespace firstlight {

ForwardPass::State::State(Decoder* decoder, absl::Span<const BatchSegment> batch)
    : spec(*decoder->spec_),
      weights(*decoder->weights_),
      kernels(*decoder->kernels_),
      workers(*decoder->workers_),
      activations(decoder->activations_),
      segments(batch.begin(), batch.end()),
      alibi_slopes(AlibiSlopes(spec.attention, spec.num_attention_heads)),
      mixture(&spec.mixture, spec.hidden_size, &kernels, &workers),
      recurrence(&spec.recurrent, spec.hidden_size, static_cast<float>(spec.norm.eps), &kernels,
                 &workers) {
  recurrence_place.reserve(static_cast<size_t>(spec.num_hidden_layers));
  for (int64_t layer = 0, recurring = 0; layer < spec.num_hidden_layers; ++layer) {
    recurrence_place.push_back(recurring);
    recurring += spec.kind(layer).recurs() ? 1 : 0;
  }
  for (const BatchSegment& segment : segments) {
    const auto count = static_cast<int64_t>(segment.tokens.size());
    assert(segment.first_position + count <= segment.cache->reserved_positions());
    assert(segment.logits_rows <= count);
    for (int64_t i = 0; i < count; i += kAttentionRows) {
      attention.push_back(
          {&segment, tokens + i, segment.first_position + i, std::min(kAttentionRows, count - i)});
    }
    for (int64_t i = 0; i < count; ++i) {
      rows.push_back({segment.tokens[i], segment.first_position + i, &segment});
    }
    for (int64_t i = count - segment.logits_rows; i < count; ++i) logits_of.push_back(tokens + i);
    assert(segment.state != nullptr || spec.RecurrentLayers(spec.num_hidden_layers) == 0);
    if (count > 0) {
      const int64_t prompt_rows = segment.prompt_tokens - segment.first_position;
      sequences.push_back({.first_row = tokens,
                           .rows = count,
                           .prompt_rows = std::clamp(prompt_rows, int64_t{0}, count),
                           .begins = segment.first_position == 0});
    }
    tokens += count;
  }
  std::sort(attention.begin(), attention.end(), [](const AttentionRows& a, const AttentionRows& b) {
    return a.first_position > b.first_position;
  });
}

absl::Status ForwardPass::State::Reserve() {
  return activations.Reserve(spec,
                             {.tokens = tokens, .logits = static_cast<int64_t>(logits_of.size())},
                             workers.threads());
}

void ForwardPass::State::Norm(const NormSpec& norm_spec, const NormWeights& norm_weights,
                              const float* input, int64_t count, float* output) const {
  const auto offset = static_cast<float>(norm_spec.weight_offset);
  const auto eps = static_cast<float>(norm_spec.eps);
  if (norm_spec.kind == NormKind::kRms) {
    kernels.rms_norm(input, count, norm_weights.weight, offset, eps, output);
  } else {
    LayerNorm(input, count, norm_weights.weight, norm_weights.bias, offset, eps, output);
  }
}

void ForwardPass::State::LeaveDelta(const NormWeights& norm, double multiplier) {
  left_norm = &norm;
  left_multiplier = static_cast<float>(multiplier);
  left_scalar = 1.0F;
  delta_left = true;
}

// hidden = scalar * (hidden + multiplier * norm(left_multiplier * delta)).
void ForwardPass::State::JoinDelta(int64_t row) {
  const int64_t size = spec.hidden_size;
  float* const delta = activations.delta + row * size;
  if (left_multiplier != 1.0F) {
    for (int64_t i = 0; i < size; ++i) delta[i] *= left_multiplier;
  }
  if (spec.residual.norm_after) Norm(spec.norm, *left_norm, delta, size, delta);
  if (spec.residual.multiplier != 1.0) {
    const auto multiplier = static_cast<float>(spec.residual.multiplier);
    for (int64_t i = 0; i < size; ++i) delta[i] *= multiplier;
  }
  float* const hidden = activations.hidden + row * size;
  kernels.add(delta, size, hidden);
  if (left_scalar != 1.0F) {
    for (int64_t i = 0; i < size; ++i) hidden[i] *= left_scalar;
  }
}

void ForwardPass::State::NormAndPack(const NormWeights& norm) {
  const int64_t size = spec.hidden_size;
  const bool norm_before = spec.residual.norm_before;
  sublayer_input = norm_before ? activations.normed : activations.hidden;
  ForRows(tokens, 3 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      if (delta_left) JoinDelta(t);
      if (norm_before) {
        Norm(spec.norm, norm, activations.hidden + t * size, size, activations.normed + t * size);
      }
    }
    PackActivations(sublayer_input, size, tokens, size, begin, end, activations.packed);
  });
  delta_left = false;
}

void ForwardPass::State::JoinAndPack() {
  const int64_t size = spec.hidden_size;
  ForRows(tokens, 3 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      if (delta_left) JoinDelta(t);
    }
    PackActivations(activations.hidden, size, tokens, size, begin, end, activations.packed);
  });
  delta_left = false;
}

void ForwardPass::State::NormAndPackBeside(const NormWeights& norm) {
  const int64_t size = spec.hidden_size;
  const bool norm_again = spec.residual.feed_forward_norm();
  ForRows(tokens, 3 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      if (norm_again) {
        Norm(spec.norm, norm, activations.hidden + t * size, size, activations.normed + t * size);
      }
    }
    PackActivations(sublayer_input, size, tokens, size, begin, end, activations.packed);
    for (int64_t t = begin; t < end; ++t) JoinDelta(t);
  });
  delta_left = false;
}

void ForwardPass::State::Pack(const float* input, int64_t columns) {
  ForRows(tokens, columns, [&](int64_t begin, int64_t end) {
    PackActivations(input, columns, tokens, columns, begin, end, activations.packed);
  });
}

ProductArgs ForwardPass::State::Product(const LinearWeights& linear, float* output,
                                        int64_t output_stride) const {
  return {.packed = activations.packed,
          .tokens = tokens,
          .weight = linear.weight,
          .bias = linear.bias,
          .output = output,
          .output_stride = output_stride};
}

// Products of the same packed input, as one loop over all their rows.
void ForwardPass::State::Multiply(absl::Span<const ProductArgs> products) {
  int64_t total_rows = 0;
  for (const ProductArgs& product : products) total_rows += product.weight.rows;
  const int64_t chunk = ProductRowChunk(total_rows, products.front().weight.columns,
                                        products.front().tokens, workers.threads());
  workers.ParallelFor(total_rows, chunk, [&](int64_t begin, int64_t end, int worker) {
    int64_t first = 0;  // of this product's rows, among all
    for (const ProductArgs& product : products) {
      const int64_t from = std::max(begin - first, int64_t{0});
      const int64_t to = std::min(end - first, product.weight.rows);
      if (from < to) kernels.product(product, from, to, activations.scratch(worker));
      first += product.weight.rows;
    }
  });
}

}  // namespace firstlight
