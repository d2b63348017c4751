"""The checkpoints of generate_recurrent.py: layers with a recurrent state."""

import dataclasses
import math


@dataclasses.dataclass
class RecurrentCase:
    name: str
    model: str  # prefix of transformers' classes
    config: dict
    dtype: str = "bfloat16"  # as stored; everything is computed in float32
    spelling: str = "published"  # or "transformers-5"
    drop: tuple = ()  # fields that published files leave out
    add: dict = dataclasses.field(default_factory=dict)  # and those that they have besides
    wide: tuple = ()  # parts of names of tensors that are stored in float32 all the same
    nested: str = ""  # the class whose text_config this is
    nested_type: str = ""
    norm_center: float = 1.0
    router_spread: float = 0.2
    prompt_tokens: int = 24
    config_class: str = ""


DEFAULT = {"rope_type": "default", "rope_theta": 10000.0}
PARTIAL = DEFAULT | {"partial_rotary_factor": 0.5}
FULL, SLIDING, CONV, LINEAR = "full_attention", "sliding_attention", "conv", "linear_attention"
OPEN = [0.0, math.inf]


def base(**fields):
    """Sizes that are no multiple of a vector, so that every kernel's remainder runs."""
    return {
        "vocab_size": 71,
        "hidden_size": 40,
        "intermediate_size": 50,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-3,  # large enough to be seen
        "rope_parameters": DEFAULT,
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": None,
    } | fields


def liquid(**fields):
    fields = base(norm_eps=1e-3, **fields)
    del fields["rms_norm_eps"]
    return fields


def mamba2(**fields):
    fields = base(**({"expand": 2, "layer_norm_epsilon": 1e-3, "chunk_size": 8,
                      "num_hidden_layers": 3} | fields))
    for name in ("rms_norm_eps", "rope_parameters", "intermediate_size", "num_attention_heads",
                 "num_key_value_heads", "max_position_embeddings"):
        del fields[name]
    return fields


def bamba(**fields):
    """Mamba-2 as Bamba and those after it spell it."""
    return base(**({"mamba_n_heads": 10, "mamba_d_head": "auto", "mamba_n_groups": 2,
                    "mamba_d_state": 6, "mamba_d_conv": 4, "mamba_expand": 2,
                    "mamba_chunk_size": 8} | fields))


def nemotron(**fields):
    fields = base(**({"head_dim": 12, "layer_norm_epsilon": 1e-3, "mamba_num_heads": 6,
                      "mamba_head_dim": 9, "n_groups": 3, "ssm_state_size": 7, "conv_kernel": 4,
                      "chunk_size": 8, "mlp_hidden_act": "relu2"} | fields))
    for name in ("rms_norm_eps", "rope_parameters", "num_hidden_layers"):
        del fields[name]
    return fields


def qwen(**fields):
    return base(**({"head_dim": 12, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
                    "linear_key_head_dim": 6, "linear_value_head_dim": 10,
                    "linear_conv_kernel_dim": 4, "rope_parameters": PARTIAL,
                    "num_hidden_layers": 3, "full_attention_interval": 2} | fields))


EXPERTS = {"num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 18,
           "shared_expert_intermediate_size": 22}
MROPE = PARTIAL | {"mrope_section": [1, 1, 1], "mrope_interleaved": True}

CASES = [
    # Of the sizes that the class computes from block_ff_dim: 60 * 2 / 3 * 1.3 in multiples of 8.
    RecurrentCase("lfm2", "Lfm2",
                  liquid(layer_types=[CONV, FULL, CONV, CONV], intermediate_size=60,
                         block_ffn_dim_multiplier=1.3, block_multiple_of=8, conv_L_cache=3,
                         tie_word_embeddings=True),
                  drop=("layer_types", "intermediate_size", "tie_word_embeddings"),
                  add={"full_attn_idxs": [1], "block_ff_dim": 60, "tie_embedding": True}),
    RecurrentCase("lfm2-transformers-5", "Lfm2",
                  liquid(layer_types=[FULL, CONV, FULL, CONV], block_auto_adjust_ff_dim=False,
                         conv_L_cache=4, conv_bias=True), dtype="float16",
                  spelling="transformers-5"),
    # Experts that are chosen by their bias, some of them by a hair's breadth of weight.
    RecurrentCase("lfm2-moe", "Lfm2Moe",
                  liquid(layer_types=[CONV, FULL, CONV, CONV], num_dense_layers=1, num_experts=5,
                         num_experts_per_tok=1, moe_intermediate_size=18,
                         routed_scaling_factor=1.5, tie_word_embeddings=True), router_spread=2.0,
                  wide=("expert_bias",), drop=("tie_word_embeddings",),
                  add={"tie_embedding": True}),
    RecurrentCase("lfm2-moe-transformers-5", "Lfm2Moe",
                  liquid(layer_types=[CONV, CONV, FULL, CONV], num_dense_layers=2, num_experts=6,
                         num_experts_per_tok=3, moe_intermediate_size=22, use_expert_bias=False,
                         norm_topk_prob=False, conv_bias=True), spelling="transformers-5"),
    RecurrentCase("lfm3", "Lfm3",
                  liquid(num_hidden_layers=6, head_dim=12, sliding_window=7, conv_L_cache=7,
                         rope_parameters=None, tie_word_embeddings=True),
                  drop=("rope_parameters", "layer_types")),
    RecurrentCase("lfm3-transformers-5", "Lfm3",
                  liquid(layer_types=[CONV, SLIDING, FULL, CONV], head_dim=16, sliding_window=5,
                         conv_L_cache=5, conv_bias=True, attention_bias=True,
                         use_sandwich_norm=False, rope_parameters={
                             SLIDING: {"rope_type": "default", "rope_theta": 500.0},
                             FULL: {"rope_type": "proportional", "rope_theta": 20000.0,
                                    "partial_rotary_factor": 0.75}}), spelling="transformers-5"),
    RecurrentCase("lfm3-without-gate", "Lfm3",
                  liquid(num_hidden_layers=3, head_dim=12, use_attention_gate=False,
                         rope_parameters=None), drop=("layer_types",)),
    RecurrentCase("mamba2", "Mamba2",
                  mamba2(num_heads=10, head_dim=8, n_groups=2, state_size=6, conv_kernel=4,
                         use_bias=True), add={"time_step_limit": OPEN}),
    # Steps of a prompt, and not of its answer, are between those.
    RecurrentCase("mamba2-step-limit", "Mamba2",
                  mamba2(num_heads=10, head_dim=8, n_groups=2, state_size=6, conv_kernel=4,
                         time_step_limit=[0.4, 0.7]), add={"time_step_limit": [0.4, 0.7]}),
    RecurrentCase("mamba2-transformers-5", "Mamba2",
                  mamba2(num_heads=4, head_dim=20, n_groups=4, state_size=5, conv_kernel=3,
                         use_conv_bias=False, tie_word_embeddings=True), dtype="float32",
                  spelling="transformers-5"),
    RecurrentCase("granite-moe-hybrid", "GraniteMoeHybrid",
                  bamba(num_hidden_layers=3, layer_types=["mamba", "attention", "mamba"],
                        num_local_experts=5, num_experts_per_tok=2, shared_intermediate_size=22,
                        embedding_multiplier=3.0, logits_scaling=2.0, residual_multiplier=0.6,
                        attention_multiplier=0.2, mamba_proj_bias=True, intermediate_size=18),
                  add={"position_embedding_type": "nope",
                       "layer_types": ["mamba", "attention", "mamba"]}),
    RecurrentCase("granite-moe-hybrid-dense", "GraniteMoeHybrid",
                  bamba(num_hidden_layers=3, layer_types=[LINEAR, FULL, LINEAR],
                        num_local_experts=0, num_experts_per_tok=0, shared_intermediate_size=26,
                        position_embedding_type="rope", attention_bias=True, mamba_n_groups=1,
                        mamba_conv_bias=False)),
    RecurrentCase("granite-moe-hybrid-transformers-5", "GraniteMoeHybrid",
                  bamba(num_hidden_layers=3, layer_types=[FULL, LINEAR, LINEAR],
                        num_local_experts=4, num_experts_per_tok=3, shared_intermediate_size=18,
                        position_embedding_type="rope", tie_word_embeddings=True),
                  spelling="transformers-5"),
    RecurrentCase("bamba", "Bamba",
                  bamba(attn_layer_indices=[1], attention_bias=True, mlp_bias=True,
                        num_attention_heads=5, num_key_value_heads=1, rope_parameters=PARTIAL), drop=("layers_block_type", "layer_types"),
                  add={"time_step_limit": OPEN}),
    RecurrentCase("bamba-transformers-5", "Bamba",
                  bamba(num_hidden_layers=3, attn_layer_indices=[0, 2], mamba_n_heads=5,
                        mamba_d_head=16, mamba_n_groups=1, mamba_proj_bias=True,
                        num_attention_heads=5, num_key_value_heads=5, rope_parameters=PARTIAL, tie_word_embeddings=True),
                  spelling="transformers-5"),
    RecurrentCase("falcon-h1", "FalconH1",
                  bamba(num_hidden_layers=2, head_dim=12, mamba_d_ssm=60, mamba_n_heads=6,
                        mamba_d_head=10, embedding_multiplier=2.5, lm_head_multiplier=0.7,
                        mlp_multipliers=[0.8, 1.3], key_multiplier=1.4,
                        attention_in_multiplier=0.9, attention_out_multiplier=1.2,
                        ssm_in_multiplier=1.3, ssm_out_multiplier=0.8,
                        ssm_multipliers=[0.7, 1.2, 0.9, 1.1, 1.3])),
    RecurrentCase("falcon-h1-norm", "FalconH1",
                  bamba(num_hidden_layers=2, mamba_d_ssm=None, mamba_rms_norm=True,
                        mamba_norm_before_gate=True, projectors_bias=True)),
    RecurrentCase("falcon-h1-transformers-5", "FalconH1",
                  bamba(num_hidden_layers=2, mamba_d_ssm=60, mamba_n_heads=6, mamba_rms_norm=True,
                        mamba_norm_before_gate=False, attention_bias=True, mlp_bias=True,
                        mamba_proj_bias=True, tie_word_embeddings=True),
                  spelling="transformers-5"),
    RecurrentCase("nemotron-h", "NemotronH",
                  nemotron(layers_block_type=[LINEAR, "mlp", FULL, "mlp", LINEAR], mlp_bias=True,
                           time_step_min=0.5),
                  drop=("layers_block_type", "layer_types"),
                  add={"hybrid_override_pattern": "M-*-M", "num_hidden_layers": 5,
                       "time_step_limit": [0.0, 0.6]}),  # which the class does not look at
    RecurrentCase("nemotron-h-moe", "NemotronH",
                  nemotron(layers_block_type=[LINEAR, "moe", FULL, "moe"], n_routed_experts=6,
                           num_experts_per_tok=2, moe_intermediate_size=18,
                           moe_shared_expert_intermediate_size=22, n_group=3, topk_group=2,
                           routed_scaling_factor=1.6, use_bias=True, use_conv_bias=False),
                  wide=("e_score_correction_bias",), drop=("layers_block_type", "layer_types"),
                  add={"hybrid_override_pattern": "ME*E"}),
    RecurrentCase("nemotron-h-transformers-5", "NemotronH",
                  nemotron(layers_block_type=[LINEAR, "moe", FULL, "mlp"], n_routed_experts=4,
                           num_experts_per_tok=3, moe_intermediate_size=14,
                           moe_shared_expert_intermediate_size=18, mlp_bias=True, n_groups=2),
                  wide=("e_score_correction_bias",), spelling="transformers-5"),
    RecurrentCase("qwen3-next", "Qwen3Next",
                  qwen(num_hidden_layers=4, mlp_only_layers=[1], norm_topk_prob=True, **EXPERTS),
                  norm_center=0.0, wide=("A_log",), prompt_tokens=70,
                  drop=("layer_types",), add={"full_attention_interval": 2}),
    RecurrentCase("qwen3-next-transformers-5", "Qwen3Next",
                  qwen(layer_types=[LINEAR, FULL, LINEAR], linear_num_key_heads=3,
                       linear_num_value_heads=3, linear_key_head_dim=16,
                       linear_value_head_dim=18, linear_conv_kernel_dim=2, attention_bias=True,
                       decoder_sparse_step=2, norm_topk_prob=False, **EXPERTS), norm_center=0.0,
                  spelling="transformers-5"),
    RecurrentCase("qwen3-5", "Qwen3_5", qwen(rope_parameters=MROPE), norm_center=0.0,
                  wide=("A_log", "linear_attn.norm"), config_class="Qwen3_5TextConfig",
                  drop=("layer_types",),
                  add={"attn_output_gate": True, "full_attention_interval": 2}),
    RecurrentCase("qwen3-5-transformers-5", "Qwen3_5",
                  qwen(layer_types=[LINEAR, LINEAR, FULL], tie_word_embeddings=True,
                       attention_bias=True), norm_center=0.0, config_class="Qwen3_5TextConfig",
                  spelling="transformers-5"),
    RecurrentCase("qwen3-5-in-text-config", "Qwen3_5",
                  qwen(rope_parameters=MROPE, tie_word_embeddings=True), norm_center=0.0,
                  config_class="Qwen3_5TextConfig", spelling="transformers-5",
                  nested="Qwen3_5ForConditionalGeneration", nested_type="qwen3_5"),
    RecurrentCase("qwen3-5-moe", "Qwen3_5Moe", qwen(**EXPERTS), norm_center=0.0,
                  config_class="Qwen3_5MoeTextConfig", drop=("layer_types",),
                  add={"full_attention_interval": 2}),
    RecurrentCase("qwen3-5-moe-in-text-config", "Qwen3_5Moe",
                  qwen(rope_parameters=MROPE, **EXPERTS), norm_center=0.0,
                  config_class="Qwen3_5MoeTextConfig", spelling="transformers-5",
                  nested="Qwen3_5MoeForConditionalGeneration", nested_type="qwen3_5_moe"),
]
