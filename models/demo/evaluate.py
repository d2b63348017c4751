"""Asks the demo model the questions held out of its training, through transformers in float32.

    python evaluate.py [--model DIR] [--verbose] [--samples]

First it looks through the training text: no sentence that says or asks what somebody likes best
may name a thing that is held out. An answer is right when it is the expected sentence, word for
word, and then ends. Exits with 1 when fewer than 45 of the 50 held-out pairs are right in the
README's own phrasing.
"""

import argparse
import itertools
import pathlib
import re
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import corpus
import train
import words
from facts import capitalize

REQUIRED = 45
SEARCHED_DOCUMENTS = 120000  # more than the training reads
MAX_NEW_TOKENS = 24


def held_out_pairs():
    """The 50 (kind, thing) pairs."""
    return [(kind, thing) for kind, things in words.HELD_OUT.items() for thing in things]


def _texts(document):
    return [document] if isinstance(document, str) else [turn["content"] for turn in document]


def leaks(seed, count):
    """The sentences of the corpus about somebody's favorites that name a thing held out."""
    things = "|".join(sorted({re.escape(thing) for _, thing in held_out_pairs()}))
    held_out = re.compile(rf"\b({things})\b", re.IGNORECASE)
    liking = re.compile(r"\b(favou?rite|best|loves?)\b")
    return [
        sentence.strip()
        for document in itertools.islice(corpus.documents(seed), count)
        for text in _texts(document)
        for sentence in re.split(r"[.?!]", text)
        if liking.search(sentence) and held_out.search(sentence)
    ]


def _the(thing, kind):
    return "the " + thing if kind in words.COUNTED else thing


# Name, prompt and answer of each way to ask. `thing` is as inside a sentence, `the` with its
# article where it takes one. The first is the one that counts.
PHRASINGS = (
    ("plain", "{Thing} is my favorite {kind}. What is my favorite {kind}?",
     "Your favorite {kind} is {thing}."),
    ("with article", "{The} is my favorite {kind}. What is my favorite {kind}?",
     "Your favorite {kind} is {the}."),
    ("thing last", "My favorite {kind} is {thing}. What is my favorite {kind}?",
     "Your favorite {kind} is {thing}."),
    ("other question", "{Thing} is my favorite {kind}. Which {kind} do I like best?",
     "You like {thing} best."),
    ("a person's", "{Thing} is Emma's favorite {kind}. What is Emma's favorite {kind}?",
     "Emma's favorite {kind} is {thing}."),
    ("distractor after", "{Thing} is my favorite {kind}. My favorite metal is copper. I live in"
     " Oslo. What is my favorite {kind}?", "Your favorite {kind} is {thing}."),
    ("distractor before", "Copper is my favorite metal. Anna is a baker. {Thing} is my favorite"
     " {kind}. What is my favorite {kind}?", "Your favorite {kind} is {thing}."),
)


def fill(text, kind, thing):
    the = _the(thing, kind)
    return text.format(
        kind=kind, thing=thing, Thing=capitalize(thing), the=the, The=capitalize(the)
    )


class Model:
    def __init__(self, directory):
        self.tokenizer = AutoTokenizer.from_pretrained(directory)
        self.model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()

    @torch.inference_mode()
    def continue_ids(self, ids, max_new_tokens, **options):
        output = self.model.generate(
            torch.tensor([ids]), max_new_tokens=max_new_tokens, **options
        )
        return self.tokenizer.decode(output[0, len(ids):], skip_special_tokens=True).strip()

    def complete(self, text, max_new_tokens=MAX_NEW_TOKENS, **options):
        return self.continue_ids(self.tokenizer(text)["input_ids"], max_new_tokens, **options)

    def chat(self, messages, max_new_tokens=MAX_NEW_TOKENS):
        text = self.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self.continue_ids(ids, max_new_tokens)


def score(ask, prompt, answer, verbose):
    """How many of the held-out pairs `ask` answers as expected."""
    right = 0
    for kind, thing in held_out_pairs():
        expected, found = fill(answer, kind, thing), ask(fill(prompt, kind, thing))
        right += found == expected
        if verbose and found != expected:
            print(f"    expected {expected!r}, found {found!r}")
    return right


def print_samples(model):
    print("\nGreedy:")
    for prompt in ("Once upon a time", "What color is the sky?", "What is my favorite color?",
                   "My name is Ada. I have a red bike. What color is my bike?",
                   "The tiger", "Firstlight is"):
        print(f"  {prompt} -> {model.complete(prompt, 80)}")
    print("\nSampled at temperature 0.8:")
    torch.manual_seed(1)
    for prompt in ("Once upon a time", "One rainy morning", ""):
        text = model.complete(prompt, 120, do_sample=True, temperature=0.8)
        print(f"  {prompt} -> {text}")
    print("\nChat:")
    messages = [{"role": "system", "content": "You are a helpful assistant. Your name is Iris."}]
    for question in ("Hello!", "What is your name?", "My name is Sam. My favorite drink is cocoa.",
                     "What is my favorite drink?", "What is a violin?", "Tell me a story.",
                     "What is my name?", "Thank you!"):
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": model.chat(messages, 100)})
        print(f"  user: {question}\n  assistant: {messages[-1]['content']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--verbose", action="store_true", help="print the wrong answers")
    parser.add_argument("--samples", action="store_true", help="print some text and a chat too")
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    found = leaks(train.SEED, SEARCHED_DOCUMENTS)
    if found:
        sys.exit(f"the training text names things that are held out: {found[:3]}")
    model = Model(arguments.model)
    scores = []
    for name, prompt, answer in PHRASINGS:
        scores.append(score(model.complete, prompt, answer, arguments.verbose))
        print(f"{name}: {scores[-1]}/{len(held_out_pairs())}", flush=True)
    _, prompt, answer = PHRASINGS[0]

    def ask(question):
        return model.chat([{"role": "user", "content": question}])

    print(f"chat: {score(ask, prompt, answer, arguments.verbose)}/{len(held_out_pairs())}")
    if arguments.samples:
        print_samples(model)
    sys.exit(0 if scores[0] >= REQUIRED else 1)


if __name__ == "__main__":
    main()
