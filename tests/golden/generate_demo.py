#!/usr/bin/env python3
"""Records what transformers computes from the demo model, in the form that generate.py records.

    python tests/golden/generate_demo.py

Run by hand whenever models/demo changes; its output, demo-*/, is committed. The prompts are text,
so that the ids in golden.json also say what the tokenizer has to give.
"""

import json
import pathlib

import torch
import transformers

import generate

DEMO = pathlib.Path(__file__).resolve().parents[2] / "models" / "demo"

# The greedy tokens run on past the end of sequence, into text of the model's own choice, and the best
# two logits have to stay apart all that way: few prompts do that. A retrained model needs others.
PROMPTS = {
    "demo-list": "Say after me: pasta, duck, tennis, Spiral, tofu, Athens, pumpkin, flute, Eagle, owl,"
                 " accordion, butter, Volleyball, teal, custard, bread, Pepper, cucumber.",
    "demo-story": "Once upon a time there was a kind girl named Sara. One cold morning Sara met a"
                  " round goat in",
}


def main():
    generate.check_versions()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    tokenizer = transformers.AutoTokenizer.from_pretrained(DEMO)
    for name, text in PROMPTS.items():
        prompt = tokenizer(text)["input_ids"]
        logits, greedy, gap = generate.record(DEMO, prompt)
        print(f"{name}: gap {gap:.4f}, {tokenizer.decode(greedy)!r}", flush=True)
        if gap <= generate.SMALLEST_GAP:
            raise SystemExit(f"{name}: the best two logits come too close: choose another prompt")
        output = generate.HERE / name
        generate.write_golden(output, prompt, logits, greedy, gap)
        path = output / "golden.json"
        golden = {"text": text, **json.loads(path.read_text())}
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}"
                           for key, value in golden.items())
        path.write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
