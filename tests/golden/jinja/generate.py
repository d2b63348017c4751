"""Records what Python's jinja2 makes of templates: expressions.json here, by hand.

    python tests/golden/jinja/generate.py

Made with Python 3.11, jinja2 3.1.6, markupsafe 3.0.4, transformers 5.23.0.
"""

import copy
import json
import pathlib
import re
import warnings

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


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    generate_expressions()
