#ifndef FIRSTLIGHT_ENGINE_LATENT_LATENT_SPEC_H_
#define FIRSTLIGHT_ENGINE_LATENT_LATENT_SPEC_H_

// Multi-head latent attention (DeepSeek-AI, arXiv:2405.04434), as data: keys and values come out of
// one low-rank vector a token, queries may, and position turns only a part of each head:
//
//   query    [heads, head_dim]            = query_b(norm(query_a(x))), or query(x)
//   latent   [rank], turning [rope_dim]   = kv_a(x)
//   key and value [heads, nope | value]   = kv_b(norm(latent))
//   key      [heads, head_dim]            = nope, then the turning part, which all heads share
//
// head_dim is nope + rope_dim, the last rope_dim elements of a head turn.
//
// The cache holds keys and values as they are here, expanded for each head: attention over it is
// every other family's, at the same precision, and a position is expanded once. It could hold the
// latents instead, a tenth of the memory; then each step would expand all of them again, or
// multiply by kv_b's transpose, which its mapped rows do not give.

#include <cstdint>
#include <string>
#include <string_view>

namespace firstlight {

struct LatentNames {
  std::string query_a = "self_attn.q_a_proj";
  std::string query_a_norm = "self_attn.q_a_layernorm";
  std::string query_b = "self_attn.q_b_proj";
  std::string kv_a = "self_attn.kv_a_proj_with_mqa";
  std::string kv_a_norm = "self_attn.kv_a_layernorm";
  std::string kv_b = "self_attn.kv_b_proj";

  friend bool operator==(const LatentNames&, const LatentNames&) = default;
};

struct LatentSpec {
  int64_t rank = 0;        // of keys and values; 0: attention is not latent
  int64_t query_rank = 0;  // 0: queries are one projection, by its usual name
  int64_t value_dim = 0;   // of a head's value
  bool bias = false;       // on query_a and kv_a
  LatentNames names;

  bool enabled() const { return rank > 0; }

  friend bool operator==(const LatentSpec&, const LatentSpec&) = default;
};

// Calls `visit(name, field)` for every field, as VisitFields of a DecoderSpec does.
template <typename Visitor>
void VisitFields(LatentSpec& latent, Visitor&& visit) {
  auto& [rank, query_rank, value_dim, bias, names] = latent;
  visit(std::string_view("latent.rank"), rank);
  visit(std::string_view("latent.query_rank"), query_rank);
  visit(std::string_view("latent.value_dim"), value_dim);
  visit(std::string_view("latent.bias"), bias);
  auto& [query_a, query_a_norm, query_b, kv_a, kv_a_norm, kv_b] = names;
  visit(std::string_view("latent.names.query_a"), query_a);
  visit(std::string_view("latent.names.query_a_norm"), query_a_norm);
  visit(std::string_view("latent.names.query_b"), query_b);
  visit(std::string_view("latent.names.kv_a"), kv_a);
  visit(std::string_view("latent.names.kv_a_norm"), kv_a_norm);
  visit(std::string_view("latent.names.kv_b"), kv_b);
}

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_LATENT_LATENT_SPEC_H_
