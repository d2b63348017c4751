"""The checkpoints of generate_families.py: decoders without experts, a family or two a class."""

import dataclasses


@dataclasses.dataclass
class FamilyCase:
    name: str
    model: str  # prefix of transformers' classes
    config: dict
    dtype: str = "bfloat16"  # as stored; everything is computed in float32
    spelling: str = "published"  # or "transformers-5": rope_parameters, layer_types
    drop: tuple = ()  # fields that published files leave out
    add: dict = dataclasses.field(default_factory=dict)  # and those that they have besides
    rename: tuple = ()  # prefixes of tensors: (from, to)
    nested: str = ""  # the class whose text_config this is
    config_class: str = ""
    prompt_tokens: int = 24
    weight_spread: float = 0.2
    norm_center: float = 1.0
    architecture: str = ""
    # Of the token embedding's spread, seed by seed in turn: where the embedding is much larger or
    # smaller than what layers add to it, a tiny model repeats itself.
    embedding_factors: tuple = (1.0,)


DEFAULT = {"rope_type": "default", "rope_theta": 10000.0}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "beta_fast": 8.0,
        "beta_slow": 1.5, "original_max_position_embeddings": 64}
FULL, SLIDING = "full_attention", "sliding_attention"


def base(**fields):
    """Sizes that are no multiple of a vector, so that every kernel's remainder runs."""
    return {
        "vocab_size": 71,
        "hidden_size": 36,
        "intermediate_size": 50,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-3,  # large enough to be seen
        "rope_parameters": DEFAULT,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": None,
    } | fields


def without(fields, *names):
    return {key: value for key, value in fields.items() if key not in names}


def layer_norm(eps="layer_norm_eps", **fields):
    return without(base(**{eps: 1e-3}, **fields), "rms_norm_eps")


def gpt(**fields):
    return {"vocab_size": 71, "n_embd": 36, "n_layer": 2, "n_head": 4, "n_positions": 128,
            "layer_norm_epsilon": 1e-3, "bos_token_id": 1, "eos_token_id": 2} | fields


def partial(factor, **fields):
    return {"rope_parameters": DEFAULT | {"partial_rotary_factor": factor}} | fields


def both(name, model, published, fifth, **more):
    """The published spelling and transformers 5's, of two configurations."""
    return [FamilyCase(name, model, published, **more),
            FamilyCase(name + "-transformers-5", model, fifth, dtype="float16",
                       spelling="transformers-5",
                       **{key: more[key] for key in ("norm_center", "weight_spread",
                                                     "architecture", "config_class")
                          if key in more})]


GEMMA2 = base(num_hidden_layers=3, head_dim=10, query_pre_attn_scalar=20, sliding_window=9,
              attn_logit_softcapping=3.0, final_logit_softcapping=5.0, tie_word_embeddings=True)
GEMMA3_ROPE = {FULL: {"rope_type": "linear", "rope_theta": 50000.0, "factor": 4.0},
               SLIDING: {"rope_type": "default", "rope_theta": 1000.0}}
GEMMA3 = base(num_hidden_layers=3, head_dim=10, query_pre_attn_scalar=20, sliding_window=9,
              rope_parameters=GEMMA3_ROPE, tie_word_embeddings=True,
              layer_types=[SLIDING, FULL, SLIDING])
GEMMA4_ROPE = {FULL: {"rope_type": "proportional", "rope_theta": 5000.0,
                      "partial_rotary_factor": 0.5, "factor": 2.0},
               SLIDING: {"rope_type": "default", "rope_theta": 300.0}}
# As the small ones: inputs for each layer, and layers that share keys and values.
GEMMA4 = base(num_hidden_layers=5, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
              global_head_dim=10, sliding_window=9, rope_parameters=GEMMA4_ROPE,
              layer_types=[SLIDING, FULL, SLIDING, SLIDING, FULL], num_kv_shared_layers=2,
              use_double_wide_mlp=True, hidden_size_per_layer_input=7,
              vocab_size_per_layer_input=73, final_logit_softcapping=5.0,
              tie_word_embeddings=True)
# As the large ones: keys that serve as values, and a layer in six that sees everything.
GEMMA4_LARGE = base(num_hidden_layers=7, num_attention_heads=4, num_key_value_heads=2, head_dim=6,
                    global_head_dim=16, num_global_key_value_heads=1, attention_k_eq_v=True,
                    sliding_window=9, hidden_size_per_layer_input=0, rope_parameters=None,
                    intermediate_size=30, attention_bias=True)
GEMMA4_UNIFIED = without(GEMMA4_LARGE, "hidden_size_per_layer_input") | {
    "tie_word_embeddings": True, "rope_parameters": GEMMA4_ROPE, "attention_bias": False,
    "num_hidden_layers": 4, "layer_types": [SLIDING, FULL, SLIDING, FULL]}
GEMMA4_EXPERTS = GEMMA4_LARGE | {
    "enable_moe_block": True, "num_experts": 5, "top_k_experts": 2, "moe_intermediate_size": 18,
    "num_hidden_layers": 3, "layer_types": [SLIDING, SLIDING, FULL], "attention_bias": False}
VARIED = (1.0, 0.25, 4.0)
LONGROPE = {"rope_type": "longrope", "rope_theta": 10000.0,
            "short_factor": [1.0, 1.25, 1.5], "long_factor": [1.5, 3.0, 6.0],
            "original_max_position_embeddings": 32}
PHI3 = base(num_key_value_heads=6, max_position_embeddings=256,
            original_max_position_embeddings=32, rope_parameters=LONGROPE)

CASES = [
    FamilyCase("mistral-window", "Mistral", base(sliding_window=9), dtype="float16"),
    FamilyCase("mistral-yarn-transformers-5", "Mistral",
               base(sliding_window=40, rope_parameters=YARN, head_dim=16), spelling="transformers-5"),
    FamilyCase("llama-yarn", "Llama", base(head_dim=16, rope_parameters=YARN | {
        "truncate": False, "mscale": 1.2, "mscale_all_dim": 0.7}), prompt_tokens=40),
    *both("qwen2", "Qwen2", base(tie_word_embeddings=True),
          base(use_sliding_window=True, sliding_window=9, max_window_layers=1)),
    *both("qwen3", "Qwen3", base(head_dim=10, tie_word_embeddings=True),
          base(head_dim=14, attention_bias=True)),
    *both("gemma", "Gemma", base(head_dim=10, num_key_value_heads=1, tie_word_embeddings=True),
          base(head_dim=14, tie_word_embeddings=True, attention_bias=True), norm_center=0.0),
    *both("gemma2", "Gemma2", GEMMA2, GEMMA2 | {"attn_logit_softcapping": None,
                                                "attention_bias": True}, norm_center=0.0),
    *both("vaultgemma", "VaultGemma", GEMMA2, GEMMA2 | {"final_logit_softcapping": None},
          norm_center=0.0),
    *both("gemma3", "Gemma3", GEMMA3, GEMMA3 | {"final_logit_softcapping": 5.0},
          norm_center=0.0, config_class="Gemma3TextConfig"),
    FamilyCase("gemma3-in-text-config", "Gemma3", GEMMA3, norm_center=0.0,
               config_class="Gemma3TextConfig", nested="Gemma3ForConditionalGeneration",
               rename=(("model.", "language_model.model."),)),
    FamilyCase("gemma3-in-text-config-transformers-5", "Gemma3", GEMMA3, norm_center=0.0,
               config_class="Gemma3TextConfig", nested="Gemma3ForConditionalGeneration",
               rename=(("model.", "model.language_model."),), spelling="transformers-5"),
    FamilyCase("gemma4", "Gemma4", GEMMA4, config_class="Gemma4TextConfig",
               drop=("per_layer_config",), add={"global_head_dim": 10},
               embedding_factors=VARIED),
    FamilyCase("gemma4-transformers-5", "Gemma4", GEMMA4_LARGE, config_class="Gemma4TextConfig",
               dtype="float16", spelling="transformers-5", embedding_factors=VARIED),
    FamilyCase("gemma4-in-text-config", "Gemma4", GEMMA4_LARGE | {"attention_bias": False},
               config_class="Gemma4TextConfig", nested="Gemma4ForConditionalGeneration",
               drop=("per_layer_config", "layer_types", "rope_parameters"),
               add={"global_head_dim": 16, "num_global_key_value_heads": 1},
               rename=(("model.", "model.language_model."),), embedding_factors=VARIED),
    FamilyCase("gemma4-experts", "Gemma4", GEMMA4_EXPERTS, config_class="Gemma4TextConfig",
               spelling="transformers-5", embedding_factors=VARIED),
    FamilyCase("gemma4-unified", "Gemma4Unified", GEMMA4_UNIFIED,
               config_class="Gemma4UnifiedTextConfig",
               nested="Gemma4UnifiedForConditionalGeneration",
               rename=(("model.", "model.language_model."),), spelling="transformers-5",
               embedding_factors=VARIED),
    FamilyCase("gemma4-unified-text", "Gemma4Unified", GEMMA4_UNIFIED,
               config_class="Gemma4UnifiedTextConfig", drop=("per_layer_config",),
               add={"global_head_dim": 16, "num_global_key_value_heads": 1},
               embedding_factors=VARIED),
    *both("phi3", "Phi3", PHI3, PHI3 | {"sliding_window": 17, "num_key_value_heads": 3}),
    FamilyCase("phi3-long", "Phi3", PHI3, prompt_tokens=40),
    *both("phi", "Phi", layer_norm(**partial(0.7, num_attention_heads=3, num_key_value_heads=3)),
          layer_norm(**partial(0.5, num_attention_heads=3, num_key_value_heads=3,
                               qk_layernorm=True))),
    *both("gpt2", "GPT2", gpt(n_inner=50), gpt(scale_attn_weights=False),
          architecture="GPT2LMHeadModel"),
    FamilyCase("gpt2-without-prefix", "GPT2", gpt(), rename=(("transformer.", ""),),
               architecture="GPT2LMHeadModel"),
    *both("gptj", "GPTJ", gpt(rotary_dim=6), gpt(rotary_dim=8, n_inner=50)),
    *both("codegen", "CodeGen", gpt(rotary_dim=6), gpt(rotary_dim=8, n_inner=50, n_head=4)),
    *both("gpt-neo", "GPTNeo", {
        "vocab_size": 71, "hidden_size": 36, "num_layers": 2, "num_heads": 4, "window_size": 9,
        "max_position_embeddings": 128, "layer_norm_epsilon": 1e-3, "bos_token_id": 1,
        "eos_token_id": 2, "attention_types": [[["global", "local"], 1]]}, {
        "vocab_size": 71, "hidden_size": 36, "num_layers": 3, "num_heads": 4, "window_size": 7,
        "max_position_embeddings": 128, "layer_norm_epsilon": 1e-3, "bos_token_id": 1,
        "intermediate_size": 50,
        "eos_token_id": 2, "attention_types": [[["local"], 1], [["global", "local"], 1]]}),
    *both("gpt-neox", "GPTNeoX",
          without(layer_norm(**partial(0.7, num_attention_heads=3)), "num_key_value_heads"),
          without(layer_norm(**partial(0.5, num_attention_heads=3, use_parallel_residual=False,
                                       attention_bias=False)), "num_key_value_heads")),
    *both("gpt-bigcode", "GPTBigCode", gpt(), gpt(multi_query=False, n_inner=50)),
    *both("starcoder2", "Starcoder2", layer_norm("norm_epsilon", tie_word_embeddings=True,
                                                 sliding_window=9),
          layer_norm("norm_epsilon", use_bias=False)),
    *both("stablelm", "StableLm",
          layer_norm(**partial(0.7, use_qkv_bias=True, num_attention_heads=3)),
          layer_norm(**partial(0.5, num_attention_heads=3, qk_layernorm=True,
                               use_parallel_residual=True))),
    *both("olmo", "Olmo", without(base(clip_qkv=1.0), "rms_norm_eps"),
          without(base(attention_bias=True), "rms_norm_eps")),
    *both("olmo2", "Olmo2", base(), base(attention_bias=True)),
    *both("olmo3", "Olmo3", base(
        num_hidden_layers=3, sliding_window=9, layer_types=[SLIDING, FULL, SLIDING],
        rope_parameters={FULL: YARN | {"rope_theta": 500000.0},
                         SLIDING: {"rope_type": "default", "rope_theta": 500000.0}}),
          base(num_hidden_layers=4, sliding_window=9,
               rope_parameters={FULL: DEFAULT, SLIDING: DEFAULT | {"rope_theta": 300.0}})),
    *both("smollm3", "SmolLM3", base(num_hidden_layers=4, tie_word_embeddings=True,
                                     no_rope_layer_interval=2), base(
        num_hidden_layers=3, no_rope_layers=[1, 0, 1], use_sliding_window=True, sliding_window=9,
        attention_bias=True, mlp_bias=True), drop=("no_rope_layers",)),
    *both("granite", "Granite", base(embedding_multiplier=3.0, residual_multiplier=0.4,
                                     attention_multiplier=0.5, logits_scaling=4.0),
          base(embedding_multiplier=2.0, residual_multiplier=0.7, attention_multiplier=0.3,
               logits_scaling=0.5, attention_bias=True, mlp_bias=True)),
    *both("cohere", "Cohere", layer_norm(logit_scale=0.3, tie_word_embeddings=True),
          layer_norm(logit_scale=0.7, use_qk_norm=True, attention_bias=True)),
    *both("cohere2", "Cohere2", layer_norm(num_hidden_layers=4, logit_scale=0.3, sliding_window=9,
                                           tie_word_embeddings=True),
          layer_norm(num_hidden_layers=3, logit_scale=0.7, sliding_window=9,
                     layer_types=[FULL, SLIDING, FULL]), add={"sliding_window_pattern": 4}),
    *both("falcon", "Falcon", without(
        layer_norm("layer_norm_epsilon", num_attention_heads=3, tie_word_embeddings=True),
        "num_key_value_heads", "intermediate_size"), without(
        layer_norm("layer_norm_epsilon", new_decoder_architecture=True, num_kv_heads=3, bias=True,
                   ffn_hidden_size=50), "num_key_value_heads", "intermediate_size")),
    FamilyCase("falcon-sequential", "Falcon", without(
        layer_norm("layer_norm_epsilon", multi_query=False, parallel_attn=False, bias=True),
        "num_key_value_heads", "intermediate_size")),
    FamilyCase("falcon-one-norm", "Falcon", without(
        layer_norm("layer_norm_epsilon", new_decoder_architecture=True, num_kv_heads=2,
                   num_ln_in_parallel_attn=1), "num_key_value_heads", "intermediate_size")),
    *both("opt", "OPT", {
        "vocab_size": 71, "hidden_size": 36, "ffn_dim": 50, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 128, "word_embed_proj_dim": 36,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}, {
        "vocab_size": 71, "hidden_size": 36, "ffn_dim": 50, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 128, "enable_bias": False,
        "layer_norm_elementwise_affine": False, "activation_function": "gelu",
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}),
    *both("bloom", "Bloom", {
        "vocab_size": 71, "hidden_size": 36, "n_layer": 2, "n_head": 6, "layer_norm_epsilon": 1e-3,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}, {
        "vocab_size": 71, "hidden_size": 32, "n_layer": 2, "n_head": 4, "layer_norm_epsilon": 1e-3,
        "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}),
    *both("mpt", "Mpt", {
        "vocab_size": 71, "d_model": 36, "n_layers": 2, "n_heads": 6, "layer_norm_epsilon": 1e-3,
        "max_seq_len": 128, "expansion_ratio": 4, "eos_token_id": 2}, {
        "vocab_size": 71, "d_model": 32, "n_layers": 2, "n_heads": 4, "layer_norm_epsilon": 1e-3,
        "max_seq_len": 128, "expansion_ratio": 4, "eos_token_id": 2,
        "attn_config": {"clip_qkv": 0.7, "softmax_scale": 0.5}}),
    *both("glm", "Glm", base(**partial(0.5, head_dim=12)),
          base(**partial(0.25, head_dim=16, attention_bias=False))),
    *both("glm4", "Glm4", base(**partial(0.5, head_dim=12)),
          base(**partial(0.25, head_dim=16, attention_bias=False))),
    *both("ernie4-5", "Ernie4_5", base(head_dim=10, tie_word_embeddings=True),
          base(head_dim=14, use_bias=True)),
    *both("exaone4", "Exaone4", base(num_hidden_layers=4, sliding_window=9,
                                     sliding_window_pattern=2, rope_parameters=LLAMA3),
          base(sliding_window=None, layer_types=[FULL, FULL])),
    *both("hunyuan-v1-dense", "HunYuanDenseV1", base(head_dim=10, rope_parameters={
        "rope_type": "dynamic", "rope_theta": 10000.0, "alpha": 50.0, "factor": 1.0}),
          base(head_dim=14, attention_bias=True)),
    *both("arcee", "Arcee", base(head_dim=10), base(attention_bias=True, mlp_bias=True)),
    *both("apertus", "Apertus", base(rope_parameters=LLAMA3), base(attention_bias=True)),
    *both("helium", "Helium", base(head_dim=6), base(head_dim=6, attention_bias=True,
                                                     mlp_bias=True)),
    *both("seed-oss", "SeedOss", base(head_dim=10),
          base(head_dim=14, attention_bias=False, attention_out_bias=True, mlp_bias=True)),
    *both("nemotron", "Nemotron", layer_norm("norm_eps", **partial(0.5, head_dim=12)),
          layer_norm("norm_eps", **partial(0.25, head_dim=16, attention_bias=True,
                                           mlp_bias=True)), norm_center=0.0),
    *both("nanochat", "NanoChat", base(), base(final_logit_softcapping=3.0, attention_bias=True)),
    *both("persimmon", "Persimmon",
          without(layer_norm(**partial(0.7, num_attention_heads=3)), "num_key_value_heads"),
          without(layer_norm(**partial(0.5, num_attention_heads=3, qk_layernorm=False)),
                  "num_key_value_heads")),
    *both("cwm", "Cwm", base(num_hidden_layers=5, head_dim=10, sliding_window=9,
                             rope_parameters=LLAMA3),
          base(num_hidden_layers=2, head_dim=10, sliding_window=9, mlp_bias=True,
               layer_types=[SLIDING, FULL])),
    *both("ministral", "Ministral", base(sliding_window=9, head_dim=6),
          base(sliding_window=9, head_dim=10, layer_types=[FULL, SLIDING])),
    *both("ministral3", "Ministral3", base(head_dim=10, rope_parameters=YARN | {
        "llama_4_scaling_beta": 0.3, "original_max_position_embeddings": 16,
        "max_position_embeddings": 128}),
          base(head_dim=10, sliding_window=9, rope_parameters=YARN | {
              "llama_4_scaling_beta": 0.5, "original_max_position_embeddings": 20,
              "max_position_embeddings": 128})),
]


# With an embedding of the layers' own spread, these say the same few tokens again and again.
REPETITIVE = {
    "apertus", "apertus-transformers-5", "arcee-transformers-5", "codegen",
    "codegen-transformers-5", "exaone4-transformers-5", "falcon-one-norm", "gemma",
    "gemma-transformers-5", "gemma2", "gemma2-transformers-5", "gemma3", "gemma3-in-text-config",
    "gemma3-in-text-config-transformers-5", "gemma3-transformers-5", "gpt-bigcode", "gpt-neox",
    "gpt-neox-transformers-5", "gpt2", "gpt2-transformers-5", "gpt2-without-prefix",
    "nemotron-transformers-5", "olmo2-transformers-5", "opt", "persimmon",
    "persimmon-transformers-5", "smollm3-transformers-5", "starcoder2", "vaultgemma",
    "vaultgemma-transformers-5",
}
for repetitive in CASES:
    if repetitive.name in REPETITIVE:
        repetitive.embedding_factors = VARIED
