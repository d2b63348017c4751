#!/usr/bin/env python3
"""Builds and records the cases of mixture_cases.py, as generate.py does those of cases.py.

    python tests/golden/generate_mixtures.py [CASE ...]    # all cases, or those named

transformers 5 holds the experts of a layer in one tensor. Published files hold a tensor an expert:
they are written by transformers' own reversal of its conversion. Run by hand; its output is
committed.
"""

import json
import shutil

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

import generate
import mixture_cases


def redraw(model, case, seed):
    """Gives every parameter and every stored buffer a value that moves the logits."""
    generator = numpy.random.default_rng(seed)
    stored = dict(model.named_parameters())
    stored |= {name: buffer for name, buffer in model.named_buffers() if name in model.state_dict()}
    with torch.no_grad():
        for name, tensor in sorted(stored.items()):
            if "norm" in name and name.endswith("weight"):
                values = generator.normal(1.0, 0.25, tuple(tensor.shape))
            elif name.endswith("sinks"):
                values = generator.normal(0.0, 1.0, tuple(tensor.shape))
            elif "bias" in name:
                values = generator.normal(0.0, 0.3, tuple(tensor.shape))
            else:
                values = generator.normal(0.0, case.weight_spread, tuple(tensor.shape))
            tensor.copy_(torch.from_numpy(values.astype(numpy.float32)))


def published_config(config, case):
    """config.json as checkpoints on the hub have it, before transformers 5 renamed its fields."""
    fields = config.to_dict()
    if "full_attention" in fields["rope_parameters"]:  # a class that has had no other spelling
        fields["num_experts"] = fields.pop("num_local_experts")
        fields["torch_dtype"] = fields.pop("dtype", case.dtype)
        return fields
    rope = dict(fields.pop("rope_parameters"))
    fields["rope_theta"] = rope.pop("rope_theta")
    partial = rope.pop("partial_rotary_factor", None)
    if partial is not None:
        fields["partial_rotary_factor"] = partial
    rope_type = rope.pop("rope_type")
    fields["rope_scaling"] = None if rope_type == "default" else {case.rope_type_key: rope_type,
                                                                  **rope}
    fields.pop("dtype", None)
    fields["torch_dtype"] = case.dtype
    fields["transformers_version"] = "4.57.0"
    for name in ("layer_types", "qk_head_dim", "_name_or_path", *case.drop):
        fields.pop(name, None)
    if case.model == "Qwen3Moe":
        fields["num_experts"] = fields.pop("num_local_experts")
    if "original_max_position_embeddings" in rope and rope_type == "longrope":
        fields["original_max_position_embeddings"] = rope["original_max_position_embeddings"]
    if fields.get("head_dim") == fields.get("qk_rope_head_dim"):
        fields.pop("head_dim", None)
    return fields


def mxfp4(directory, decoded, config, seed):
    """Replaces the experts of a gpt-oss checkpoint by blocks and scales, as it is published; writes
    the same with those decoded to another directory, for transformers to compute from."""
    generator = numpy.random.default_rng(seed + 3_000_000)
    shutil.copytree(directory, decoded)
    path = directory / "model.safetensors"
    tensors = load_file(path)
    wide = dict(tensors)
    for layer in range(config.num_hidden_layers):
        for name, rows, columns in (
                ("gate_up_proj", 2 * config.intermediate_size, config.hidden_size),
                ("down_proj", config.hidden_size, config.intermediate_size)):
            prefix = f"model.layers.{layer}.mlp.experts.{name}"
            del tensors[prefix]
            shape = (config.num_local_experts, rows, columns // 32)
            blocks = generator.integers(0, 256, (*shape, 16), dtype=numpy.uint8)
            scales = generator.integers(122, 126, shape, dtype=numpy.uint8)
            tensors[f"{prefix}_blocks"] = torch.from_numpy(blocks)
            tensors[f"{prefix}_scales"] = torch.from_numpy(scales)
            wide[prefix] = convert_moe_packed_tensors(
                torch.from_numpy(blocks), torch.from_numpy(scales), dtype=torch.float32)
    save_file(tensors, path, metadata={"format": "pt"})
    save_file(wide, decoded / "model.safetensors", metadata={"format": "pt"})
    path = directory / "config.json"
    fields = json.loads(path.read_text())
    fields["quantization_config"] = {
        "modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router",
                                   "model.embed_tokens", "lm_head"],
        "quant_method": "mxfp4"}
    path.write_text(json.dumps(fields, indent=2) + "\n")


def build(case, seed, directory):
    config = getattr(transformers, case.model + "Config")(**case.config, dtype=case.dtype)
    model = getattr(transformers, case.architecture or case.model + "ForCausalLM")(config)
    redraw(model, case, seed)
    correction = {name: buffer.clone() for name, buffer in model.state_dict().items()
                  if name.endswith("correction_bias")}
    model = model.to(getattr(torch, case.dtype))
    for name, values in correction.items():  # float32 in published files, whatever the rest is
        module, attribute = name.rsplit(".", 1)
        holder = model.get_submodule(module)
        if attribute in holder._buffers:
            holder._buffers[attribute] = values
        else:
            holder._parameters[attribute] = torch.nn.Parameter(values, requires_grad=False)
    model.save_pretrained(directory, save_original_format=case.spelling == "published")
    (directory / "generation_config.json").unlink(missing_ok=True)
    if case.spelling == "published":
        text = json.dumps(published_config(config, case) | {
            "architectures": [case.architecture or case.model + "ForCausalLM"]}, indent=2)
        (directory / "config.json").write_text(text + "\n")
    if not case.mxfp4:
        return directory
    mxfp4(directory, directory / "decoded", config, seed)
    return directory / "decoded"


def run(case):
    def attempt(seed, directory):
        return build(case, seed, directory), lambda: None
    generate.search(case, attempt, lambda seed: 16)


if __name__ == "__main__":
    generate.main(__doc__, mixture_cases.CASES, run)
