#!/usr/bin/env python3
"""Builds and records the cases of recurrent_cases.py, as generate.py does those of cases.py.

    python tests/golden/generate_recurrent.py [CASE ...]    # all cases, or those named

transformers computes by its own functions in torch: kernels for other processors are not installed.
Run by hand; its output is committed.
"""

import argparse
import json
import pathlib
import shutil
import tempfile

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file

import generate
import recurrent_cases


def redraw(model, case, seed):
    """Gives every parameter and every stored buffer a value that moves the logits."""
    generator = numpy.random.default_rng(seed)
    stored = dict(model.named_parameters())
    stored |= {name: buffer for name, buffer in model.named_buffers() if name in model.state_dict()}
    with torch.no_grad():
        for name, tensor in sorted(stored.items()):
            shape = tuple(tensor.shape)
            if name.endswith("A_log"):
                values = generator.normal(0.3, 0.6, shape)
            elif name.endswith("dt_bias"):
                values = generator.normal(-0.5, 0.8, shape)
            elif name.endswith(".D"):
                values = generator.normal(1.0, 0.3, shape)
            elif "norm" in name and name.endswith("weight"):
                center = 1.0 if "linear_attn.norm" in name else case.norm_center
                values = generator.normal(center, 0.25, shape)
            elif name.endswith("expert_bias"):
                values = generator.normal(0.0, 3.0, shape)
            elif "bias" in name:
                values = generator.normal(0.0, 0.3, shape)
            elif "conv" in name and len(shape) == 3:
                values = generator.normal(0.0, 0.5, shape)
            elif name.endswith("gate.weight") and case.router_spread != 0.2:
                values = generator.normal(0.0, case.router_spread, shape)
            else:
                values = generator.normal(0.0, 0.2, shape)
            tensor.copy_(torch.from_numpy(values.astype(numpy.float32)))


def published_config(config, case):
    """config.json as checkpoints on the hub have it, before transformers 5 renamed its fields."""
    fields = config.to_dict()
    rope = fields.get("rope_parameters")
    if rope and "rope_theta" in rope and "mrope_section" not in rope:
        rope = dict(fields.pop("rope_parameters"))
        fields["rope_theta"] = rope.pop("rope_theta")
        if "partial_rotary_factor" in rope:
            fields["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
        fields["rope_scaling"] = None
    fields["torch_dtype"] = case.dtype
    fields["transformers_version"] = "4.57.0"
    for name in ("dtype", "_name_or_path", *case.drop):
        fields.pop(name, None)
    if isinstance(fields.get("time_step_limit"), dict):
        fields.pop("time_step_limit")
    return fields | case.add


def widen(case, path, values):
    """Stores in float32 what published files have so."""
    tensors = load_file(path)
    for name in tensors:
        if any(part in name for part in case.wide):
            tensors[name] = values[name].contiguous()
    save_file(tensors, path, metadata={"format": "pt"})


def build(case, seed, directory):
    config_class = case.config_class or case.model + "Config"
    config = getattr(transformers, config_class)(**case.config, dtype="float32")
    model = getattr(transformers, case.model + "ForCausalLM")(config)
    redraw(model, case, seed)
    published = case.spelling == "published"
    path = directory / "model.safetensors"
    wide = {}
    if case.wide:
        model.save_pretrained(directory, save_original_format=published)
        wide = load_file(path)
    config.dtype = getattr(torch, case.dtype)
    model = model.to(config.dtype)
    model.save_pretrained(directory, save_original_format=published)
    (directory / "generation_config.json").unlink(missing_ok=True)
    if case.wide:
        widen(case, path, wide)
    if published:
        fields = published_config(config, case) | {"architectures": [case.model + "ForCausalLM"]}
        (directory / "config.json").write_text(json.dumps(fields, indent=2) + "\n")


def finish(case, directory):
    """What transformers reads as text, inside a model that also sees."""
    if not case.nested:
        return
    path = directory / "model.safetensors"
    tensors = {name.replace("model.", "model.language_model.", 1): tensor
               for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    path = directory / "config.json"
    text = json.loads(path.read_text())
    text.pop("architectures")
    outer = {"architectures": [case.nested], "model_type": case.nested_type,
             "eos_token_id": [2, 3],
             "tie_word_embeddings": case.config["tie_word_embeddings"], "text_config": text}
    path.write_text(json.dumps(outer, indent=2) + "\n")


def run(case):
    for seed in range(1000):
        with tempfile.TemporaryDirectory() as scratch:
            checkpoint = pathlib.Path(scratch)
            build(case, seed, checkpoint)
            prompt = generate.prompt_of(case, seed)
            logits, greedy, gap = generate.record(checkpoint, prompt)
            # Tiny models repeat themselves: the longer the search, the fewer tokens will do.
            if gap <= generate.SMALLEST_GAP or len(set(greedy)) < max(4, 16 - seed // 2):
                continue
            finish(case, checkpoint)
            output = generate.HERE / case.name
            shutil.rmtree(output, ignore_errors=True)
            shutil.copytree(checkpoint, output / "checkpoint")
            generate.write_golden(output, prompt, logits, greedy, gap, seed)
            print(f"{case.name}: seed {seed}, gap {gap:.4f}, {len(set(greedy))} distinct tokens",
                  flush=True)
            return
    raise SystemExit(f"{case.name}: no seed keeps the best two logits apart")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="CASE")
    options = parser.parse_args()
    generate.check_versions()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for case in recurrent_cases.CASES:
        if not options.names or case.name in options.names:
            run(case)


if __name__ == "__main__":
    main()
