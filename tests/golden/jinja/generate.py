"""Records what Python's jinja2 makes of templates, by hand:

    python tests/golden/jinja/generate.py PUBLISHED

PUBLISHED is a folder of published templates (*.jinja), of which only digests of their outcomes are
kept. Writes expressions.json, conversations.json and rendered.json beside itself.

Made with Python 3.11, jinja2 3.1.6, markupsafe 3.0.4, transformers 5.23.0.
"""

import copy
import hashlib
import json
import pathlib
import re
import sys
import warnings

import conversations
import expressions
import hand_written
import reference

HERE = pathlib.Path(__file__).parent
CASES = 6000
SEED = 20240726
# What the engine says differently, and docs/chat.md says so: addresses, no memory for a string,
# slices of literals that cannot be sliced (jinja2 folds them to nothing), sets made of two views.
DIFFERENT = re.compile(r" at 0x|object at|MemoryError")
DIFFERENT_SOURCE = re.compile(r"\(+(-?[\d.e]+|true|false|none)\)+\[[^\]]*:|\.(keys|items)\(\)\)* -")


def generate_expressions():
    generator = expressions.Generator(SEED)
    sources = list(hand_written.TEMPLATES)
    while len(sources) < CASES:
        sources.append(generator.template())
    cases, seen = [], set()
    for source in sources:
        if source in seen or DIFFERENT_SOURCE.search(source):
            continue
        seen.add(source)
        outcome = reference.render(
            source,
            messages=[],
            tools=None,
            documents=None,
            add_generation_prompt=True,
            **copy.deepcopy(expressions.CONTEXT),
        )
        if len(outcome) < 600 and not DIFFERENT.search(outcome):
            cases.append([source, outcome])
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    context = json.dumps(expressions.CONTEXT, ensure_ascii=False)
    (HERE / "expressions.json").write_text(f'{{"context": {context},\n"cases": [\n{lines}\n]}}\n')
    print(len(cases), "expressions")


def digest(text):
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()[:16]


def generate_rendered(published):
    """Digests of texts, and errors as they are."""
    everything = conversations.CONVERSATIONS
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in everything)
    (HERE / "conversations.json").write_text(f"[\n{lines}\n]\n")
    # As a client's JSON arrives.
    everything = json.loads((HERE / "conversations.json").read_text())
    rendered = {}
    for folder, name in ((published, "published"), (HERE / "styles", "styles")):
        for path in sorted(folder.glob("*.jinja")):
            source = path.read_text()
            outcomes = [
                reference.render_chat(source, copy.deepcopy(one), conversations.SPECIAL_TOKENS) for one in everything
            ]
            rendered[f"{name}/{path.name}"] = [
                digest(outcome[1:]) if outcome.startswith("=") else outcome for outcome in outcomes
            ]
            print(path.name, sum(outcome.startswith("=") for outcome in outcomes), "of", len(outcomes))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in rendered.items())
    (HERE / "rendered.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    generate_expressions()
    generate_rendered(pathlib.Path(sys.argv[1]))
