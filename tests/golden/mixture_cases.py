"""The checkpoints of generate_mixtures.py: mixtures of experts, and latent attention."""

import dataclasses


@dataclasses.dataclass
class MixtureCase:
    name: str
    model: str  # prefix of transformers' classes
    config: dict
    dtype: str = "bfloat16"  # as stored; everything is computed in float32
    spelling: str = "published"  # or "transformers-5": experts fused, rope_parameters
    rope_type_key: str = "rope_type"  # "type" in older files
    mxfp4: bool = False  # experts as gpt-oss publishes them
    drop: tuple = ()  # fields that published files leave out
    prompt_tokens: int = 24
    architecture: str = ""  # the class, where it is not model + "ForCausalLM"
    weight_spread: float = 0.2


def base(**fields):
    """Sizes that are no multiple of a vector, so that every kernel's remainder runs."""
    return {
        "vocab_size": 101,
        "hidden_size": 40,
        "intermediate_size": 30,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-3,  # large enough to be seen
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": None,
    } | fields


def latent(**fields):
    return base(**({
        "hidden_size": 48,
        "num_key_value_heads": 4,
        "q_lora_rank": 28,
        "kv_lora_rank": 20,
        "qk_nope_head_dim": 10,
        "qk_rope_head_dim": 6,
        "v_head_dim": 14,
    } | fields))


YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "beta_fast": 8.0,
        "beta_slow": 1.0, "original_max_position_embeddings": 32}

MELLUM_ROPE = {"full_attention": YARN, "sliding_attention": {"rope_type": "default",
                                                             "rope_theta": 300.0}}


CASES = [
    MixtureCase("mixtral", "Mixtral", base(num_local_experts=5, num_experts_per_tok=2,
                                           sliding_window=None)),
    MixtureCase("mixtral-transformers-5", "Mixtral",
                base(num_local_experts=4, num_experts_per_tok=3, sliding_window=None, head_dim=14),
                dtype="float16", spelling="transformers-5"),
    MixtureCase("qwen3-moe", "Qwen3Moe",
                base(num_hidden_layers=3, num_experts=7, num_experts_per_tok=3,
                     moe_intermediate_size=18, norm_topk_prob=True, head_dim=14,
                     mlp_only_layers=[1])),
    MixtureCase("qwen3-moe-transformers-5", "Qwen3Moe",
                base(num_hidden_layers=3, num_experts=6, num_experts_per_tok=2,
                     moe_intermediate_size=18, norm_topk_prob=False, head_dim=10,
                     attention_bias=True, decoder_sparse_step=2, use_sliding_window=True,
                     sliding_window=11), spelling="transformers-5"),
    MixtureCase("olmoe", "Olmoe", base(num_experts=6, num_experts_per_tok=3, clip_qkv=1.0)),
    MixtureCase("olmoe-transformers-5", "Olmoe",
                base(num_experts=5, num_experts_per_tok=2, norm_topk_prob=True,
                     attention_bias=True, num_key_value_heads=4), spelling="transformers-5"),
    MixtureCase("qwen2-moe", "Qwen2Moe",
                base(num_hidden_layers=3, num_experts=6, num_experts_per_tok=3,
                     moe_intermediate_size=18, shared_expert_intermediate_size=26,
                     norm_topk_prob=False, mlp_only_layers=[0])),
    MixtureCase("qwen2-moe-transformers-5", "Qwen2Moe",
                base(num_hidden_layers=3, num_experts=5, num_experts_per_tok=2,
                     moe_intermediate_size=22, shared_expert_intermediate_size=18,
                     norm_topk_prob=True, qkv_bias=False, use_sliding_window=True,
                     sliding_window=9, max_window_layers=2), spelling="transformers-5"),
    MixtureCase("granite-moe", "GraniteMoe",
                base(num_local_experts=6, num_experts_per_tok=3, embedding_multiplier=3.0,
                     logits_scaling=2.0, residual_multiplier=0.6, attention_multiplier=0.2,
                     attention_bias=True)),
    MixtureCase("granite-moe-transformers-5", "GraniteMoe",
                base(num_local_experts=4, num_experts_per_tok=2, tie_word_embeddings=True),
                spelling="transformers-5"),
    MixtureCase("granite-moe-shared", "GraniteMoeShared",
                base(num_local_experts=5, num_experts_per_tok=2, embedding_multiplier=2.0,
                     logits_scaling=1.5, residual_multiplier=0.7, attention_multiplier=0.25,
                     shared_intermediate_size=22)),
    MixtureCase("ernie4-5-moe", "Ernie4_5_Moe",
                base(num_hidden_layers=4, moe_num_experts=6, moe_k=2, moe_intermediate_size=18,
                     moe_num_shared_experts=2, moe_layer_start_index=1, moe_layer_end_index=2,
                     moe_layer_interval=1, moe_norm_min=0.6, use_bias=True,
                     tie_word_embeddings=True)),
    MixtureCase("ernie4-5-moe-transformers-5", "Ernie4_5_Moe",
                base(num_hidden_layers=4, moe_num_experts=5, moe_k=3, moe_intermediate_size=18,
                     moe_num_shared_experts=0, moe_layer_start_index=0, moe_layer_end_index=-1,
                     moe_layer_interval=2), spelling="transformers-5"),
    MixtureCase("phimoe", "Phimoe",
                base(num_local_experts=5, num_experts_per_tok=2, router_jitter_noise=0.3,
                     attention_bias=True, lm_head_bias=True, sliding_window=None, rope_parameters={
                         "rope_type": "longrope", "rope_theta": 10000.0,
                         "short_factor": [1.0, 1.1, 1.3, 1.6, 2.0],
                         "long_factor": [1.0, 1.5, 2.5, 4.0, 7.0], "short_mscale": 1.2,
                         "long_mscale": 1.2, "original_max_position_embeddings": 16})),
    MixtureCase("phimoe-transformers-5", "Phimoe",
                base(num_local_experts=4, num_experts_per_tok=2, sliding_window=9),
                spelling="transformers-5"),
    MixtureCase("glm4-moe", "Glm4Moe",
                base(num_hidden_layers=3, head_dim=12, moe_intermediate_size=18,
                     n_routed_experts=8, num_experts_per_tok=3, n_shared_experts=2, n_group=4,
                     topk_group=2, routed_scaling_factor=1.7, norm_topk_prob=True,
                     first_k_dense_replace=1, use_qk_norm=True, attention_bias=True)),
    MixtureCase("glm4-moe-transformers-5", "Glm4Moe",
                base(num_hidden_layers=2, head_dim=12, moe_intermediate_size=18,
                     n_routed_experts=6, num_experts_per_tok=2, n_shared_experts=1,
                     norm_topk_prob=False, first_k_dense_replace=0), spelling="transformers-5"),
    MixtureCase("dots1", "Dots1",
                base(num_hidden_layers=3, moe_intermediate_size=18, n_routed_experts=6,
                     num_experts_per_tok=2, n_shared_experts=2, n_group=2, topk_group=1,
                     routed_scaling_factor=2.5, norm_topk_prob=True, first_k_dense_replace=1,
                     sliding_window=9, max_window_layers=1)),
    MixtureCase("dots1-transformers-5", "Dots1",
                base(moe_intermediate_size=18, n_routed_experts=4, num_experts_per_tok=2,
                     n_shared_experts=1, norm_topk_prob=False, attention_bias=True,
                     sliding_window=None), spelling="transformers-5"),
    MixtureCase("mellum", "Mellum",
                base(num_hidden_layers=3, num_experts=6, num_experts_per_tok=3, head_dim=14,
                     moe_intermediate_size=18, sliding_window=9, rope_parameters=MELLUM_ROPE,
                     layer_types=["sliding_attention", "full_attention", "sliding_attention"],
                     mlp_layer_types=["dense", "sparse", "sparse"])),
    MixtureCase("mellum-transformers-5", "Mellum",
                base(num_experts=5, num_experts_per_tok=2, head_dim=10, norm_topk_prob=False,
                     moe_intermediate_size=18, attention_bias=True, rope_parameters=None),
                spelling="transformers-5"),
    MixtureCase("gpt-oss", "GptOss",
                base(hidden_size=64, intermediate_size=32, head_dim=14, num_local_experts=4,
                     num_experts_per_tok=2, sliding_window=9, rope_parameters=YARN | {
                         "truncate": False}, swiglu_limit=2.0), mxfp4=True),
    MixtureCase("gpt-oss-transformers-5", "GptOss",
                base(num_local_experts=4, num_experts_per_tok=2, sliding_window=11, head_dim=10,
                     attention_bias=False, swiglu_alpha=1.3, swiglu_limit=1.0,
                     layer_types=["full_attention", "sliding_attention"]),
                spelling="transformers-5"),
    MixtureCase("deepseek-v2", "DeepseekV2",
                latent(num_hidden_layers=3, moe_intermediate_size=18, n_routed_experts=8,
                       num_experts_per_tok=3, n_shared_experts=2, n_group=4, topk_group=2,
                       topk_method="group_limited_greedy", routed_scaling_factor=3.0,
                       first_k_dense_replace=1, attention_bias=True, mlp_bias=True,
                       rope_parameters=YARN | {"mscale": 0.7, "mscale_all_dim": 0.6}),
                rope_type_key="type"),
    MixtureCase("deepseek-v2-transformers-5", "DeepseekV2",
                latent(moe_intermediate_size=18, n_routed_experts=6, num_experts_per_tok=2,
                       n_shared_experts=1, topk_method="greedy", first_k_dense_replace=0,
                       q_lora_rank=None), spelling="transformers-5"),
    MixtureCase("deepseek-v3", "DeepseekV3",
                latent(num_hidden_layers=3, moe_intermediate_size=18, n_routed_experts=8,
                       num_experts_per_tok=3, n_shared_experts=2, n_group=4, topk_group=2,
                       routed_scaling_factor=2.5, norm_topk_prob=True, first_k_dense_replace=1,
                       rope_parameters=YARN | {"mscale": 1.0, "mscale_all_dim": 1.0})),
    MixtureCase("deepseek-v3-transformers-5", "DeepseekV3",
                latent(moe_intermediate_size=18, n_routed_experts=6, num_experts_per_tok=2,
                       n_shared_experts=1, n_group=1, topk_group=1, norm_topk_prob=False,
                       first_k_dense_replace=0, q_lora_rank=None, rope_interleave=False,
                       attention_bias=True), spelling="transformers-5"),
    MixtureCase("minicpm3", "MiniCPM3",
                latent(scale_emb=2, scale_depth=1.1, dim_model_base=30,
                       tie_word_embeddings=True)),
    MixtureCase("minicpm3-transformers-5", "MiniCPM3",
                latent(scale_emb=1, scale_depth=None, dim_model_base=None, v_head_dim=None,
                       mlp_bias=True, attention_bias=True, q_lora_rank=None),
                spelling="transformers-5"),
    MixtureCase("youtu", "Youtu", latent(tie_word_embeddings=True)),
    MixtureCase("youtu-transformers-5", "Youtu",
                latent(rope_interleave=False, q_lora_rank=None, attention_bias=True),
                spelling="transformers-5"),
]
