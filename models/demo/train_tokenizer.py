"""Trains the demo model's tokenizer: SentencePiece BPE with byte fallback, as Llama's.

    python train_tokenizer.py --output DIR
"""

import argparse
import itertools
import json
import pathlib

import sentencepiece

import corpus
import facts

VOCABULARY_SIZE = 3072
# How often the tokenizer's text repeats each thing, so that most are one piece in either case.
LEXICON_REPEATS = 60
MARKERS = ("<|system|>", "<|user|>", "<|assistant|>")

# Each turn is its marker, a space and the message; the assistant's ends with the end of sequence.
# The space makes a message's first word the same piece as inside a sentence.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('Only the roles system, user and assistant are known.') }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|> ' + message['content'] | trim }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def _texts(seed, count):
    for thing in facts.ALL_THINGS:
        for _ in range(LEXICON_REPEATS):
            yield f"{facts.capitalize(thing)} {thing}"
    for document in itertools.islice(corpus.documents(seed), count):
        if isinstance(document, str):
            yield document
        else:
            yield from (message["content"] for message in document)


def train(output, seed=7, documents=60000):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_texts(seed, documents),
        model_prefix=str(output / "tokenizer"),
        model_type="bpe",
        vocab_size=VOCABULARY_SIZE,
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=True,
        character_coverage=1.0,
        max_sentence_length=16384,
        required_chars="".join(map(chr, range(33, 127))),
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=3,
        control_symbols=list(MARKERS),
        num_threads=1,
        minloglevel=1,
    )
    # A list of the pieces, which nothing reads.
    (output / "tokenizer.vocab").unlink()


def write_config(output, max_position_embeddings):
    added = ["<unk>", "<s>", "</s>", "<pad>", *MARKERS]
    config = {
        "add_bos_token": True,
        "add_eos_token": False,
        "added_tokens_decoder": {
            str(token_id): {
                "content": content,
                "lstrip": False,
                "normalized": False,
                "rstrip": False,
                "single_word": False,
                "special": True,
            }
            for token_id, content in enumerate(added)
        },
        "additional_special_tokens": list(MARKERS),
        "bos_token": "<s>",
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": "</s>",
        "legacy": False,
        "model_max_length": max_position_embeddings,
        "pad_token": "<pad>",
        "sp_model_kwargs": {},
        "tokenizer_class": "LlamaTokenizer",
        "unk_token": "<unk>",
        "use_default_system_prompt": False,
    }
    text = json.dumps(config, indent=2, ensure_ascii=False) + "\n"
    (output / "tokenizer_config.json").write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    train(arguments.output)


if __name__ == "__main__":
    main()
