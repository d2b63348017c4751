#include <cmath>

#include "engine/forward/state.h"

namespace firstlight {
namespace {

const void* RowOf(const WeightRows& rows, int64_t index) {
  return static_cast<const std::byte*>(rows.data) +
         index * rows.row_stride * WeightTypeBytes(rows.type);
}

}  // namespace

// hidden = embedding[token]; the angles of each row's position.
void ForwardPass::State::Embed() {
  // A sine costs about as much as sixteen elements of a row.
  ForRows(tokens, spec.hidden_size + 32 * spec.rotary_pairs(), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      EmbedRow(t);
      ComputeAngles(t);
    }
  });
  if (spec.per_layer_input.enabled()) ComputePerLayerInputs();
}

void ForwardPass::State::EmbedRow(int64_t row) {
  const int64_t size = spec.hidden_size;
  const TokenRow& token = rows[static_cast<size_t>(row)];
  float* const hidden = activations.hidden + row * size;
  kernels.widen_row(RowOf(weights.embedding, token.token), weights.embedding.type, size,
                    static_cast<float>(spec.embedding.multiplier), hidden);
  if (spec.embedding.position_rows > 0) {
    float* const position = activations.delta + row * size;
    kernels.widen_row(RowOf(weights.positions, token.position + spec.embedding.position_offset),
                      weights.positions.type, size, 1.0F, position);
    kernels.add(position, size, hidden);
  }
  if (spec.embedding.norm) Norm(spec.norm, weights.embedding_norm, hidden, size, hidden);
}

void ForwardPass::State::ComputeAngles(int64_t row) {
  const TokenRow& token = rows[static_cast<size_t>(row)];
  float* cosine = activations.cosine + row * spec.rotary_pairs();
  float* sine = activations.sine + row * spec.rotary_pairs();
  for (const RopeTable& table : token.segment->rope->tables) {
    for (const float frequency : table.inverse_frequencies) {
      const float angle = static_cast<float>(token.position) * frequency;
      *cosine++ = std::cos(angle) * table.attention_factor;
      *sine++ = std::sin(angle) * table.attention_factor;
    }
  }
}

// logits = head(norm(hidden)), for the rows that want them.
void ForwardPass::State::RunHead() {
  const int64_t size = spec.hidden_size;
  const auto count = static_cast<int64_t>(logits_of.size());
  if (count == 0) return;
  ForRows(count, 3 * size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = logits_of[static_cast<size_t>(i)];
      JoinDelta(row);
      Norm(spec.norm, weights.final_norm, activations.hidden + row * size, size,
           activations.normed + i * size);
    }
    PackActivations(activations.normed, size, count, size, begin, end, activations.packed);
  });
  ProductArgs head = Product(weights.head, activations.logits, spec.vocab_size);
  head.tokens = count;
  Multiply({head});
  if (spec.head.multiplier == 1.0 && spec.head.soft_cap == 0.0) return;
  ForRows(count, 16 * spec.vocab_size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      ScaleAndCap(static_cast<float>(spec.head.multiplier), static_cast<float>(spec.head.soft_cap),
                  kernels, spec.vocab_size, activations.logits + i * spec.vocab_size);
    }
  });
}

}  // namespace firstlight
