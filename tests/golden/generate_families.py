#!/usr/bin/env python3
"""Builds and records the cases of family_cases.py, as generate.py does those of cases.py.

    python tests/golden/generate_families.py [CASE ...]    # all cases, or those named

Run by hand; its output is committed.
"""

import json

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file

import family_cases
import generate


def redraw(model, case, seed):
    """Gives every parameter a value that moves the logits."""
    generator = numpy.random.default_rng(seed)
    embedding = model.get_input_embeddings().weight
    factor = case.embedding_factors[seed % len(case.embedding_factors)]
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            shape = tuple(parameter.shape)
            parts = name.split(".")
            if ("norm" in name or any(part.startswith("ln_") for part in parts)) and (
                    parts[-1] == "weight"):
                values = generator.normal(case.norm_center, 0.25, shape)
            elif parts[-1] == "bias" or "alpha_" in name:
                values = generator.normal(0.0, 0.3, shape)
            else:
                values = generator.normal(0.0, case.weight_spread, shape)
            if parameter is embedding:
                values = values * factor
            parameter.copy_(torch.from_numpy(numpy.asarray(values, dtype=numpy.float32)))
        for name, buffer in model.named_buffers():
            if name.endswith("act_fn.beta"):
                buffer.fill_(0.375)
            if name.endswith("act_fn.eps"):
                buffer.fill_(-0.125)
            if name.endswith("layer_scalar"):
                buffer.fill_(float(generator.normal(1.0, 0.25)))


def published_rope(fields, case):
    """The rotary fields as they were before transformers 5 put them into rope_parameters."""
    if case.model.startswith("Gemma4"):  # which has had no other spelling
        return {}
    rope = fields.pop("rope_parameters", None)
    if not rope:
        return {}
    if "full_attention" in rope:
        spoken = dict(rope["full_attention"])
        result = {"rope_theta": spoken.pop("rope_theta")}
        if case.model == "Gemma3":
            result["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        result["rope_scaling"] = None if spoken["rope_type"] == "default" else spoken
        return result
    rope = dict(rope)
    names = {"GPTNeoX": ("rotary_emb_base", "rotary_pct")}.get(
        case.model, ("rope_theta", "partial_rotary_factor"))
    result = {names[0]: rope.pop("rope_theta")}
    if "partial_rotary_factor" in rope:
        result[names[1]] = rope.pop("partial_rotary_factor")
    result["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    return result


def published_config(config, case):
    """config.json as checkpoints on the hub have it, before transformers 5 renamed its fields."""
    fields = config.to_dict()
    fields |= published_rope(fields, case)
    fields["torch_dtype"] = case.dtype
    fields["transformers_version"] = "4.57.0"
    # Where a file lists the type of each layer, its class has no rule of its own for them.
    ruled = case.config.get("layer_types") is None
    for name in ("dtype", "_name_or_path", "layer_types" if ruled else "", *case.drop):
        fields.pop(name, None)
    return fields | case.add


def build(case, seed, directory):
    config_class = case.config_class or case.model + "Config"
    config = getattr(transformers, config_class)(**case.config, dtype=case.dtype)
    model = getattr(transformers, case.architecture or case.model + "ForCausalLM")(config)
    redraw(model, case, seed)
    model = model.to(getattr(torch, case.dtype))
    model.save_pretrained(directory, save_original_format=case.spelling == "published")
    (directory / "generation_config.json").unlink(missing_ok=True)
    if case.spelling == "published":
        text = json.dumps(published_config(config, case) | {
            "architectures": [case.architecture or case.model + "ForCausalLM"]}, indent=2)
        (directory / "config.json").write_text(text + "\n")


def finish(case, directory):
    """What transformers reads as this class, as another writes it."""
    path = directory / "model.safetensors"
    if case.rename:
        tensors = load_file(path)
        for old, new in case.rename:
            tensors = {new + name[len(old):] if name.startswith(old) else name: tensor
                       for name, tensor in tensors.items()}
        save_file(tensors, path, metadata={"format": "pt"})
    if case.nested:
        path = directory / "config.json"
        text = json.loads(path.read_text())
        text.pop("architectures")
        outer = {"architectures": [case.nested],
                 "model_type": text["model_type"].removesuffix("_text"), "eos_token_id": [2, 3],
                 "text_config": text}
        path.write_text(json.dumps(outer, indent=2) + "\n")


def wanted_tokens(case, seed):
    """How many different tokens a continuation must have. Tiny models repeat themselves, those that
    scale tied embeddings most of all: the longer the search, the fewer will do."""
    if len(case.embedding_factors) > 1:
        return max(6, 16 - seed // 8)
    return max(1, 8 - seed // 2)


def run(case):
    def attempt(seed, directory):
        build(case, seed, directory)
        return directory, lambda: finish(case, directory)
    generate.search(case, attempt, lambda seed: wanted_tokens(case, seed))


if __name__ == "__main__":
    generate.main(__doc__, family_cases.CASES, run)
