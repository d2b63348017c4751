"""Trains the demo model from nothing and writes it in the layout of a published checkpoint.

    python train.py --output DIR [--steps N] [--threads N]

DIR receives config.json, generation_config.json, model.safetensors (bfloat16), tokenizer.model and
tokenizer_config.json. The result is a function of the seed, the number of steps and the versions of
the packages (README.md names them).
"""

import argparse
import json
import math
import pathlib
import time

import sentencepiece
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

import corpus
import train_tokenizer

SEED = 20
ROW_TOKENS = 256
BATCH_ROWS = 8
LEARNING_RATE = 4e-3
WARMUP_STEPS = 200
WEIGHT_DECAY = 0.05

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 384,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 4,
    "num_key_value_heads": 2,
    "pad_token_id": 3,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": train_tokenizer.VOCABULARY_SIZE,
}

GENERATION_CONFIG = {"bos_token_id": 1, "do_sample": False, "eos_token_id": 2, "pad_token_id": 3}


def encode(tokenizer, document):
    """The ids of a document, as the tokenizer gives for its text or for its rendered template."""
    bos, eos = tokenizer.bos_id(), tokenizer.eos_id()
    if isinstance(document, str):
        return [bos] + tokenizer.encode(document) + [eos]
    ids = [bos]
    for message in document:
        ids.append(tokenizer.piece_to_id(f"<|{message['role']}|>"))
        ids += tokenizer.encode(message["content"])
        if message["role"] == "assistant":
            ids.append(eos)
    return ids


def batches(tokenizer, seed):
    """Yields ids and document numbers [BATCH_ROWS, ROW_TOKENS + 1]; a row cuts its last one."""
    encoded = (encode(tokenizer, document) for document in corpus.documents(seed))
    while True:
        rows, owners = [], []
        for _ in range(BATCH_ROWS):
            ids, owner, number = [], [], 0
            while len(ids) <= ROW_TOKENS:
                document = next(encoded)
                ids += document
                owner += [number] * len(document)
                number += 1
            rows.append(ids[: ROW_TOKENS + 1])
            owners.append(owner[: ROW_TOKENS + 1])
        yield torch.tensor(rows), torch.tensor(owners)


def attention_mask(owners):
    """[rows, 1, tokens, tokens]: a token sees the earlier tokens of its own document."""
    same_document = owners[:, :, None] == owners[:, None, :]
    return same_document.tril()[:, None]


def learning_rate(step, steps):
    if step < WARMUP_STEPS:
        return LEARNING_RATE * (step + 1) / WARMUP_STEPS
    progress = (step - WARMUP_STEPS) / max(1, steps - WARMUP_STEPS)
    return LEARNING_RATE * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


def make_optimizer(model):
    matrices = [weight for weight in model.parameters() if weight.dim() > 1]
    norms = [weight for weight in model.parameters() if weight.dim() == 1]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": WEIGHT_DECAY},
            {"params": norms, "weight_decay": 0.0},
        ],
        lr=LEARNING_RATE,
        betas=(0.9, 0.98),
    )


def write_checkpoint(model, output):
    weights = {
        name: weight.detach().to(torch.bfloat16).contiguous()
        for name, weight in model.state_dict().items()
        if name != "lm_head.weight"  # tied to the embedding
    }
    path = output / "model.safetensors"
    save_file(weights, path, metadata={"format": "pt"})
    path.chmod(0o644)  # written for its owner alone
    for name, content in (("config", CONFIG), ("generation_config", GENERATION_CONFIG)):
        (output / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n")
    train_tokenizer.write_config(output, CONFIG["max_position_embeddings"])


def train(output, steps, checkpoint_every):
    torch.manual_seed(SEED)
    if not (output / "tokenizer.model").exists():
        train_tokenizer.train(output)
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(output / "tokenizer.model"))
    model = LlamaForCausalLM(LlamaConfig(**CONFIG)).float()
    model.config.use_cache = False
    forward = torch.compile(model)
    optimizer = make_optimizer(model)
    print(f"{sum(weight.numel() for weight in model.parameters())} parameters", flush=True)

    started, seen, running = time.monotonic(), 0, None
    for step, (ids, owners) in zip(range(steps), batches(tokenizer, SEED)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        with torch.autocast("cpu", torch.bfloat16):
            logits = forward(
                input_ids=ids[:, :-1], attention_mask=attention_mask(owners[:, :-1])
            ).logits
        loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

        seen += BATCH_ROWS * ROW_TOKENS
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - started
            print(
                f"step {step + 1}/{steps} loss {running:.4f} {seen / seconds:.0f} tokens/s"
                f" {seconds / 60:.1f} min",
                flush=True,
            )
        if (step + 1) % checkpoint_every == 0 or step + 1 == steps:
            write_checkpoint(model, output)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=2200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint-every", type=int, default=500)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.output.mkdir(parents=True, exist_ok=True)
    train(arguments.output, arguments.steps, arguments.checkpoint_every)


if __name__ == "__main__":
    main()
