"""The checkpoints that generate.py builds: what each of them is the golden for."""

import dataclasses


@dataclasses.dataclass
class Case:
    name: str
    config: dict  # of transformers' configuration class
    dtype: str = "float32"  # as stored; everything is computed in float32
    norm_dtype: str | None = None
    spelling: str = "published"  # or "transformers-5", or "llama-1" (fields left out)
    rope_type_key: str = "rope_type"  # "type" in older files
    architecture: str = "LlamaForCausalLM"
    config_class: str = "LlamaConfig"
    prompt_tokens: int = 24
    shards: int = 0
    misaligned: bool = False
    buffers: bool = False  # tensors that no slot wants
    without_prefix: bool = False  # names of the model without its head
    own_head: bool = False  # the file holds a head although the config ties


def llama(**fields):
    """Sizes that are no multiple of a vector, so that every kernel's remainder runs."""
    return {
        "vocab_size": 131,
        "hidden_size": 60,
        "intermediate_size": 90,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "max_position_embeddings": 256,
        "rms_norm_eps": 1e-3,  # large enough to be seen
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
    } | fields


CASES = [
    Case("llama-tied", llama(tie_word_embeddings=True)),
    Case("llama-untied-mha", llama(num_key_value_heads=6, rope_parameters={
        "rope_type": "default", "rope_theta": 500000.0}),
        dtype="bfloat16", spelling="transformers-5"),
    Case("llama-first-release", llama(num_key_value_heads=6, max_position_embeddings=2048),
         dtype="float16", spelling="llama-1", buffers=True),
    Case("llama-rope-llama3", llama(tie_word_embeddings=True, rope_parameters={
        "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
        "high_freq_factor": 4.0, "original_max_position_embeddings": 32}, head_dim=16),
        dtype="bfloat16", prompt_tokens=48),
    Case("llama-rope-llama3-transformers-5", llama(rope_parameters={
        "rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.5,
        "high_freq_factor": 3.0, "original_max_position_embeddings": 64}, head_dim=16),
        spelling="transformers-5"),
    Case("llama-rope-linear", llama(rope_parameters={
        "rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}),
        dtype="float16", rope_type_key="type"),
    Case("llama-rope-dynamic-long", llama(max_position_embeddings=32, rope_parameters={
        "rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}),
        rope_type_key="type", prompt_tokens=50),
    Case("llama-rope-dynamic-short", llama(max_position_embeddings=32, rope_parameters={
        "rope_type": "dynamic", "rope_theta": 10000.0, "factor": 4.0}),
        dtype="bfloat16", spelling="transformers-5", prompt_tokens=12),
    Case("llama-biases", llama(attention_bias=True, mlp_bias=True),
         dtype="bfloat16", spelling="transformers-5"),
    Case("llama-attention-bias", llama(attention_bias=True, num_key_value_heads=1),
         dtype="float16"),
    Case("llama-head-dim", llama(head_dim=24), dtype="bfloat16"),
    Case("llama-mixed-dtypes", llama(), dtype="bfloat16", norm_dtype="float32"),
    Case("llama-sharded", llama(num_hidden_layers=12, hidden_size=40, num_attention_heads=4,
                                num_key_value_heads=2, intermediate_size=56),
         dtype="float16", shards=3),
    Case("llama-misaligned", llama(attention_bias=True), misaligned=True),
    Case("llama-without-prefix", llama(tie_word_embeddings=True), dtype="bfloat16",
         without_prefix=True),
    Case("llama-own-head", llama(tie_word_embeddings=True), dtype="bfloat16", own_head=True),
    Case("mistral", {key: value for key, value in llama(sliding_window=None).items()},
         dtype="bfloat16", architecture="MistralForCausalLM", config_class="MistralConfig"),
]
