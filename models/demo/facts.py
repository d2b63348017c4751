"""Facts of the demo model's little world: what a sentence states, and what can be asked about it.

Every function here draws one `Fact` from a `random.Random`. The thing that a fact is about has to
be copied from the statement into the answer, so the world uses many words, invented ones too.
"""

import dataclasses
import re

import words

# The share of favorites and names that are invented words, so that copying does not lean on
# knowing the word.
INVENTED_SHARE = 0.2

_HELD_OUT_WORDS = {thing for things in words.HELD_OUT.values() for thing in things}
_HELD_OUT_PATTERN = re.compile(
    r"\b(" + "|".join(sorted(_HELD_OUT_WORDS)) + r")\b", re.IGNORECASE
)

# What may be said to be liked best: see words.HELD_OUT.
FAVORITES = {
    kind: [thing for thing in things if not _HELD_OUT_PATTERN.search(thing)]
    for kind, things in words.THINGS.items()
}

ALL_THINGS = sorted({thing for things in words.THINGS.values() for thing in things})

# Kinds that invented words can stand for, beside the kinds of THINGS.
_NAMING_KINDS = ["book", "song", "story", "place", "word", "movie", "team", "river", "dance"]


@dataclasses.dataclass(frozen=True)
class Fact:
    """A statement and the questions that it answers.

    Facts with different keys can stand side by side without contradicting each other.
    """

    key: tuple
    statement: str
    questions: tuple  # of (question, answer)
    unknown: tuple | None = None  # (question, answer) when the statement is absent


def capitalize(text):
    return text[:1].upper() + text[1:]


def with_article(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def plural(noun):
    if noun in words.IRREGULAR_PLURALS:
        return words.IRREGULAR_PLURALS[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    if noun.endswith(("s", "x", "ch", "sh")) or noun in ("tomato", "mango"):
        return noun + "es"
    return noun + "s"


def is_plural(thing, kind):
    return kind in ("food", "dessert", "game") and thing.endswith("s") and thing != "chess"


def invented_word(rng):
    onsets = ["b", "br", "c", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "l", "m", "n", "p",
              "pl", "r", "s", "sh", "st", "t", "tr", "v", "w", "z", "th", "sp", "cl", "y", ""]
    vowels = ["a", "e", "i", "o", "u", "ai", "ee", "oo", "ou", "ea"]
    codas = ["", "", "", "b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "x", "nd", "rt"]
    count = rng.choice((1, 2, 2, 2, 3))
    word = "".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(count))
    word += rng.choice(codas)
    if len(word) <= 3:
        word += rng.choice("lmnrt") + rng.choice("aeio")
    return invented_word(rng) if word in _HELD_OUT_WORDS else word


def person(rng):
    """A name and its pronoun."""
    pronoun = rng.choice(("she", "he"))
    if rng.random() < INVENTED_SHARE:
        return capitalize(invented_word(rng)), pronoun
    return rng.choice(words.PEOPLE[pronoun]), pronoun


def _favorite_thing(rng):
    """A kind, a phrase for a thing of it as it stands inside a sentence, and its verb."""
    roll = rng.random()
    if roll < INVENTED_SHARE:
        if rng.random() < 0.5:
            kind = rng.choice(_NAMING_KINDS)
            return kind, invented_word(rng), "is"
        kind = rng.choice(sorted(FAVORITES))
        thing = invented_word(rng)
    elif roll < INVENTED_SHARE + 0.15:
        # Any word at all: what is copied is then the word and not what the kind suggests.
        kind = rng.choice(("word", "thing"))
        candidates = [thing for things in FAVORITES.values() for thing in things]
        return kind, rng.choice(candidates), "is"
    else:
        kind = rng.choice(sorted(FAVORITES))
        thing = rng.choice(FAVORITES[kind])
    if kind in ("city", "day", "month"):
        thing = capitalize(thing)
    if kind in words.COUNTED:
        form = rng.random()
        if form < 0.35:
            return kind, "the " + thing, "is"
        if form < 0.6:
            return kind, plural(thing), "are"
    return kind, thing, "are" if is_plural(thing, kind) else "is"


def favorite(rng):
    kind, thing, verb = _favorite_thing(rng)
    kinds = words.PLURAL_KINDS.get(kind, plural(kind))
    if rng.random() < 0.7:
        owner, whose, your, who, likes, you_like = "I", "my", "your", "I", "like", "you like"
        do = "do"
    else:
        owner, _ = person(rng)
        whose = your = owner + "'s"
        who, likes, you_like, do = owner, "likes", owner + " likes", "does"
    it = "They are" if verb == "are" else "It is"
    favorite_kind = kinds if verb == "are" and rng.random() < 0.3 else kind
    statement = rng.choices(
        (
            f"{thing} {verb} {whose} favorite {favorite_kind}.",
            f"{whose} favorite {favorite_kind} {'are' if favorite_kind != kind else 'is'} {thing}.",
            f"the {kind} {who} {likes} best is {thing}.",
            f"{who} {likes} {thing} best of all {kinds}.",
            f"{who} {likes.replace('like', 'love')} {thing}. {it} {whose} favorite {kind}.",
        ),
        weights=(50, 25, 10, 8, 7),
    )[0]
    if favorite_kind != kind:
        answer = f"{your} favorite {kinds} are {thing}."
        questions = ((f"What are {whose} favorite {kinds}?", answer),)
    else:
        answer = f"{your} favorite {kind} is {thing}."
        questions = (
            (f"What is {whose} favorite {kind}?", answer),
            (f"What is {whose} favorite {kind}?", answer),
            (f"What is {whose} favorite {kind}?", answer),
            (f"Which {kind} is {whose} favorite?", answer),
            (f"Tell me {whose} favorite {kind}.", answer),
            (f"Do you know {whose} favorite {kind}?", f"Yes, {your} favorite {kind} is {thing}."),
            (f"Which {kind} {do} {who} like best?", f"{you_like} {thing} best."),
        )
    unknown = (f"What is {whose} favorite {kind}?", f"I do not know {your} favorite {kind}.")
    return Fact(("favorite", owner, kind), statement, questions, unknown)


def color_of(rng):
    thing, color = rng.choice(words.OBJECTS), rng.choice(words.THINGS["color"])
    whose, your = rng.choice((("my", "your"), ("the", "the"), ("person", "person")))
    if whose == "person":
        whose = your = person(rng)[0] + "'s"
    statement = rng.choice(
        (
            f"{whose} {thing} is {color}.",
            f"{color} is the color of {whose} {thing}.",
            f"the color of {whose} {thing} is {color}.",
        )
    )
    answer = f"{your} {thing} is {color}."
    return Fact(
        ("color", whose, thing),
        statement,
        ((f"What color is {whose} {thing}?", answer),
         (f"What is the color of {whose} {thing}?", answer)),
    )


def location(rng):
    thing = rng.choice(words.OBJECTS + words.THINGS["animal"])
    preposition = rng.choice(sorted(words.PLACES))
    place = rng.choice(words.PLACES[preposition])
    whose, your = rng.choice((("my", "your"), ("the", "the")))
    where = f"{preposition} the {place}"
    statement = rng.choice((f"{whose} {thing} is {where}.", f"{where} is {whose} {thing}."))
    return Fact(
        ("location", thing),
        statement,
        ((f"Where is {whose} {thing}?", f"{your} {thing} is {where}."),),
    )


def belonging(rng):
    name, _ = person(rng)
    thing = rng.choice(
        words.THINGS["animal"] + words.THINGS["instrument"] + words.THINGS["toy"] + words.OBJECTS
    )
    answer = f"{name} has {with_article(thing)}."
    return Fact(
        ("belonging", thing),
        answer,
        ((f"What does {name} have?", answer), (f"Who has {with_article(thing)}?", answer)),
    )


def habit(rng):
    verb, third, things = rng.choice(
        (
            ("eat", "eats", words.THINGS["food"]),
            ("drink", "drinks", words.THINGS["drink"]),
            ("grow", "grows", [plural(thing) for thing in words.THINGS["flower"]]),
            ("draw", "draws", [plural(thing) for thing in words.THINGS["animal"]]),
            ("sell", "sells", [plural(thing) for thing in words.THINGS["fruit"]]),
            ("cook", "cooks", words.THINGS["food"]),
            ("study", "studies", words.THINGS["subject"]),
        )
    )
    thing = rng.choice(things)
    when = rng.choice(("", " every day", " in the morning", " in the evening", " every week"))
    if rng.random() < 0.4:
        who, answer = "I", f"you {verb} {thing}{when}."
        statement, question = f"I {verb} {thing}{when}.", f"What do I {verb}{when}?"
    else:
        who, _ = person(rng)
        statement = answer = f"{who} {third} {thing}{when}."
        question = f"What does {who} {verb}{when}?"
    return Fact(("habit", who, verb), statement, ((question, answer),))


def naming(rng):
    what = rng.random()
    name, _ = person(rng)
    if what < 0.35:
        statement = rng.choice((f"my name is {name}.", f"I am {name}."))
        return Fact(
            ("name", "I"),
            statement,
            (("What is my name?", f"your name is {name}."), ("Who am I?", f"you are {name}.")),
            ("What is my name?", "I do not know your name."),
        )
    if what < 0.7:
        relation = rng.choice(words.RELATIONS)
        statement = rng.choice((f"{name} is my {relation}.", f"my {relation} is {name}."))
        return Fact(
            ("relation", relation, name),
            statement,
            ((f"Who is my {relation}?", f"your {relation} is {name}."),
             (f"What is the name of my {relation}?", f"your {relation} is {name}.")),
            (f"Who is my {relation}?", f"I do not know your {relation}."),
        )
    pet = rng.choice(("dog", "cat", "horse", "rabbit", "parrot", "mouse", "turtle", "goat"))
    name = rng.choice(words.PET_NAMES) if rng.random() < 0.7 else name
    statement = rng.choice(
        (f"{name} is my {pet}.", f"my {pet} is called {name}.", f"I have a {pet} named {name}.")
    )
    return Fact(
        ("pet", pet),
        statement,
        ((f"What is the name of my {pet}?", f"your {pet} is called {name}."),
         (f"What is my {pet} called?", f"your {pet} is called {name}.")),
    )


def job(rng):
    work = rng.choice(words.JOBS)
    if rng.random() < 0.3:
        return Fact(
            ("job", "I"),
            f"I am {with_article(work)}.",
            (("What is my job?", f"you are {with_article(work)}."),),
        )
    name, _ = person(rng)
    answer = f"{name} is {with_article(work)}."
    return Fact(
        ("job", work),
        answer,
        ((f"What is {name}'s job?", answer), (f"Who is {with_article(work)}?", answer)),
    )


def home(rng):
    invented = rng.random() < 0.3
    city = capitalize(invented_word(rng)) if invented else rng.choice(words.THINGS["city"])
    if rng.random() < 0.3:
        return Fact(
            ("home", "I"), f"I live in {city}.", (("Where do I live?", f"you live in {city}."),)
        )
    name, _ = person(rng)
    answer = f"{name} lives in {city}."
    return Fact(
        ("home", city),
        answer,
        ((f"Where does {name} live?", answer), (f"Who lives in {city}?", answer)),
    )


def weather(rng):
    sky = rng.choice(words.WEATHERS)
    where = rng.choice(["today", "in " + rng.choice(words.THINGS["city"])])
    answer = f"it is {sky} {where}."
    return Fact(("weather", where), answer, ((f"How is the weather {where}?", answer),))


def count(rng):
    number = rng.choice(words.NUMBERS)
    things = plural(rng.choice(words.THINGS["fruit"] + words.OBJECTS + words.THINGS["animal"]))
    if rng.random() < 0.5:
        return Fact(
            ("count", things),
            f"I have {number} {things}.",
            ((f"How many {things} do I have?", f"you have {number} {things}."),),
        )
    name, _ = person(rng)
    answer = f"{name} has {number} {things}."
    return Fact(("count", things), answer, ((f"How many {things} does {name} have?", answer),))


def written_word(rng):
    """Any word of the world, at the start of a sentence or inside it."""
    word = invented_word(rng) if rng.random() < 0.4 else rng.choice(ALL_THINGS)
    place = rng.choice(("card", "door", "box", "wall", "page", "sign", "paper"))
    statement = rng.choice(
        (
            f"{word} is the word on the {place}.",
            f"the word on the {place} is {word}.",
            f"{word} is written on the {place}.",
        )
    )
    return Fact(
        ("word", place),
        statement,
        ((f"What is the word on the {place}?", f"the word on the {place} is {word}."),
         (f"What is written on the {place}?", f"{word} is written on the {place}.")),
    )


def wish(rng):
    thing = with_article(rng.choice(words.THINGS["toy"] + words.THINGS["animal"] + words.OBJECTS))
    if rng.random() < 0.5:
        return Fact(
            ("wish", "I"),
            f"I want {thing} for my birthday.",
            (("What do I want for my birthday?", f"you want {thing} for your birthday."),),
        )
    name, pronoun = person(rng)
    birthday = ("her" if pronoun == "she" else "his") + " birthday"
    answer = f"{name} wants {thing} for {birthday}."
    return Fact(("wish", name), answer, ((f"What does {name} want for {birthday}?", answer),))


def appointment(rng):
    day = rng.choice(words.THINGS["day"])
    what = rng.choice(
        ["play " + thing for thing in ("football", "tennis", "golf", "hockey", "chess")]
        + ["bake a cake", "go to the lake", "visit Anna", "clean the house", "go to school"]
        + ["play the " + thing for thing in words.THINGS["instrument"]]
    )
    return Fact(
        ("appointment", day, what),
        rng.choice((f"on {day} I {what}.", f"I {what} on {day}.")),
        ((f"What do I do on {day}?", f"you {what} on {day}."),
         (f"When do I {what}?", f"you {what} on {day}.")),
    )


_OTHERS = (
    color_of, location, belonging, habit, naming, job, home, weather, count, written_word, wish,
    appointment,
)


def any_fact(rng):
    if rng.random() < 0.5:
        return favorite(rng)
    if rng.random() < 0.25:
        return written_word(rng)
    return rng.choice(_OTHERS)(rng)


def several_facts(rng, count):
    facts = {}
    while len(facts) < count:
        fact = any_fact(rng)
        facts.setdefault(fact.key, fact)
    return list(facts.values())
