#include "engine/decoder.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "engine/mixture/mixture_pass.h"
#include "loader/base/status_macros.h"

namespace firstlight {
namespace {

// One row of a pass.
struct TokenRow {
  int32_t token;
  int64_t position;
  const BatchSegment* segment;
};

// Consecutive rows of one segment that attend together.
struct AttentionRows {
  const BatchSegment* segment;
  int64_t first_row;       // of the pass
  int64_t first_position;  // of the sequence
  int64_t rows;
};

}  // namespace

struct ForwardPass::State {
  State(Decoder* decoder, absl::Span<const BatchSegment> batch);

  absl::Status Reserve();
  void Embed();
  void RunLayer(int64_t layer);
  void RunHead();

  // The parts of RunLayer, in order.
  void NormAndPack(const WeightRows& weight, bool add_delta);
  void RotateAndStore(int64_t layer);
  void Attend(int64_t layer);
  void Pack(const float* input, int64_t columns);
  void Multiply(absl::Span<const ProductArgs> products);
  void MultiplyGated(const LayerWeights& weights);

  ProductArgs Product(const LinearWeights& linear, float* output, int64_t output_stride) const;

  // Runs function(begin, end) over [0, rows), on one thread where that is quicker.
  template <typename Function>
  void ForRows(int64_t rows, int64_t floats_a_row, Function&& function) const;

  const DecoderSpec& spec;
  const BoundWeights& weights;
  const Kernels& kernels;
  WorkerPool& workers;
  Activations& activations;

  std::vector<BatchSegment> segments;
  std::vector<TokenRow> rows;            // [tokens]
  std::vector<AttentionRows> attention;  // longest contexts first
  std::vector<int64_t> logits_of;        // [logits_rows], the row of the pass that each is of
  MixturePass mixture;
  int64_t tokens = 0;
  int64_t next_layer = -1;
  bool at_experts = false;  // of next_layer, whose experts have been chosen
  bool done = false;
};

ForwardPass::State::State(Decoder* decoder, absl::Span<const BatchSegment> batch)
    : spec(*decoder->spec_),
      weights(*decoder->weights_),
      kernels(*decoder->kernels_),
      workers(*decoder->workers_),
      activations(decoder->activations_),
      segments(batch.begin(), batch.end()),
      mixture(&spec.mixture, spec.hidden_size, &kernels, &workers) {
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

template <typename Function>
void ForwardPass::State::ForRows(int64_t count, int64_t floats_a_row, Function&& function) const {
  // Below this, handing over takes longer than the work.
  constexpr int64_t kWorthwhileFloats = int64_t{32} << 10;
  if (count * floats_a_row < kWorthwhileFloats) {
    function(0, count);
    return;
  }
  const int64_t chunk = std::max<int64_t>(1, count / (int64_t{4} * workers.threads()));
  workers.ParallelFor(count, chunk,
                      [&](int64_t begin, int64_t end, int /*worker*/) { function(begin, end); });
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

// hidden = embedding[token]; the angles of each row's position.
void ForwardPass::State::Embed() {
  const int64_t hidden_size = spec.hidden_size;
  const int64_t pairs = spec.head_dim / 2;
  const WeightRows& embedding = weights.embedding;
  const int64_t row_bytes = embedding.row_stride * WeightTypeBytes(embedding.type);
  // A sine costs about as much as sixteen elements of a row.
  ForRows(tokens, hidden_size + 32 * pairs, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      kernels.widen_row(static_cast<const std::byte*>(embedding.data) + rows[t].token * row_bytes,
                        embedding.type, hidden_size, 1.0F, activations.hidden + t * hidden_size);
      const std::vector<float>& frequencies = rows[t].segment->rope->inverse_frequencies;
      for (int64_t pair = 0; pair < pairs; ++pair) {
        const float angle = static_cast<float>(rows[t].position) * frequencies[pair];
        activations.cosine[t * pairs + pair] = std::cos(angle);
        activations.sine[t * pairs + pair] = std::sin(angle);
      }
    }
  });
}

// One layer: hidden += attention(norm(hidden)); hidden += mlp(norm(hidden)). The MLP's addition is
// left to whoever norms next.
void ForwardPass::State::RunLayer(int64_t layer) {
  const LayerWeights& w = weights.layers[layer];
  const int64_t query_size = spec.query_size();
  const int64_t key_value_size = spec.key_value_size();
  const int64_t projected_size = query_size + 2 * key_value_size;
  float* const query = activations.projected;
  float* const key = query + query_size;
  float* const value = key + key_value_size;

  NormAndPack(w.input_norm, /*add_delta=*/layer > 0);
  Multiply({Product(w.query, query, projected_size), Product(w.key, key, projected_size),
            Product(w.value, value, projected_size)});
  RotateAndStore(layer);
  Attend(layer);
  Pack(activations.attended, query_size);
  Multiply({Product(w.attention_output, activations.delta, spec.hidden_size)});

  NormAndPack(w.post_attention_norm, /*add_delta=*/true);
  if (spec.mixture.IsMixture(layer)) {
    mixture.Route({.weights = &w.mixture,
                   .tokens = tokens,
                   .input = activations.normed,
                   .packed = activations.packed,
                   .output = activations.delta,
                   .buffer = activations.mixture,
                   .scratch = activations.scratch(0)});
    at_experts = true;
    return;
  }
  MultiplyGated(w);
  Pack(activations.gate, spec.intermediate_size);
  Multiply({Product(w.down, activations.delta, spec.hidden_size)});
}

// hidden += delta; packed = norm(hidden).
void ForwardPass::State::NormAndPack(const WeightRows& weight, bool add_delta) {
  const int64_t size = spec.hidden_size;
  ForRows(tokens, 3 * size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* const hidden = activations.hidden + t * size;
      if (add_delta) kernels.add(activations.delta + t * size, size, hidden);
      kernels.rms_norm(hidden, size, weight, /*weight_offset=*/0.0F,
                       static_cast<float>(spec.rms_norm_eps), activations.normed + t * size);
    }
    PackActivations(activations.normed, size, tokens, size, begin, end, activations.packed);
  });
}

// Turns query and key by their position's angles; key and value go to the cache.
void ForwardPass::State::RotateAndStore(int64_t layer) {
  const int64_t pairs = spec.head_dim / 2;
  const int64_t projected_size = spec.query_size() + 2 * spec.key_value_size();
  ForRows(tokens, projected_size, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      float* const query = activations.projected + t * projected_size;
      float* const key = query + spec.query_size();
      float* const value = key + spec.key_value_size();
      const float* const cosine = activations.cosine + t * pairs;
      const float* const sine = activations.sine + t * pairs;
      kernels.rope(query, spec.num_attention_heads, spec.head_dim, spec.head_dim, cosine, sine,
                   RopePairing::kHalves);
      kernels.rope(key, spec.num_key_value_heads, spec.head_dim, spec.head_dim, cosine, sine,
                   RopePairing::kHalves);
      StoreKeyValue(rows[t].segment->cache->layer(layer), rows[t].position, key, value);
    }
  });
}

// attended = softmax(scale * query key^T) value, each row over the positions up to its own.
void ForwardPass::State::Attend(int64_t layer) {
  const int64_t projected_size = spec.query_size() + 2 * spec.key_value_size();
  const int64_t kv_heads = spec.num_key_value_heads;
  const int64_t tasks = static_cast<int64_t>(attention.size()) * kv_heads;
  const int64_t chunk = std::max<int64_t>(1, tasks / (int64_t{16} * workers.threads()));
  workers.ParallelFor(tasks, chunk, [&](int64_t begin, int64_t end, int /*worker*/) {
    for (int64_t task = begin; task < end; ++task) {
      const AttentionRows& group = attention[task / kv_heads];
      AttentionArgs args;
      args.query = activations.projected + group.first_row * projected_size;
      args.query_stride = projected_size;
      args.output = activations.attended + group.first_row * spec.query_size();
      args.output_stride = spec.query_size();
      args.rows = group.rows;
      args.first_position = group.first_position;
      args.cache = group.segment->cache->layer(layer);
      args.heads = spec.num_attention_heads;
      args.scale = static_cast<float>(spec.attention_scale);
      kernels.attention(args, task % kv_heads, task % kv_heads + 1);
    }
  });
}

void ForwardPass::State::Pack(const float* input, int64_t columns) {
  ForRows(tokens, columns, [&](int64_t begin, int64_t end) {
    PackActivations(input, columns, tokens, columns, begin, end, activations.packed);
  });
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

// gate = silu(gate_proj(x)) * up_proj(x).
void ForwardPass::State::MultiplyGated(const LayerWeights& w) {
  const int64_t size = spec.intermediate_size;
  const ProductArgs gate = Product(w.gate, activations.gate, size);
  const ProductArgs up = Product(w.up, activations.up, size);
  const int64_t chunk = ProductRowChunk(size, 2 * spec.hidden_size, tokens, workers.threads());
  workers.ParallelFor(size, chunk, [&](int64_t begin, int64_t end, int worker) {
    kernels.product(gate, begin, end, activations.scratch(worker));
    kernels.product(up, begin, end, activations.scratch(worker));
    for (int64_t t = 0; t < tokens; ++t) {
      float* const row = activations.gate + t * size + begin;
      kernels.silu_and_multiply(row, activations.up + t * size + begin, end - begin, row);
    }
  });
}

// logits = head(norm(hidden)), for the rows that want them.
void ForwardPass::State::RunHead() {
  const int64_t size = spec.hidden_size;
  const auto count = static_cast<int64_t>(logits_of.size());
  if (count == 0) return;
  ForRows(count, 3 * size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      float* const hidden = activations.hidden + logits_of[i] * size;
      kernels.add(activations.delta + logits_of[i] * size, size, hidden);
      kernels.rms_norm(hidden, size, weights.final_norm, /*weight_offset=*/0.0F,
                       static_cast<float>(spec.rms_norm_eps), activations.normed + i * size);
    }
    PackActivations(activations.normed, size, count, size, begin, end, activations.packed);
  });
  ProductArgs head = Product(weights.head, activations.logits, spec.vocab_size);
  head.tokens = count;
  Multiply({head});
}

ForwardPass::ForwardPass(std::unique_ptr<State> state) : state_(std::move(state)) {}

ForwardPass::~ForwardPass() = default;

void ForwardPass::RunNextStage() {
  State& state = *state_;
  assert(!state.done);
  if (state.at_experts) {
    state.mixture.Run();
    state.at_experts = false;
  } else if (state.next_layer < 0) {
    state.Embed();
  } else if (state.next_layer < state.spec.num_hidden_layers) {
    state.RunLayer(state.next_layer);
    if (state.at_experts) return;
  } else {
    state.RunHead();
    state.done = true;
    return;
  }
  ++state.next_layer;
}

bool ForwardPass::done() const { return state_->done; }

int64_t ForwardPass::next_layer() const { return state_->next_layer; }

absl::Span<const int32_t> ForwardPass::next_experts() const {
  return state_->at_experts ? state_->mixture.chosen() : absl::Span<const int32_t>();
}

absl::Span<const float> ForwardPass::logits() const {
  return {state_->activations.logits,
          state_->logits_of.size() * static_cast<size_t>(state_->spec.vocab_size)};
}

absl::Span<const float> ForwardPass::logits_row(int64_t row) const {
  const auto size = static_cast<size_t>(state_->spec.vocab_size);
  return logits().subspan(static_cast<size_t>(row) * size, size);
}

Decoder::Decoder(const DecoderSpec* spec, const BoundWeights* weights, const Kernels* kernels,
                 WorkerPool* workers, int64_t max_activation_bytes)
    : spec_(spec),
      weights_(weights),
      kernels_(kernels),
      workers_(workers),
      activations_(max_activation_bytes) {}

Decoder::~Decoder() = default;

absl::StatusOr<std::unique_ptr<ForwardPass>> Decoder::Begin(
    absl::Span<const BatchSegment> segments) {
  auto state = std::make_unique<ForwardPass::State>(this, segments);
  FIRSTLIGHT_RETURN_IF_ERROR(state->Reserve());
  return std::unique_ptr<ForwardPass>(new ForwardPass(std::move(state)));
}

absl::StatusOr<std::unique_ptr<ForwardPass>> Decoder::Forward(
    absl::Span<const BatchSegment> segments) {
  FIRSTLIGHT_ASSIGN_OR_RETURN(std::unique_ptr<ForwardPass> pass, Begin(segments));
  while (!pass->done()) pass->RunNextStage();
  return pass;
}

}  // namespace firstlight
