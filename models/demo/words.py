"""The words of the demo model's little world, and the pairs that are held out of its training."""


def _words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


# Things that can be somebody's favorite, by kind. Written as they are inside a sentence.
THINGS = {
    "color": _words(
        "blue, red, green, yellow, orange, purple, pink, brown, black, white, gray, gold, silver,"
        " turquoise, violet, scarlet, indigo, beige, crimson, teal, navy blue, light green"
    ),
    "animal": _words(
        "cat, dog, horse, cow, pig, sheep, goat, rabbit, mouse, fox, wolf, bear, lion, tiger,"
        " elephant, monkey, giraffe, zebra, deer, squirrel, frog, turtle, hedgehog, camel, otter,"
        " panda, donkey, kangaroo, koala, whale, dolphin, seal, badger, beaver"
    ),
    "bird": _words(
        "owl, eagle, robin, sparrow, duck, goose, swan, hen, crow, parrot, penguin, pigeon, hawk,"
        " stork, raven, peacock"
    ),
    "food": _words(
        "bread, soup, cheese, rice, pasta, pizza, salad, stew, fish, eggs, porridge, noodles,"
        " sandwiches, pancakes, potatoes, beans, toast, curry, dumplings, chicken, butter, tofu"
    ),
    "fruit": _words(
        "apple, pear, plum, cherry, banana, grape, peach, lemon, melon, mango, strawberry,"
        " raspberry, apricot, fig, lime, kiwi, blueberry, pineapple"
    ),
    "vegetable": _words(
        "carrot, onion, tomato, cabbage, pumpkin, spinach, cucumber, pepper, corn, broccoli,"
        " celery, beet, radish, lettuce, leek, turnip"
    ),
    "drink": _words(
        "tea, coffee, milk, water, juice, lemonade, cocoa, cider, apple juice, green tea,"
        " hot chocolate, orange juice, soda, ginger tea, buttermilk"
    ),
    "dessert": _words(
        "cake, ice cream, pie, pudding, chocolate, cookies, jelly, honey, candy, custard,"
        " apple pie, waffles, muffins, fudge"
    ),
    "season": _words("spring, summer, autumn, winter"),
    "sport": _words(
        "football, tennis, swimming, running, basketball, hockey, golf, skiing, skating, rowing,"
        " cycling, baseball, boxing, volleyball, fencing, judo, sailing, archery"
    ),
    "hobby": _words(
        "reading, painting, cooking, fishing, gardening, singing, dancing, knitting, drawing,"
        " baking, hiking, writing, sewing, juggling, camping, pottery"
    ),
    "game": _words("chess, tag, cards, hide and seek, dominoes, checkers, marbles, darts"),
    "instrument": _words(
        "piano, violin, guitar, drum, flute, trumpet, harp, cello, clarinet, bell, accordion,"
        " banjo, oboe, trombone, organ, saxophone"
    ),
    "flower": _words(
        "rose, tulip, daisy, lily, sunflower, poppy, violet, orchid, daffodil, lavender, iris,"
        " marigold, snowdrop"
    ),
    "tree": _words("oak, pine, birch, maple, willow, ash, cedar, chestnut, elm, beech, poplar"),
    "toy": _words(
        "ball, kite, doll, puzzle, train, robot, teddy bear, yo-yo, top, rocking horse, wagon"
    ),
    "insect": _words("bee, butterfly, ant, beetle, ladybug, dragonfly, cricket, moth, firefly"),
    "subject": _words("math, history, music, art, science, geography, spelling, biology, physics"),
    "weather": _words("sunshine, rain, snow, wind, fog, thunder, hail, mist"),
    "shape": _words("circle, square, triangle, star, heart, oval, diamond, cube, spiral"),
    "metal": _words("iron, copper, tin, bronze, steel, brass, nickel, zinc"),
    "day": _words("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "month": _words(
        "January, February, March, April, May, June, July, August, September, October, November,"
        " December"
    ),
    "city": _words(
        "Paris, London, Rome, Berlin, Madrid, Tokyo, Lisbon, Vienna, Oslo, Cairo, Boston, Prague,"
        " Dublin, Athens, Delhi, Lima, Chicago, Venice"
    ),
}

# Pairs whose thing never stands in any sentence of the training text that says or asks what
# somebody likes best, whatever the kind. `evaluate.py` asks exactly these.
HELD_OUT = {
    "color": _words("blue, yellow, purple, brown, turquoise, crimson"),
    "animal": _words("tiger, horse, rabbit, elephant, otter, squirrel"),
    "bird": _words("owl, swan, penguin"),
    "food": _words("pasta, cheese, soup, pancakes, rice"),
    "fruit": _words("banana, cherry, mango, peach"),
    "vegetable": _words("pumpkin, spinach"),
    "drink": _words("tea, lemonade, milk"),
    "dessert": _words("pudding, ice cream"),
    "season": _words("winter, spring"),
    "sport": _words("tennis, swimming, hockey, golf"),
    "hobby": _words("painting, fishing"),
    "instrument": _words("violin, harp, trumpet"),
    "flower": _words("tulip, daisy"),
    "tree": _words("oak, willow"),
    "toy": _words("kite"),
    "day": _words("Friday"),
    "month": _words("July"),
    "city": _words("Rome"),
}

# Kinds whose things take an article in the middle of a sentence: "a tiger", "the violin".
COUNTED = {
    "animal", "bird", "fruit", "vegetable", "instrument", "flower", "tree", "toy", "insect", "shape"
}

PLURAL_KINDS = {kind: kind + "s" for kind in THINGS}
PLURAL_KINDS.update(city="cities", hobby="hobbies")

IRREGULAR_PLURALS = {
    "mouse": "mice", "sheep": "sheep", "deer": "deer", "wolf": "wolves", "goose": "geese",
    "corn": "corn", "broccoli": "broccoli", "spinach": "spinach", "celery": "celery",
    "lavender": "lavender",
}

PEOPLE = {
    "she": _words(
        "Anna, Emma, Lily, Mia, Sara, Lucy, Nora, Ella, Rosa, Clara, Alice, Julia, Maria, Eva,"
        " Kate, Zoe, Ruth, Hannah, Olga, Wanda, Ivy, Priya, Aisha"
    ),
    "he": _words(
        "Tom, Ben, Max, Sam, Leo, Jack, Paul, Peter, Oscar, Felix, David, Adam, Noah, Henry, Luke,"
        " Omar, Finn, Hugo, Carlos, Ravi, Walter, George, Ken"
    ),
}

PLACES = {
    "on": _words("table, chair, shelf, bed, roof, floor, bench, wall, stairs, desk"),
    "in": _words("box, bag, basket, garden, kitchen, drawer, barn, car, boat, forest, park, house"),
    "under": _words("table, tree, bridge, bed, stairs, chair, blanket"),
    "near": _words("river, lake, door, window, school, station, mill, well, fence, gate"),
    "behind": _words("door, house, curtain, barn, hill, wall, fence"),
}

OBJECTS = _words(
    "hat, coat, shoe, book, cup, key, lamp, clock, pen, bike, scarf, bag, box, ball, kite, spoon,"
    " plate, bottle, door, umbrella, letter, map, ring, blanket, pencil, boat, car, house, bowl,"
    " chair, candle, ladder, mirror, basket, hammer, rope, coin, shirt, sock, glove"
)

JOBS = _words(
    "baker, teacher, doctor, farmer, painter, singer, driver, cook, nurse, sailor, pilot, gardener,"
    " writer, builder, dancer, tailor, fisherman, librarian, carpenter, shepherd"
)

WEATHERS = _words("sunny, rainy, windy, snowy, cloudy, foggy, warm, cold, hot, stormy, icy, mild")

NUMBERS = _words("two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, twenty")

ADJECTIVES = _words(
    "big, small, old, new, little, nice, soft, round, bright, quiet, strange, pretty, heavy, clean"
)

MOODS = _words("happy, sad, tired, hungry, glad, proud, brave, sleepy, excited, calm")

PET_NAMES = _words(
    "Rex, Bella, Spot, Coco, Luna, Milo, Daisy, Rocky, Ginger, Fluffy, Biscuit, Pepper, Shadow,"
    " Sunny, Snowball, Patch, Whiskers, Buddy"
)

RELATIONS = _words(
    "best friend, friend, brother, sister, teacher, neighbor, uncle, aunt, cousin, doctor, boss"
)

# What is known of the world: (question, answer).
COLORS_OF = {
    "the sky": "blue", "the sea": "blue", "grass": "green", "snow": "white", "the sun": "yellow",
    "milk": "white", "coal": "black", "chocolate": "brown", "a lemon": "yellow",
    "a banana": "yellow", "a cherry": "red", "a carrot": "orange", "a pumpkin": "orange",
    "an elephant": "gray", "a crow": "black", "a frog": "green", "a swan": "white",
    "a plum": "purple", "a strawberry": "red", "a tomato": "red", "a fox": "red",
    "a mouse": "gray", "rice": "white", "tea": "brown", "lavender": "purple", "a bear": "brown",
}

SOUNDS = {
    "cat": "meow", "dog": "woof", "cow": "moo", "sheep": "baa", "duck": "quack", "pig": "oink",
    "owl": "hoot", "bee": "buzz", "mouse": "squeak", "crow": "caw", "frog": "croak",
    "lion": "roar", "hen": "cluck", "horse": "neigh",
}

HOMES = {
    "bee": "hive", "bird": "nest", "dog": "kennel", "horse": "stable", "fox": "den", "bear": "cave",
    "fish": "sea", "cow": "barn", "frog": "pond", "whale": "sea", "penguin": "snow",
    "camel": "desert", "monkey": "jungle", "owl": "hollow tree", "rabbit": "burrow",
}

WEATHER_OF_SEASON = {
    "spring": "the flowers bloom", "summer": "the days are long and hot",
    "autumn": "the leaves fall", "winter": "the snow falls",
}
