#!/usr/bin/env python3
"""Builds the tiny checkpoints of this folder and records what transformers computes from them.

    python tests/golden/generate.py [CASE ...]    # all cases, or those named

Run by hand; its output is committed, so that the C++ tests need no Python. The same versions give
the same bytes. README.md in this folder describes the files.
"""

import argparse
import json
import pathlib
import shutil
import struct
import tempfile

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file

import cases

PINNED = {"torch": "2.15.0", "transformers": "5.23.0"}
GREEDY_TOKENS = 64
# Ten times the error that the tests allow: sqrt(1e-6) of the logits' standard deviation.
SMALLEST_GAP = 0.01
HERE = pathlib.Path(__file__).resolve().parent


def check_versions():
    found = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}
    if found != PINNED:
        raise SystemExit(f"expected {PINNED}, found {found}")


def redraw(model, seed):
    """Gives every parameter, norms and biases included, a value that moves the logits."""
    generator = numpy.random.default_rng(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "norm" in name:
                values = generator.normal(1.0, 0.25, tuple(parameter.shape))
            elif name.endswith(".bias"):
                values = generator.normal(0.0, 0.3, tuple(parameter.shape))
            else:
                values = generator.normal(0.0, 0.2, tuple(parameter.shape))
            parameter.copy_(torch.from_numpy(values.astype(numpy.float32)))


def stored_tensors(model, case, seed):
    """The tensors of the file, in the dtypes that they are stored in."""
    tensors = {}
    for name, parameter in model.named_parameters():
        dtype = case.norm_dtype if case.norm_dtype and "norm" in name else case.dtype
        tensors[name] = parameter.detach().to(getattr(torch, dtype)).contiguous().clone()
    generator = numpy.random.default_rng(seed + 1_000_000)
    if case.own_head:
        shape = (model.config.vocab_size, model.config.hidden_size)
        head = torch.from_numpy(generator.normal(0.0, 0.2, shape).astype(numpy.float32))
        tensors["lm_head.weight"] = head.to(getattr(torch, case.dtype))
    return tensors


def published_config(config, case):
    """config.json as checkpoints on the hub have it, before transformers 5 renamed its fields."""
    rope = dict(config.rope_parameters)
    theta = rope.pop("rope_theta")
    rope_type = rope.pop("rope_type")
    fields = {
        "architectures": [case.architecture],
        "model_type": config.model_type,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "max_position_embeddings": config.max_position_embeddings,
        "rms_norm_eps": config.rms_norm_eps,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": case.dtype,
        "transformers_version": "4.28.0",
        "use_cache": True,
    }
    if case.spelling == "llama-1":  # what the first checkpoints left out
        return fields
    fields |= {
        "num_key_value_heads": config.num_key_value_heads,
        "tie_word_embeddings": config.tie_word_embeddings,
        "rope_theta": theta,
        "transformers_version": "4.45.0",
    }
    if case.architecture == "MistralForCausalLM":
        fields["sliding_window"] = config.sliding_window
    else:
        fields |= {
            "attention_bias": config.attention_bias,
            "mlp_bias": config.mlp_bias,
            "pretraining_tp": 1,
            "rope_scaling": None,
        }
    if config.head_dim * config.num_attention_heads != config.hidden_size:
        fields["head_dim"] = config.head_dim
    if rope_type != "default":
        fields["rope_scaling"] = {case.rope_type_key: rope_type, **rope}
    return fields


def write_weights(tensors, case, directory):
    if case.without_prefix:
        tensors = {name.removeprefix("model."): tensor for name, tensor in tensors.items()}
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})


def write_sharded(tensors, shards, directory):
    """Shards by size in the file's order, as the hub has them: layers.10 before layers.2."""
    names = sorted(tensors)
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    weight_map, used = {}, 0
    parts = [{} for _ in range(shards)]
    for name in names:
        part = min(used * shards // total, shards - 1)
        parts[part][name] = tensors[name]
        weight_map[name] = f"model-{part + 1:05}-of-{shards:05}.safetensors"
        used += tensors[name].numel() * tensors[name].element_size()
    for part, held in enumerate(parts):
        save_file(held, directory / f"model-{part + 1:05}-of-{shards:05}.safetensors",
                  metadata={"format": "pt"})
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def shift_by_one_byte(path):
    """Pads the header so that the data, and with it every tensor, begins at an odd offset."""
    contents = path.read_bytes()
    (length,) = struct.unpack("<Q", contents[:8])
    header = contents[8:8 + length].rstrip(b" ")
    header += b" " * ((1 - len(header)) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + contents[8 + length:])


def add_buffers(path, config):
    """What old files hold beside their weights."""
    tensors = load_file(path)
    steps = torch.arange(0, config.head_dim, 2).float() / config.head_dim
    for layer in range(config.num_hidden_layers):
        name = f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"
        tensors[name] = 1.0 / (10000.0 ** steps)
    tensors["model.causal_mask"] = torch.ones(4, 4, dtype=torch.int64)
    save_file(tensors, path, metadata={"format": "pt"})


def build(case, seed, directory):
    """Writes the checkpoint that transformers can read; finish() makes of it what is committed."""
    config_class = getattr(transformers, case.config_class)
    config = config_class(**case.config, dtype=case.dtype)
    model = getattr(transformers, case.architecture)(config)
    redraw(model, seed)
    tensors = stored_tensors(model, case, seed)
    if case.spelling == "transformers-5":
        config.architectures = [case.architecture]
        config.save_pretrained(directory)
    else:
        text = json.dumps(published_config(config, case), indent=2)
        (directory / "config.json").write_text(text + "\n")
    if case.shards:
        write_sharded(tensors, case.shards, directory)
    else:
        write_weights(tensors, case, directory)
    return config


def finish(case, config, directory):
    weights = directory / "model.safetensors"
    if case.buffers:
        add_buffers(weights, config)
    if case.misaligned:
        shift_by_one_byte(weights)


def load(directory):
    """The model as transformers loads it, with every parameter taken from the files."""
    model, loading = transformers.AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, attn_implementation="eager",
        experts_implementation="eager", output_loading_info=True)
    if loading["missing_keys"] or loading["mismatched_keys"]:
        raise SystemExit(f"{directory}: transformers did not find {loading}")
    stored = {}
    for path in pathlib.Path(directory).glob("*.safetensors"):
        stored |= load_file(path)
    head = stored.get("lm_head.weight")
    if head is not None and not torch.equal(model.lm_head.weight, head.float()):
        raise SystemExit(f"{directory}: transformers did not use the head that the file holds")
    return model.eval()


def cache_of(output):
    """The argument that a model takes its cache by, which Mamba-2 calls otherwise."""
    name = "past_key_values" if hasattr(output, "past_key_values") else "cache_params"
    return {name: getattr(output, name)}


def record(directory, prompt):
    """Logits of every prompt position and every greedy step, from transformers in float32; up to the
    first step at which the best two logits come too close."""
    model = load(directory)
    with torch.no_grad():
        output = model(torch.tensor([prompt]), use_cache=True)
        # Dynamic frequencies follow the longest position so far; a served sequence keeps those of
        # its prompt.
        for module in model.modules():
            if isinstance(getattr(module, "rope_type", None), dict):
                module.rope_type = dict.fromkeys(module.rope_type, "default")
            elif hasattr(module, "rope_type"):
                module.rope_type = "default"
        prompt_logits = output.logits[0]
        steps, greedy = [prompt_logits[-1]], []
        gaps = []
        while True:
            best = torch.topk(steps[-1].double(), 2).values
            gaps.append(float((best[0] - best[1]) / steps[-1].double().std()))
            greedy.append(int(steps[-1].argmax()))
            if len(greedy) == GREEDY_TOKENS or gaps[-1] <= SMALLEST_GAP:
                break
            # Bamba's model counts from 0 in every call unless it is told.
            if model.config.model_type == "bamba":
                positions = {"position_ids": torch.tensor([[len(prompt) + len(greedy) - 1]])}
            else:
                positions = {}
            output = model(torch.tensor([greedy[-1:]]), **cache_of(output), **positions,
                           use_cache=True)
            steps.append(output.logits[0, -1])
    return {"prompt_logits": prompt_logits.contiguous().clone(),
            "greedy_logits": torch.stack(steps)}, greedy, min(gaps)


def write_golden(directory, prompt, logits, greedy, gap, seed=None):
    directory.mkdir(parents=True, exist_ok=True)
    save_file(logits, directory / "golden.safetensors")
    golden = {
        "torch": PINNED["torch"],
        "transformers": PINNED["transformers"],
        "seed": seed,
        "smallest_gap_in_standard_deviations": round(gap, 5),
        "prompt": prompt,
        "greedy": greedy,
    }
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items())
    (directory / "golden.json").write_text("{\n" + lines + "\n}\n")


def prompt_of(case, seed):
    generator = numpy.random.default_rng(seed + 2_000_000)
    return generator.integers(3, case.config["vocab_size"], case.prompt_tokens).tolist()


def search(case, attempt, enough):
    """Tries seeds until one gives a golden that says something, and writes that golden.

    attempt(seed, directory) writes a checkpoint there. It returns the directory that transformers
    reads (its own, or one below it named decoded, which is left out), and what to call to make of
    the checkpoint what is committed. enough(seed) is how many greedy tokens have to differ."""
    for seed in range(1000):
        with tempfile.TemporaryDirectory() as scratch:
            checkpoint = pathlib.Path(scratch)
            readable, complete = attempt(seed, checkpoint)
            prompt = prompt_of(case, seed)
            logits, greedy, gap = record(readable, prompt)
            if gap <= SMALLEST_GAP or len(set(greedy)) < enough(seed):
                continue
            complete()
            output = HERE / case.name
            shutil.rmtree(output, ignore_errors=True)
            shutil.copytree(checkpoint, output / "checkpoint",
                            ignore=shutil.ignore_patterns("decoded"))
            write_golden(output, prompt, logits, greedy, gap, seed)
            print(f"{case.name}: seed {seed}, gap {gap:.4f}, {len(set(greedy))} distinct tokens",
                  flush=True)
            return
    raise SystemExit(f"{case.name}: no seed keeps the best two logits apart")


def generate(case):
    def attempt(seed, directory):
        config = build(case, seed, directory)
        return directory, lambda: finish(case, config, directory)
    search(case, attempt, lambda seed: 16)


def main(description, all_cases, run):
    parser = argparse.ArgumentParser(description=description.split("\n\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="CASE")
    options = parser.parse_args()
    check_versions()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for case in all_cases:
        if not options.names or case.name in options.names:
            run(case)


if __name__ == "__main__":
    main(__doc__, cases.CASES, generate)
