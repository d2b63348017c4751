// What docs/models.md says is refused is refused, by the field's name: a config that is close to a
// family's, and not equal, is never guessed.

#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <utility>

#include "engine/architectures/architecture.h"
#include "engine/model_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loader/base/strings.h"
#include "loader/json.h"
#include "tests/engine/golden.h"
#include "tests/loader/status_matchers.h"

namespace firstlight {
namespace {

using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kUnimplemented = absl::StatusCode::kUnimplemented;

std::string ReadText(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

absl::StatusOr<ModelConfig> Parse(std::string text) {
  const auto document =
      JsonDocument::Parse("config.json", std::move(text), {.python_numbers = true});
  if (!document.ok()) return document.status();
  return ParseModelConfig(**document);
}

// Every class, by the config of its golden.
class RefusalOfEveryClassTest : public testing::TestWithParam<Architecture> {
 protected:
  const std::string config_ =
      ReadText(ReadGolden(std::string(GetParam().golden)).checkpoint + "/config.json");

  // With a member more.
  std::string With(std::string_view member) const {
    return StrCat("{", member, ",", config_.substr(config_.find('{') + 1));
  }
};

TEST_P(RefusalOfEveryClassTest, AsItIsItIsRead) { EXPECT_THAT(Parse(config_), IsOk()); }

TEST_P(RefusalOfEveryClassTest, Quantization) {
  // What one of them reads is not what the others do.
  for (const std::string_view method : {"fp8", "gptq", "mxfp4"}) {
    if (method == GetParam().quantization) continue;
    std::string config =
        With(StrCat(R"("quantization_config": {"quant_method": ")", method, R"(", "bits": 8})"));
    // gpt-oss's golden has one of its own.
    if (!GetParam().quantization.empty()) {
      config = std::regex_replace(config_, std::regex("\"mxfp4\""), StrCat("\"", method, "\""));
    }
    EXPECT_THAT(Parse(config), StatusIs(kUnimplemented, HasSubstr("\"quantization_config\"")));
  }
}

TEST_P(RefusalOfEveryClassTest, SizesOfSingleLayers) {
  if (GetParam().per_layer_config) return;
  EXPECT_THAT(Parse(With(R"("per_layer_config": {"0": {"head_dim": 4}})")),
              StatusIs(kUnimplemented, HasSubstr("\"per_layer_config\"")));
}

// BLOOM and MPT have one for all.
TEST_P(RefusalOfEveryClassTest, AnActivationThatIsNotKnown) {
  const std::regex activation(
      R"re("(hidden_act|hidden_activation|activation_function|activation)": *"[^"]*")re");
  std::smatch found;
  if (!std::regex_search(config_, found, activation)) return;
  const std::string field = found[1];
  EXPECT_THAT(Parse(std::regex_replace(config_, activation, "\"$1\": \"mish\"")),
              StatusIs(kUnimplemented, HasSubstr(field)));
}

TEST_P(RefusalOfEveryClassTest, SizesOfAnotherType) {
  // Its list of layers says how many there are, whatever else does.
  if (GetParam().name == "NemotronHForCausalLM") return;
  const std::regex layers(R"re("(num_hidden_layers|n_layer|num_layers|n_layers)": *[0-9]+)re");
  std::smatch found;
  ASSERT_TRUE(std::regex_search(config_, found, layers));
  const std::string field = found[1];
  EXPECT_THAT(Parse(std::regex_replace(config_, layers, "\"$1\": \"many\"")),
              StatusIs(kInvalid, HasSubstr(field)));
  EXPECT_THAT(Parse(std::regex_replace(config_, layers, "\"$1\": 0")),
              StatusIs(kInvalid, HasSubstr(field)));
}

INSTANTIATE_TEST_SUITE_P(Classes, RefusalOfEveryClassTest,
                         testing::ValuesIn(Architectures().begin(), Architectures().end()),
                         [](const testing::TestParamInfo<Architecture>& info) {
                           return std::string(info.param.name);
                         });

struct Refusal {
  std::string_view name;
  std::string_view architecture;
  std::string_view members;
  std::string_view field;
  absl::StatusCode code = kUnimplemented;
};

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, NamesTheField) {
  const Refusal& refusal = GetParam();
  const auto config = [&refusal](std::string_view members) {
    return Parse(StrCat(R"({"architectures": [")", refusal.architecture, "\"]", members, "}"));
  };
  EXPECT_THAT(config(""), IsOk()) << "refused whatever it says";
  EXPECT_THAT(config(refusal.members), StatusIs(refusal.code, HasSubstr(refusal.field)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusalTest,
    testing::Values(
        Refusal{"FalconAlibi", "FalconForCausalLM", R"(, "alibi": true)", "\"alibi\""},
        Refusal{"FalconOlderNames", "FalconForCausalLM", R"(, "n_embed": 64)", "\"n_embed\""},
        Refusal{"OptNormsBehindTheSum", "OPTForCausalLM", R"(, "do_layer_norm_before": false)",
                "\"do_layer_norm_before\""},
        Refusal{"OptWithoutFinalNorm", "OPTForCausalLM", R"(, "_remove_final_layer_norm": true)",
                "\"_remove_final_layer_norm\""},
        Refusal{"OptProjectedEmbedding", "OPTForCausalLM", R"(, "word_embed_proj_dim": 512)",
                "\"word_embed_proj_dim\""},
        Refusal{"BloomResidualBehindTheNorm", "BloomForCausalLM",
                R"(, "apply_residual_connection_post_layernorm": true)",
                "\"apply_residual_connection_post_layernorm\""},
        Refusal{"Gpt2ScaledByLayer", "GPT2LMHeadModel",
                R"(, "scale_attn_by_inverse_layer_idx": true)",
                "\"scale_attn_by_inverse_layer_idx\""},
        Refusal{"Gpt2CrossAttention", "GPT2LMHeadModel", R"(, "add_cross_attention": true)",
                "\"add_cross_attention\""},
        Refusal{"BigCodeScaledByLayer", "GPTBigCodeForCausalLM",
                R"(, "scale_attn_by_inverse_layer_idx": true)",
                "\"scale_attn_by_inverse_layer_idx\""},
        Refusal{"MptBiases", "MptForCausalLM", R"(, "no_bias": false)", "\"no_bias\""},
        Refusal{"MptWidth", "MptForCausalLM", R"(, "expansion_ratio": 3)", "\"expansion_ratio\""},
        Refusal{"MptEmbeddingGradient", "MptForCausalLM", R"(, "embedding_fraction": 0.5)",
                "\"embedding_fraction\""},
        Refusal{"MptLogitScale", "MptForCausalLM", R"(, "logit_scale": 0.5)", "\"logit_scale\""},
        Refusal{"MptWithoutAlibi", "MptForCausalLM", R"(, "attn_config": {"alibi": false})",
                "alibi"},
        Refusal{"MptAlibiBias", "MptForCausalLM", R"(, "attn_config": {"alibi_bias_max": 4})",
                "alibi_bias_max"},
        Refusal{"MptQkNorm", "MptForCausalLM", R"(, "attn_config": {"qk_ln": true})", "qk_ln"},
        Refusal{"MptPrefix", "MptForCausalLM", R"(, "attn_config": {"prefix_lm": true})",
                "prefix_lm"},
        Refusal{"MptMultiquery", "MptForCausalLM",
                R"(, "attn_config": {"attn_type": "multiquery_attention"})", "attn_type"},
        Refusal{"GemmaBothWays", "GemmaForCausalLM", R"(, "use_bidirectional_attention": true)",
                "\"use_bidirectional_attention\""},
        Refusal{"Gemma2BothWays", "Gemma2ForCausalLM", R"(, "use_bidirectional_attention": true)",
                "\"use_bidirectional_attention\""},
        Refusal{"Gemma3BothWays", "Gemma3ForCausalLM", R"(, "use_bidirectional_attention": true)",
                "\"use_bidirectional_attention\""},
        Refusal{"Gemma3ScoreCap", "Gemma3ForCausalLM", R"(, "attn_logit_softcapping": 50.0)",
                "\"attn_logit_softcapping\""},
        Refusal{"Gemma4BothWays", "Gemma4ForCausalLM", R"(, "use_bidirectional_attention": "all")",
                "\"use_bidirectional_attention\""},
        Refusal{"Gemma4SingleLayer", "Gemma4ForCausalLM",
                R"(, "per_layer_config": {"5": {"intermediate_size": 64}})", "intermediate_size"},
        Refusal{"Gemma4LayerOutOfRange", "Gemma4ForCausalLM",
                R"(, "per_layer_config": {"30": {"head_dim": 64}})", "per_layer_config", kInvalid},
        Refusal{"Gemma4LayersOfATypeDiffer", "Gemma4ForCausalLM",
                R"(, "per_layer_config": {"5": {"head_dim": 64}})", "heads of one size", kInvalid},
        Refusal{"Gemma4ExpertsUnsaid", "Gemma4ForCausalLM", R"(, "enable_moe_block": true)",
                "num_experts", kInvalid},
        Refusal{"Gemma4SharesNothing", "Gemma4ForCausalLM", R"(, "num_kv_shared_layers": 29)",
                "\"num_kv_shared_layers\"", kInvalid},
        Refusal{"Gemma4TooFewRows", "Gemma4ForCausalLM", R"(, "vocab_size_per_layer_input": 10)",
                "vocab_size_per_layer_input", kInvalid},
        Refusal{"Gemma4RopeOfOneTypeAlone", "Gemma4ForCausalLM",
                R"(, "rope_parameters": {"full_attention": {"rope_type": "default"}})",
                "sliding_attention", kInvalid},
        Refusal{"MellumRopeOfNoType", "MellumForCausalLM",
                R"(, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0})",
                "full_attention", kInvalid},
        Refusal{"MellumMlpType", "MellumForCausalLM", R"(, "mlp_layer_types": ["wide"])",
                "mlp_layer_types", kInvalid},
        Refusal{"MellumMlpTypes", "MellumForCausalLM", R"(, "mlp_layer_types": ["dense"])",
                "\"mlp_layer_types\"", kInvalid},
        Refusal{"MellumWindow", "MellumForCausalLM",
                R"(, "num_hidden_layers": 1, "layer_types": ["sliding_attention"],
                   "sliding_window": null)",
                "sliding_window", kInvalid},
        Refusal{"LlamaRope", "LlamaForCausalLM",
                R"(, "rope_scaling": {"rope_type": "su", "factor": 2.0})", "\"su\""},
        Refusal{"LayerType", "MinistralForCausalLM",
                R"(, "num_hidden_layers": 1, "layer_types": ["chunked_attention"])",
                "chunked_attention"},
        Refusal{"Ministral3LayerTypes", "Ministral3ForCausalLM",
                R"(, "layer_types": ["sliding_attention"])", "\"layer_types\""},
        Refusal{"DeepseekFp8", "DeepseekV3ForCausalLM",
                R"(, "quantization_config": {"quant_method": "fp8", "fmt": "e4m3"})",
                "\"quantization_config\""}),
    [](const testing::TestParamInfo<Refusal>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace firstlight
