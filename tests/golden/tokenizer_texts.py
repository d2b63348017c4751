"""The texts that generate_tokenizers.py trains its tokenizers on and tries them with."""

import functools
import random
import subprocess
import sys
import unicodedata

from tokenizers import normalizers, pre_tokenizers

WORDS = (
    "the quick brown fox jumps over a lazy dog don't I'LL we've it's HELLO World naïve café über "
    "straße İstanbul ſ K ﬁ ﬂ 'S 'ſ Привет мир 你好世界 こんにちは 안녕하세요 مرحبا بالعالم שלום नमस्ते দুনিয়া "
    "ไทย ภาษา ქართული Ελληνικά \u180e 1234567890 3.14159 1e-9 0xDEADBEEF ½ ² Ⅷ ١٢٣ <s> </s> <unk> "
    "<word> <left> <right> <both> <norm> <plain> <0x0A> \u2581 \u2581\u2581 Ġ x**2 {\"a\":[1,2]} "
    "for(int i=0;i<n;++i){} \\n http://a.b/c?d=e#f ... --- ___ !!! $€£ ©®™ 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 ❤️ "
    "e\u0301 a\u0323\u0307 q\u0307\u0323 \u1100\u1161\u11a8 \u212b \u0344 \ufeff \u200b \u200d "
    "\u00a0 \u3000 \u2028 \u0085 \x00 \x01 \x1b \x7f \ufffd \U0010ffff \ue000 \U00020000 ａｂｃ "
    "１２３").split(" ")
PHRASES = (
    "The lamp is lit; who is it for?|Das Boot fährt über den Fluß, größer als je.|L'été, où êtes-vous allés ?|"
    "¿Dónde está el niño? ¡Aquí!|Łódź żółta gęś, čeština ř ů|Καλημέρα, πώς είσαι σήμερα;|Доброе утро, ёлка! Їжак|"
    "Բարեւ, ինչպե՞ս ես։|გამარჯობა, როგორ ხარ?|שָׁלוֹם, מַה שְּׁלוֹמְךָ?|مَرْحَبًا، كيف حالك؟|سلام، حال شما چطور است؟|"
    "नमस्ते, आप कैसे हैं? क्षत्रिय|ক্ষমা করবেন, কেমন আছেন?|வணக்கம், எப்படி இருக்கிறீர்கள்?|ನಮಸ್ಕಾರ ಹೇಗಿದ್ದೀರಿ|"
    "സുഖമാണോ? ക്ഷമിക്കണം|สวัสดีครับ สบายดีไหม|ສະບາຍດີ ເຈົ້າ|བཀྲ་ཤིས་བདེ་ལེགས།|မင်္ဂလာပါ နေကောင်းလား|សួស្តី អ្នកសុខសប្បាយ|"
    "今日は、元気ですか？ｶﾞｷﾞ パピプ|你好，今天天气怎么样？|안녕하세요, 잘 지내세요? ᄒᆞᆫ글|ᠮᠣᠩᠭᠣᠯ|ሰላም፣ እንዴት ነህ?|ᏣᎳᎩ Ꭰꭰ|"
    "👨‍👩‍👧‍👦 🧑🏽‍🚀 👩🏿‍❤️‍👨🏻 🏴‍☠️ 🇫🇷🇯🇵🇧 ☺️ 1️⃣ ❤ 🤷🏻‍♀️|e\u0301\u0323\u0302 Z\u0351\u036b\u0343A\u0321 o\u0308\u0304 \u0915\u093c|"
    "a\x00b\x01c\x1f\x7f\x80\x9f\x85\u200b\u200e\u202e\u2066\ufeff\ufff9d|ﬃ ﷺ ㎏ ① Ⅸ ﹏ ｱ ½ ﾞ ㈱ ª|x ² ₃ ⁷ ℌ ℕ ＡＢ ｃ|"
    "def f(x):\n\treturn x**2  # ok\n\n\n|  two  spaces   three    |tab\tand\r\nlines\n|I'm he's we'll they've you'd DON'T|"
    "x = 3.14e-10; y=0xFF_FF; 1,234,567.89|https://example.org/a?b=c&d=%20#e f@g.hi|<s>[INST] <word> </s> <unk> <pad>").split("|")
# The patterns of published tokenizers that need more of the language than most.
KIMI = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
        r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?"
        r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
            r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n", "\n ", "        ", "\u00a0", "\u3000"]
RANGES = [(0x20, 0x7E)] * 4 + [
    (0, 0x1F), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF),
    (0xE00, 0xEFF), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x30FF),
    (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFE00, 0xFFEF), (0x1F300, 0x1FAFF),
    (0x20000, 0x2A6DF), (0, 0x10FFFF)]


def training_text(seed=1, lines=600):
    """Sentences of a little world, so that the files are ours."""
    rng = random.Random(seed)
    names = "Anna Ben Carla Dmitri Émile Fatima Günther Hana Иван 美咲 Ольга José".split()
    verbs = "sees likes paints finds counts carries whispers explains".split()
    things = "a red kite,12 small boats,the old lighthouse,three cafés,some bread,a 2nd map,ящик,猫".split(",")
    ends = ["at noon.", "in 1999!", "near the harbour?", "— quietly.", "(again).", "don't ask why."]
    return [" ".join([rng.choice(names), rng.choice(verbs), rng.choice(things), rng.choice(ends)])
            for _ in range(lines)]


def corpus(seed, count):
    """Strings of code points that Unicode 14 knows, which every library here agrees on."""
    rng = random.Random(seed)
    texts = ["", " ", "  ", "\n", "a", " a", "a ", "Anna likes the old lighthouse at noon.", "\u2581a"]
    while len(texts) < count:
        text = ""
        for _ in range(rng.choice([1, 2, 3, 5, 8, 13, 21])):
            kind = rng.random()
            if kind < 0.4:
                text += rng.choice(WORDS)
            elif kind < 0.65:
                text += rng.choice(SPACES)
            else:
                low, high = rng.choice(RANGES)
                for _ in range(rng.choice([1, 1, 2, 4])):
                    code = rng.randint(low, high)
                    if not 0xD800 <= code <= 0xDFFF and unicodedata.category(chr(code)) != "Cn":
                        text += chr(code)
        texts.append(text)
    return texts


def shared_corpus():
    """What the vocabularies without texts of their own are tried on: corpus.json."""
    known = known_code_points()
    texts = ["".join(c for c in text if any(first <= ord(c) <= last for first, last in known))
             for text in corpus(40, 100)]
    return PHRASES + texts


# Random strings -----------------------------------------------------------------------------------
#
# Drawn alike here and in tests/engine/tokenizer/random_strings_test.cc, which knows the generator.

STRINGS, CHUNK = 10_000, 100
MASK = (1 << 64) - 1


@functools.cache
def known_code_points():
    """Ranges of code points whose properties the package and our libraries agree on: those of
    Unicode 8, which is as far as the package's oldest tables go, but for the ones that have
    changed their category since."""
    ranges = subprocess.run(
        ["perl", "-e", "for my $c (0..0x10FFFF) { next if $c >= 0xD800 && $c <= 0xDFFF; "
         "print \"$c\\n\" if chr($c) =~ /\\p{Present_In: 8.0}/ }"],
        check=True, capture_output=True, text=True).stdout.split()
    marks, accents = normalizers.StripAccents(), normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False,
                                       strip_accents=False, lowercase=False)
    punctuation, digits_ = pre_tokenizers.Punctuation(), pre_tokenizers.Digits()
    changed, known = [], []
    for code in map(int, ranges):
        c = chr(code)
        category = unicodedata.category(c)
        is_ascii = code < 0x80
        same = ((marks.normalize_str(c) == "") == (category[0] == "M")
                and (accents.normalize_str(c) == "") == (category == "Mn")
                and (clean.normalize_str(c) == "") == (
                    (category[0] == "C" and c not in "\t\n\r") or code == 0xFFFD)
                and (is_ascii or (len(punctuation.pre_tokenize_str("a" + c)) == 2) == (category[0] == "P"))
                and (len(digits_.pre_tokenize_str("a" + c)) == 2) == (category[0] == "N"))
        (known if same else changed).append(code)
    print("known but changed:", " ".join("%04X" % code for code in changed), file=sys.stderr)
    result = []
    for code in known:
        if result and result[-1][1] == code - 1:
            result[-1][1] = code
        else:
            result.append([code, code])
    return result


class Generator:
    """SplitMix64 (Steele, Lea and Flood 2014)."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return (z ^ (z >> 31)) % bound


# Of what a string is made of, beside any known code point: what scripts, spaces, marks, jamo,
# joiners and tokens do to each other.
FRAGMENTS = [" ", " ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "e", "a", "the", "Anna", "'s", "1", "23",
             ".", "\u0301", "\u0323", "\u0308", "\u200d", "\ufe0f", "\u1100", "\u1161", "\u11a8", "\u3099", "\u094d",
             "<s>", "<word>", "<both>", "\u2581", "\U0001f469", "\U0001f3fd", "\U0001f1eb", "\u4f60", "\u0000", "\u001b"]


def random_string(generator, known, total):
    text = ""
    for _ in range(1 + generator.below(12)):
        if generator.below(2) == 0:
            text += FRAGMENTS[generator.below(len(FRAGMENTS))]
            continue
        place = generator.below(total)
        for first, last in known:
            if place <= last - first:
                text += chr(first + place)
                break
            place -= last - first + 1
    return text


def fnv1a(data, value=0xCBF29CE484222325):
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value
