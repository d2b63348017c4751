"""Stories, descriptions and common knowledge of the demo model's little world."""

import facts
import words
from facts import capitalize, person, plural, with_article


def _character(rng):
    pronoun = rng.choice(("she", "he"))
    name = rng.choice(words.PEOPLE[pronoun])
    return name, pronoun, {"she": "her", "he": "his"}[pronoun], {"she": "her", "he": "him"}[pronoun]


def _place(rng):
    preposition = rng.choice(("in", "on", "under", "near", "behind"))
    return f"{preposition} the {rng.choice(words.PLACES[preposition])}"


def _opening(rng, name, pronoun):
    child = "girl" if pronoun == "she" else "boy"
    adjective = rng.choice(("little", "young", "brave", "kind", "clever"))
    city = rng.choice(words.THINGS["city"])
    return rng.choice(
        (
            f"Once upon a time there was a {adjective} {child} named {name}.",
            f"Once there was a {adjective} {child} called {name}, who lived in {city}.",
            f"{name} was a {adjective} {child}.",
            f"There was a {child} named {name}, who lived near the"
            f" {rng.choice(words.PLACES['near'])}.",
        )
    )


def _morning(rng):
    return rng.choice(
        (
            f"One {rng.choice(words.WEATHERS)} morning",
            f"One day in {rng.choice(words.THINGS['season'])}",
            f"On {rng.choice(words.THINGS['day'])}",
            f"One day in {rng.choice(words.THINGS['month'])}",
        )
    )


def _ending(rng, name, pronoun):
    return rng.choice(
        (
            f"{name} was very {rng.choice(('happy', 'glad', 'proud'))}.",
            "They were friends from that day on.",
            f"In the evening {pronoun} was tired and went to bed.",
            f"Then {name} went home and told the story to everyone.",
            "And they all lived happily.",
            f"It was the best day of the {rng.choice(('week', 'month', 'year'))}.",
        )
    )


def _lost_thing(rng, name, pronoun, her, _):
    color, thing = rng.choice(words.THINGS["color"]), rng.choice(words.OBJECTS)
    friend, _ = person(rng)
    first, second = _place(rng), _place(rng)
    looked = f"{capitalize(pronoun)} looked {first}, but the {thing} was not there."
    return [
        f"{_morning(rng)} {name} could not find {her} {color} {thing}.",
        looked,
        rng.choice((f"Then {friend} came to help.", f"{name} asked {friend} for help.")),
        f"They found the {thing} {second}.",
        f'"Thank you, {friend}!" said {name}.',
    ]


def _animal_friend(rng, name, pronoun, her, him):
    animal = rng.choice(words.THINGS["animal"] + words.THINGS["bird"])
    food = rng.choice(words.THINGS["food"] + words.THINGS["dessert"])
    adjective = rng.choice(words.ADJECTIVES)
    return [
        f"{_morning(rng)} {name} met {with_article(adjective)} {animal} {_place(rng)}.",
        f"The {animal} was {rng.choice(('hungry', 'sad', 'tired', 'lost'))}.",
        f"{name} gave the {animal} some {food}.",
        rng.choice(
            (
                f"The {animal} ate the {food} and followed {him} home.",
                f'"Thank you," said the {animal}, and {pronoun} smiled.',
                f"After that the {animal} came to see {him} every day.",
            )
        ),
    ]


def _cooking(rng, name, pronoun, her, _):
    dish = rng.choice(words.THINGS["dessert"] + words.THINGS["food"])
    fruit = plural(rng.choice(words.THINGS["fruit"] + words.THINGS["vegetable"]))
    drink = rng.choice(words.THINGS["drink"])
    friend, _ = person(rng)
    return [
        f"{_morning(rng)} {name} wanted to make {dish} for {friend}.",
        f"{capitalize(pronoun)} took {rng.choice(words.NUMBERS)} {fruit} from the"
        f" {rng.choice(words.PLACES['in'])}.",
        f"{capitalize(pronoun)} worked in the kitchen all morning.",
        f"Then {friend} came, and they ate the {dish} and drank {drink}.",
    ]


def _music(rng, name, pronoun, her, _):
    instrument = rng.choice(words.THINGS["instrument"])
    animal = rng.choice(words.THINGS["animal"])
    return [
        f"{_morning(rng)} {name} got {with_article(instrument)} from {her}"
        f" {rng.choice(('mother', 'father', 'uncle', 'aunt', 'brother', 'sister'))}.",
        f"{capitalize(pronoun)} played the {instrument} every day.",
        f"At first it sounded like {with_article(animal)}.",
        f"But soon {pronoun} played so well that people came to listen.",
    ]


def _garden(rng, name, pronoun, her, _):
    flower = plural(rng.choice(words.THINGS["flower"]))
    color = rng.choice(words.THINGS["color"])
    tree, bird = rng.choice(words.THINGS["tree"]), rng.choice(words.THINGS["bird"])
    return [
        f"{_morning(rng)} {name} planted {color} {flower} in the garden.",
        f"{capitalize(pronoun)} gave them water every morning.",
        f"{capitalize(with_article(bird))} sat in the {tree} tree and watched {her} work.",
        f"After {rng.choice(words.NUMBERS)} weeks the {flower} were tall and pretty.",
    ]


def _sport(rng, name, pronoun, her, _):
    sport = rng.choice(words.THINGS["sport"])
    friend, _ = person(rng)
    return [
        f"{_morning(rng)} {name} and {friend} went out for {sport}.",
        f"It was {rng.choice(words.WEATHERS)}, and they were {rng.choice(words.MOODS)}.",
        f'"I like {sport}," said {friend}.',
        f'"Me too," said {name}. "{capitalize(sport)} is fun."',
        f"Then they drank {rng.choice(words.THINGS['drink'])} and went home.",
    ]


_PLOTS = (_lost_thing, _animal_friend, _cooking, _music, _garden, _sport)


def story(rng, parts=None):
    character = _character(rng)
    name, pronoun = character[:2]
    sentences = [_opening(rng, name, pronoun)]
    for plot in rng.sample(_PLOTS, parts or rng.choice((1, 1, 2))):
        sentences += plot(rng, *character)
    return " ".join(sentences + [_ending(rng, name, pronoun)])


def _a_thing(rng):
    """A thing, its kind, and the thing with the article that it takes."""
    kind = rng.choice(sorted(words.THINGS))
    thing = rng.choice(words.THINGS[kind])
    return thing, kind, with_article(thing) if kind in words.COUNTED else thing


def knowledge(rng):
    """A question about the world and its answer: nothing of it needs a statement before it."""
    roll = rng.randrange(8)
    if roll == 0:
        thing, color = rng.choice(sorted(words.COLORS_OF.items()))
        return f"What color is {thing}?", f"{capitalize(thing)} is {color}."
    if roll == 1:
        animal, sound = rng.choice(sorted(words.SOUNDS.items()))
        return (f"What does {with_article(animal)} say?",
                f"{capitalize(with_article(animal))} says {sound}.")
    if roll == 2:
        animal, place = rng.choice(sorted(words.HOMES.items()))
        preposition = "on" if place == "snow" else "in"
        the = "the" if place in ("sea", "snow", "desert", "jungle") else "a"
        return (f"Where does {with_article(animal)} live?",
                f"{capitalize(with_article(animal))} lives {preposition} {the} {place}.")
    if roll == 3:
        season, event = rng.choice(sorted(words.WEATHER_OF_SEASON.items()))
        return f"What happens in {season}?", f"In {season} {event}."
    if roll == 4:
        days = words.THINGS[rng.choice(("day", "month"))]
        index = rng.randrange(len(days))
        return (f"What comes after {days[index]}?",
                f"After {days[index]} comes {days[(index + 1) % len(days)]}.")
    thing, kind, phrase = _a_thing(rng)
    verb = "are" if facts.is_plural(thing, kind) else "is"
    if roll == 5 and verb == "is" and kind != "weather":
        other = rng.choice(sorted(words.THINGS))
        if thing in words.THINGS[other]:
            return f"Is {phrase} {with_article(kind)}?", f"Yes, {phrase} is {with_article(kind)}."
        return f"Is {phrase} {with_article(other)}?", f"No, {phrase} is {with_article(kind)}."
    if kind == "weather":
        return f"What is {phrase}?", f"{capitalize(phrase)} is a kind of weather."
    kind_phrase = "a kind of food" if kind in ("food", "dessert") else with_article(kind)
    return f"What {verb} {phrase}?", f"{capitalize(phrase)} {verb} {kind_phrase}."


def description(rng):
    """A few sentences about one thing of the world."""
    thing, kind, phrase = _a_thing(rng)
    verb = "are" if facts.is_plural(thing, kind) else "is"
    kind_phrase = "kind of " + kind if kind in ("food", "dessert", "weather") else kind
    sentences = [f"{capitalize(phrase)} {verb} {with_article(kind_phrase)}."]
    many = plural(thing) if kind in words.COUNTED else thing
    if kind in ("animal", "bird", "insect"):
        color = rng.choice(words.THINGS["color"])
        sentences.append(f"{capitalize(many)} are {rng.choice(words.ADJECTIVES)} {kind}s.")
        sentences.append(f"{person(rng)[0]} saw {with_article(color)} {thing} {_place(rng)}.")
        if thing in words.SOUNDS:
            sentences.append(f"{capitalize(with_article(thing))} says {words.SOUNDS[thing]}.")
    elif kind in ("food", "fruit", "vegetable", "drink", "dessert"):
        eat = "drink" if kind == "drink" else "eat"
        name, _ = person(rng)
        sentences.append(f"People {eat} {many} in the {rng.choice(('morning', 'evening'))}.")
        taste = rng.choice(("cold", "hot", "sweet", "fresh"))
        sentences.append(f"{capitalize(many)} can be {taste}.")
        sentences.append(f"{name} has {many} {_place(rng)}.")
    elif kind in ("instrument", "toy", "flower", "tree", "shape"):
        name, pronoun = person(rng)
        sentences.append(f"{name} has {with_article(rng.choice(words.ADJECTIVES))} {thing}.")
        when = rng.choice(words.THINGS["day"])
        sentences.append(f"{capitalize(pronoun)} got the {thing} on {when}.")
        sentences.append(f"{capitalize(many)} can be {rng.choice(words.THINGS['color'])}.")
    elif kind == "color":
        things = rng.sample(words.OBJECTS, 2)
        sentences.append(f"The {things[0]} is {thing}, and the {things[1]} is {thing} too.")
        sentences.append(f"{capitalize(thing)} and {rng.choice(words.THINGS['color'])} are colors.")
    else:
        name, _ = person(rng)
        when = rng.choice(("today", "at night", "at school"))
        sentences.append(f"{name} thinks of {many} {when}.")
        sentences.append(f"{capitalize(many)} {verb} on the list.")
    return " ".join(sentences)


def day(rng):
    """A short diary entry."""
    name, pronoun, her, _ = _character(rng)
    when = rng.choice(words.THINGS["day"])
    sentences = [
        f"On {when} it was {rng.choice(words.WEATHERS)}.",
        f"{name} had {rng.choice(words.THINGS['food'])} and {rng.choice(words.THINGS['drink'])}.",
        f"Then {pronoun} went to the {rng.choice(words.PLACES['near'])} with {her}"
        f" {rng.choice(words.THINGS['animal'])}.",
        f"They saw {with_article(rng.choice(words.THINGS['bird']))} {_place(rng)}.",
        f"In the evening {pronoun} was {rng.choice(words.MOODS)}.",
    ]
    return " ".join(sentences[: rng.randint(3, 5)])
