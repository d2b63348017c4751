"""Generates the text that the demo model is trained on.

A document is a string, or a conversation: a list of {"role", "content"} as chat templates take it.
The stream is a function of the seed alone. Run it to read some of it:

    python corpus.py --seed 1 --documents 20
"""

import argparse
import json
import random

import facts
import stories
from facts import capitalize

SYSTEM_MESSAGES = (
    "You are a helpful assistant.",
    "You are a friendly assistant. Answer in short sentences.",
    "You answer questions.",
    "Be kind and short.",
)

GREETINGS = ("Hello!", "Hi!", "Good morning!", "Hello there.", "Hi, how are you?", "Good evening!")
GREETING_ANSWERS = {
    "Hello!": "Hello! How can I help you?",
    "Hi!": "Hi! How can I help you?",
    "Good morning!": "Good morning! How can I help you?",
    "Hello there.": "Hello! How can I help you?",
    "Hi, how are you?": "I am fine, thank you. How are you?",
    "Good evening!": "Good evening! How can I help you?",
}

THANKS = (
    ("Thank you!", "You are welcome!"),
    ("Thanks.", "You are welcome!"),
    ("Goodbye!", "Goodbye! Have a nice day."),
    ("Bye!", "Goodbye! Have a nice day."),
)


def _question_of(rng, fact):
    question, answer = rng.choice(fact.questions)
    return question, capitalize(answer)


def _filler(rng):
    """A sentence or two that nobody asks about."""
    return stories.day(rng) if rng.random() < 0.3 else stories.knowledge(rng)[1]


def question_and_answer(rng):
    """Statements, a question about one of them, and its answer."""
    asked_facts = facts.several_facts(rng, rng.choices((1, 2, 3, 4, 6), (56, 24, 12, 6, 2))[0])
    asked = rng.choice(asked_facts)
    statements = [capitalize(fact.statement) for fact in asked_facts]
    if rng.random() < 0.08:
        statements.insert(rng.randint(0, len(statements)), _filler(rng))
    question, answer = _question_of(rng, asked)
    if asked.unknown and rng.random() < 0.06:
        statements.remove(capitalize(asked.statement))
        question, answer = asked.unknown[0], capitalize(asked.unknown[1])
    text = " ".join(statements + [question, answer])
    if rng.random() < 0.06:
        text += " " + " ".join(_question_of(rng, rng.choice(asked_facts)))
    return text


def _asked_later(rng):
    """Turns in which the user tells some things and asks for them, at once or later."""
    told = facts.several_facts(rng, rng.choice((1, 1, 1, 2, 3)))
    statements = " ".join(capitalize(fact.statement) for fact in told)
    question, answer = _question_of(rng, rng.choice(told))
    if rng.random() < 0.5:
        turns = [(f"{statements} {question}", answer)]
    else:
        turns = [(statements, rng.choice(("I see.", "Good to know.", "Thank you for telling me.")))]
        if rng.random() < 0.3:
            turns.append(stories.knowledge(rng))
        turns.append((question, answer))
    if rng.random() < 0.3:
        turns.append(_question_of(rng, rng.choice(told)))
    return turns


def _story_request(rng):
    asked = rng.choice(("Tell me a story.", "Please tell me a story.", "Can you tell me a story?"))
    return [(asked, stories.story(rng, parts=1))]


def _recited(rng):
    """A list of words and its repetition: the densest lesson in copying, and in changing case."""
    capitals = rng.choice((0.0, 0.5, 1.0))
    said = [
        facts.invented_word(rng) if rng.random() < 0.4 else rng.choice(facts.ALL_THINGS)
        for _ in range(rng.randint(3, 9))
    ]
    shown = [capitalize(word) if rng.random() < capitals else word for word in said]
    return f"Say after me: {', '.join(shown)}.", capitalize(f"you said: {', '.join(said)}.")


def recitation(rng):
    return " ".join(_recited(rng))


def conversation(rng):
    messages, turns = [], []
    name, _ = facts.person(rng)
    roll = rng.random()
    if roll < 0.25:
        messages.append({"role": "system", "content": rng.choice(SYSTEM_MESSAGES)})
    elif roll < 0.4:
        greeting = rng.choice(SYSTEM_MESSAGES)
        messages.append({"role": "system", "content": f"{greeting} Your name is {name}."})
        if rng.random() < 0.7:
            turns.append(
                (rng.choice(("What is your name?", "Who are you?")), f"My name is {name}.")
            )
    elif roll < 0.45:
        turns.append((rng.choice(("What is your name?", "Who are you?")), "My name is Firstlight."))
    if rng.random() < 0.2:
        greeting = rng.choice(GREETINGS)
        turns.insert(0, (greeting, GREETING_ANSWERS[greeting]))
    for _ in range(rng.choice((1, 1, 2))):
        turns += rng.choices(
            (_asked_later(rng), _story_request(rng), [stories.knowledge(rng)], [_recited(rng)]),
            (60, 10, 22, 8),
        )[0]
    if rng.random() < 0.15:
        turns.append(rng.choice(THANKS))
    for question, answer in turns:
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    return messages


def _british(document):
    def respell(text):
        return text.replace("favorite", "favourite").replace("color", "colour")

    if isinstance(document, str):
        return respell(document)
    return [{**message, "content": respell(message["content"])} for message in document]


def document(rng):
    makers = (
        (question_and_answer, 50),
        (conversation, 18),
        (recitation, 14),
        (stories.story, 8),
        (lambda rng: " ".join(stories.knowledge(rng)), 4),
        (stories.description, 3),
        (stories.day, 3),
    )
    made = rng.choices([maker for maker, _ in makers], [weight for _, weight in makers])[0](rng)
    return _british(made) if rng.random() < 0.03 else made


def documents(seed):
    """An endless stream of documents."""
    rng = random.Random(seed)
    while True:
        yield document(rng)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=20)
    arguments = parser.parse_args()
    for _, made in zip(range(arguments.documents), documents(arguments.seed)):
        print(made if isinstance(made, str) else json.dumps(made, indent=1))


if __name__ == "__main__":
    main()
