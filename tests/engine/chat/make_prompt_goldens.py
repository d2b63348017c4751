#!/usr/bin/env python3
"""Records what transformers' apply_chat_template makes of conversations: testdata/prompts.json.

Run by hand; its output is committed and the C++ tests need no Python. The tokenizers and templates
other than the demo model's are those of the folder that FIRSTLIGHT_TEST_DATA names.

    pip install transformers==5.23.0 sentencepiece==0.2.3 jinja2
    FIRSTLIGHT_TEST_DATA=/data python tests/engine/chat/make_prompt_goldens.py
"""

import json
import os
import pathlib
import shutil
import tempfile

from transformers import AutoTokenizer, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = pathlib.Path(__file__).parent / "testdata" / "prompts.json"
DATA = pathlib.Path(os.environ["FIRSTLIGHT_TEST_DATA"])

# Beside a tokenizer.model alone.
MISTRAL_CONFIG = {
    "add_bos_token": True,
    "add_eos_token": False,
    "bos_token": "<s>",
    "eos_token": "</s>",
    "legacy": False,
    "tokenizer_class": "LlamaTokenizer",
    "unk_token": "<unk>",
}

USER = {"role": "user", "content": "What is my favorite color?"}
HI = [{"role": "user", "content": "Blue is my favorite color."},
      {"role": "assistant", "content": "Blue is nice."}, USER]
ODD = [{"role": "user", "content": "Ünïcode — 你好 👩‍👩‍👧 \n\n\tdef f(x): x "}]
# What transformers makes of a tokenizer.model parts runs of spaces otherwise than sentencepiece does.
INDENTED = [{"role": "user", "content": "  Ünïcode\n        return x  "}]
SYSTEM = [{"role": "system", "content": "Be brief."}]
TOOL = {"type": "function", "function": {
    "name": "weather", "description": "The weather \"now\" <b>",
    "parameters": {"type": "object", "properties": {
        "city": {"type": "string", "description": "Größe"}, "days": {"type": "number", "default": 1.0}},
        "required": ["city"]}}}
CALL = [{"role": "user", "content": "Weather in Rome?"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "abcdefghi", "type": "function", "function": {
                "name": "weather", "arguments": {"city": "Rome", "days": 2}}}]},
        {"role": "tool", "name": "weather", "tool_call_id": "abcdefghi", "content": "sunny"}]
THOUGHT = [USER, {"role": "assistant", "reasoning_content": "They said blue.", "content": "Blue."}]
BEGUN = [USER, {"role": "assistant", "content": "Your favorite color is "}]

PLAIN = [{"messages": [USER]}, {"messages": HI}, {"messages": ODD},
         {"messages": HI, "add_generation_prompt": False},
         {"messages": BEGUN, "continue_final_message": True},
         {"messages": [{**USER, "name": None, "tool_calls": None}]}]
PAIRS = [
    ("models/demo", None, PLAIN + [{"messages": SYSTEM + HI}, {"messages": INDENTED}]),
    ("qwen2", "Qwen-Qwen2.5-7B-Instruct", PLAIN + [
        {"messages": SYSTEM + HI}, {"messages": CALL, "tools": [TOOL]},
        {"messages": [USER], "tools": []}, {"messages": INDENTED}]),
    ("qwen2", "Qwen-Qwen3-0.6B", PLAIN + [
        {"messages": SYSTEM + CALL, "tools": [TOOL, TOOL]}, {"messages": THOUGHT + [USER]},
        {"messages": THOUGHT, "add_generation_prompt": False},
        {"messages": [USER], "chat_template_kwargs": {"enable_thinking": False}}]),
    ("phi-3-mini", "microsoft-Phi-3.5-mini-instruct", PLAIN + [
        {"messages": SYSTEM + HI}, {"messages": INDENTED}]),
    ("mistral-v3", "mistral-v3-spm", PLAIN + [
        {"messages": SYSTEM + HI}, {"messages": CALL, "tools": [TOOL]}]),
]


def checkpoint(tokenizer, template, directory):
    source = ROOT / tokenizer if tokenizer.startswith("models/") else DATA / "tokenizers" / tokenizer
    for file in source.glob("token*"):
        shutil.copy(file, directory)
    if template is not None:
        shutil.copy(DATA / "templates" / f"{template}.jinja", directory / "chat_template.jinja")
    if not (directory / "tokenizer_config.json").exists():
        (directory / "tokenizer_config.json").write_text(json.dumps(MISTRAL_CONFIG))


def record(tokenizer, request):
    arguments = {key: value for key, value in request.items() if key != "chat_template_kwargs"}
    arguments.update(request.get("chat_template_kwargs", {}))
    messages = arguments.pop("messages")
    arguments.setdefault("add_generation_prompt", "continue_final_message" not in arguments)
    return {"request": request,
            "text": tokenizer.apply_chat_template(messages, tokenize=False, **arguments),
            "ids": tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False,
                                                 **arguments)}


def main():
    pairs = []
    for name, template, requests in PAIRS:
        with tempfile.TemporaryDirectory() as directory:
            checkpoint(name, template, pathlib.Path(directory))
            # The classes of transformers 5 rebuild some tokenizers otherwise than their files say:
            # its LlamaTokenizer contradicts the published vectors of Phi-3, tokenizer.json does not.
            described = (pathlib.Path(directory) / "tokenizer.json").exists()
            reader = PreTrainedTokenizerFast if described else AutoTokenizer
            tokenizer = reader.from_pretrained(directory)
            pairs.append({"tokenizer": name, "template": template,
                          "cases": [record(tokenizer, request) for request in requests]})
    OUT.parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(pair, ensure_ascii=False, separators=(",", ":"))
                       for pair in pairs)
    config = json.dumps(MISTRAL_CONFIG, separators=(",", ":"))
    OUT.write_text(f'{{"mistral_config":{config},"pairs":[\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
