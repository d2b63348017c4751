#ifndef FIRSTLIGHT_ENGINE_FORWARD_STATE_H_
#define FIRSTLIGHT_ENGINE_FORWARD_STATE_H_

// A forward pass under way: what its stages share. For the sources of this folder alone.
//
//   ends.cc          the embedding before the layers, the norm and head behind them
//   layer.cc         one layer: how its mixer and its feed-forward join the residual stream
//   attention.cc     the mixer of the layers that attend
//   recurrence.cc    the mixer of the layers that recur
//   feed_forward.cc  the feed-forward
//   per_layer_input.cc  what layers are told of their token beside the residual stream
//   state.cc         what they are made of: norms, packing, products, splitting rows among workers

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "engine/decoder/decoder.h"
#include "engine/mixture/mixture_pass.h"
#include "engine/recurrent/recurrent_pass.h"

namespace firstlight {

struct ForwardPass::State {
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

  State(Decoder* decoder, absl::Span<const BatchSegment> batch);
  absl::Status Reserve();

  // The stages.
  void Embed();
  void RunLayer(int64_t layer);
  void RunHead();

  // A layer's mixer and its feed-forward: from the packed input to `delta`.
  void Mix(int64_t layer);
  void Attend(int64_t layer);
  void Recur(int64_t layer, float* output);
  void FeedForward(int64_t layer);
  // Of a layer that is a mixture: chooses the experts, which are the next stage, RunExperts.
  void RouteToExperts(int64_t layer);
  void RunExperts(int64_t layer);
  // Where the layer has an MLP, too: what that gave is kept, and the router and the experts read
  // norms of their own; at last both are joined in `delta`.
  void LeaveMlpBesideExperts(int64_t layer);
  void NormForExperts(int64_t layer);
  void JoinMlpAndExperts(int64_t layer);
  // What comes behind the feed-forward.
  void FinishLayer(int64_t layer);

  // hidden += what the layer makes of its own input; the sum is left to who reads it next.
  void AddPerLayerInput(int64_t layer);

  // The parts of Embed.
  void ComputePerLayerInputs();
  void ComputePerLayerInput(int64_t row);
  void EmbedRow(int64_t row);
  void ComputeAngles(int64_t row);

  // The parts of Attend.
  void ProjectLatent(int64_t layer);
  void PrepareQueryKeyValue(int64_t layer, int64_t row);
  void StoreRow(int64_t layer, int64_t row);
  void Ungroup(int64_t row);
  void NormHeads(const NormWeights& weights, int64_t count, float* data);
  void ScaleQuery(int64_t row, float* query);
  void PartQueryAndGate(int64_t row);
  void GateOutput(int64_t row);
  void AttendHeads(int64_t layer);
  // Where a rope's cosines (and sines) begin among a position's.
  int64_t RopeOffset(int64_t rope) const;

  // What a sublayer wrote to `delta` is added by who reads the residual stream next: through
  // `norm`, if the spec has norms after sublayers.
  void LeaveDelta(const NormWeights& norm, double multiplier = 1.0);
  void JoinDelta(int64_t row);
  // packed = norm(hidden), what was left included. `sublayer_input` are the same rows.
  void NormAndPack(const NormWeights& norm);
  // packed = hidden, what was left included.
  void JoinAndPack();
  // The same as NormAndPack for a parallel layer's second sublayer: norms (or, through a shared
  // norm, keeps) what the first one read, and joins what that left.
  void NormAndPackBeside(const NormWeights& norm);

  void Norm(const NormSpec& norm_spec, const NormWeights& weights, const float* input,
            int64_t count, float* output) const;
  void Pack(const float* input, int64_t columns);
  void Multiply(absl::Span<const ProductArgs> products);
  ProductArgs Product(const LinearWeights& linear, float* output, int64_t output_stride) const;

  // Runs function(begin, end) over [0, rows), on one thread where that is quicker.
  template <typename Function>
  void ForRows(int64_t rows, int64_t floats_a_row, Function&& function) const {
    // Below this, handing over takes longer than the work.
    constexpr int64_t kWorthwhileFloats = int64_t{32} << 10;
    if (rows * floats_a_row < kWorthwhileFloats) {
      function(0, rows);
      return;
    }
    const int64_t chunk = std::max<int64_t>(1, rows / (int64_t{4} * workers.threads()));
    workers.ParallelFor(rows, chunk,
                        [&](int64_t begin, int64_t end, int /*worker*/) { function(begin, end); });
  }

  const DecoderSpec& spec;
  const BoundWeights& weights;
  const Kernels& kernels;
  WorkerPool& workers;
  Activations& activations;

  std::vector<BatchSegment> segments;
  std::vector<TokenRow> rows;             // [tokens]
  std::vector<AttentionRows> attention;   // longest contexts first
  std::vector<int64_t> logits_of;         // [logits_rows], the row of the pass that each is of
  HeadSizes heads;                        // of the layer that attends
  std::vector<float> alibi_slopes;        // [num_attention_heads], or empty
  std::vector<float> sinks;               // of the layer, [num_attention_heads], or empty
  std::vector<int64_t> recurrence_place;  // [num_hidden_layers], among those that recur
  std::vector<RecurrentPass::Sequence> sequences;  // the segments, as a recurrent layer takes them
  const NormWeights* left_norm = nullptr;          // of what is left in `delta`
  float left_multiplier = 1.0F;                    // the same
  float left_scalar = 1.0F;                        // of the stream, once that is joined
  bool delta_left = false;
  const float* sublayer_input = nullptr;  // [tokens, hidden_size], what `packed` holds
  MixturePass mixture;
  RecurrentPass recurrence;
  int64_t tokens = 0;
  int64_t next_layer = -1;
  bool at_experts = false;  // of next_layer, whose experts have been chosen
  bool done = false;
};

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_FORWARD_STATE_H_
