#!/usr/bin/env python3
"""Trains small tokenizers of our own and records what the reference libraries make of a corpus.

Run by hand with the packages pinned below; its output, testdata/, is committed and the C++ tests need
no Python:

    pip install tokenizers==0.23.3 sentencepiece==0.2.3
    python tests/engine/tokenizer/make_goldens.py
"""

import io
import json
import pathlib
import random
import unicodedata

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

OUT = pathlib.Path(__file__).parent / "testdata"

WORDS = (
    "the quick brown fox jumps over a lazy dog don't I'LL we've it's HELLO World naïve café über "
    "straße İstanbul ſ K ﬁ ﬂ 'S 'ſ Привет мир 你好世界 こんにちは 안녕하세요 مرحبا بالعالم שלום नमस्ते দুনিয়া "
    "ไทย ภาษา ქართული Ελληνικά \u180e 1234567890 3.14159 1e-9 0xDEADBEEF ½ ² Ⅷ ١٢٣ <s> </s> <unk> "
    "<word> <left> <right> <both> <norm> <plain> <0x0A> \u2581 \u2581\u2581 Ġ x**2 {\"a\":[1,2]} "
    "for(int i=0;i<n;++i){} \\n http://a.b/c?d=e#f ... --- ___ !!! $€£ ©®™ 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 🇩🇪 ❤️ "
    "e\u0301 a\u0323\u0307 q\u0307\u0323 \u1100\u1161\u11a8 \u212b \u0344 \ufeff \u200b \u200d "
    "\u00a0 \u3000 \u2028 \u0085 \x00 \x01 \x1b \x7f \ufffd \U0010ffff \ue000 \U00020000 ａｂｃ "
    "１２３").split(" ")
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


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n")


def random_ids(size, count=120):
    rng = random.Random(7)
    return [[rng.randrange(size) for _ in range(rng.choice([1, 2, 3, 8, 20]))] for _ in range(count)]


ADDED = [
    AddedToken("<s>", special=True, normalized=False),
    AddedToken("</s>", special=True, normalized=False),
    AddedToken("<word>", single_word=True, normalized=False),
    AddedToken("<left>", lstrip=True, normalized=False, special=True),
    AddedToken("<right>", rstrip=True, normalized=False, special=True),
    AddedToken("<both>", lstrip=True, rstrip=True, single_word=True, normalized=False),
    AddedToken("<norm>", normalized=True),
    AddedToken("Café", normalized=True),
    AddedToken("   ", normalized=False),
]


def template(tokenizer):
    return processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A $B </s>",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<s>", "</s>")])


def save_tokenizer(name, tokenizer, seed):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(
        json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
    encodings = []
    for text in corpus(seed, 160):
        tokenizer.encode_special_tokens = False
        case = {"text": text, "ids": tokenizer.encode(text, add_special_tokens=False).ids,
                "with_special": tokenizer.encode(text).ids}
        tokenizer.encode_special_tokens = True
        case["as_text"] = tokenizer.encode(text, add_special_tokens=False).ids
        encodings.append(case)
    decodings = [{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=True),
                  "with_special": tokenizer.decode(ids, skip_special_tokens=False)}
                 for ids in [c["with_special"] for c in encodings[:60]]
                 + random_ids(tokenizer.get_vocab_size())]
    write(folder / "golden.json", {"encode": encodings, "decode": decodings})


def bpe(**options):
    return Tokenizer(models.BPE(**options))


def train(tokenizer, vocab_size, alphabet=None, special=()):
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, show_progress=False,
                                  initial_alphabet=alphabet or [], special_tokens=list(special))
    tokenizer.train_from_iterator(training_text(), trainer)
    return tokenizer


def byte_level():
    tokenizer = bpe()
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 500, pre_tokenizers.ByteLevel.alphabet())
    tokenizer.add_tokens(ADDED)
    tokenizer.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template(tokenizer)])
    save_tokenizer("byte_level", tokenizer, 11)


def ignore_merges():
    pattern = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
               r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
               r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|"
               r"\s+(?!\S)|\s+")
    tokenizer = bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 450, pre_tokenizers.ByteLevel.alphabet())
    state = json.loads(tokenizer.to_str())
    # A word that the merges do not reach: only the whole-word rule finds it.
    state["model"]["vocab"]["ĠHELLO"] = len(state["model"]["vocab"])
    state["model"]["ignore_merges"] = True
    state["model"]["merges"] = [" ".join(merge) for merge in state["model"]["merges"]]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens(ADDED)
    save_tokenizer("ignore_merges", tokenizer, 12)


def with_bytes(tokenizer, **model):
    """The trained tokenizer with byte tokens in its vocabulary."""
    state = json.loads(tokenizer.to_str())
    vocab = state["model"]["vocab"]
    for byte in range(256):
        vocab["<0x%02X>" % byte] = len(vocab)
    state["model"].update(model)
    return Tokenizer.from_str(json.dumps(state))


def metaspace():
    tokenizer = bpe(unk_token="<unk>")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    train(tokenizer, 300, special=["<unk>", "<s>", "</s>"])
    tokenizer = with_bytes(tokenizer, byte_fallback=True, fuse_unk=True)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)])
    tokenizer.add_tokens(ADDED)
    tokenizer.post_processor = template(tokenizer)
    save_tokenizer("metaspace", tokenizer, 13)


def prepended():
    """Llama 2's arrangement: a normalizer that prepends, no pre-tokenizer; unknown tokens unfused."""
    tokenizer = bpe(unk_token="<unk>")
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    train(tokenizer, 280, special=["<unk>", "<s>", "</s>"])
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_tokens(ADDED)
    tokenizer.post_processor = template(tokenizer)
    save_tokenizer("prepended", tokenizer, 14)


def affixes():
    tokenizer = bpe(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False, special_tokens=["<unk>"],
                                  continuing_subword_prefix="##", end_of_word_suffix="</w>")
    tokenizer.train_from_iterator(training_text(), trainer)
    save_tokenizer("affixes", tokenizer, 15)


def component(kind, value):
    return json.loads({
        "pre_tokenizer": lambda: tokenizer_json(pre_tokenizer=value),
        "normalizer": lambda: tokenizer_json(normalizer=value),
        "decoder": lambda: tokenizer_json(decoder=value)}[kind]())[kind]


def tokenizer_json(**parts):
    tokenizer = bpe()
    for name, value in parts.items():
        setattr(tokenizer, name, value)
    return tokenizer.to_str()


def components():
    texts = corpus(21, 30)
    cases = []
    behaviors = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
    pre = [pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)
           for prefix in (True, False) for regex in (True, False)]
    patterns = [Regex(r"\s"), Regex(r"\d+|\w"), Regex(r"\w+\b"),
                Regex(r"(?i:[a-k])x*"), Regex(r"\S{2,3}+"), Regex(r"^.|.$"), Regex(r"[\s\S]\h?"),
                Regex(r"x*"), " ", "a", "\u2581"]
    pre += [pre_tokenizers.Split(pattern, behavior, invert)
            for pattern in patterns for behavior in behaviors for invert in (False, True)
            if pattern is not patterns[-1] or behavior == "isolated"]
    pre += [pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
            for scheme in ("always", "first", "never") for split in (True, False)]
    pre += [pre_tokenizers.Digits(True), pre_tokenizers.Digits(False), pre_tokenizers.Whitespace(),
            pre_tokenizers.WhitespaceSplit()]
    pre += [pre_tokenizers.Punctuation(behavior) for behavior in behaviors]
    pre += [pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(
        prepend_scheme="first"), pre_tokenizers.Digits(True)])]
    for value in pre:
        cases.append({"kind": "pre_tokenizer", "json": component("pre_tokenizer", value),
                      "out": [[piece for piece, _ in value.pre_tokenize_str(text)]
                              for text in texts]})
    norm = [normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(),
            normalizers.Lowercase(), normalizers.Strip(), normalizers.Strip(left=False),
            normalizers.Strip(right=False), normalizers.Prepend("▁"),
            normalizers.Replace(" ", "▁"), normalizers.Replace(Regex(r"\s+"), "<>"),
            normalizers.Replace(Regex(r"x*"), "-"),
            normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(),
                                  normalizers.Replace(Regex(r"\p{M}"), "")])]
    for value in norm:
        cases.append({"kind": "normalizer", "json": component("normalizer", value),
                      "out": [value.normalize_str(text) for text in texts]})
    token_lists = [["▁Hello", "▁wor", "ld", "▁▁"], ["▁▁a", "▁", "b▁"], ["<0xF0>", "<0x9F>", "<0x98>",
                   "<0x80>", "x", "<0xC3>", "y", "<0x41>", "<0xC3>"], ["ĠHi", "Ã", "©", "é", "Ġ"],
                   ["  a  ", " b", "c ", "   "], [" ", " ", "x", " ", " "], []]
    dec = [decoders.ByteLevel(), decoders.ByteFallback(), decoders.Fuse(), decoders.Metaspace(),
           decoders.Metaspace(prepend_scheme="never"), decoders.Replace("▁", " "),
           decoders.Replace(Regex(r"[a-d]+"), "_"), decoders.Strip(" ", 1, 0),
           decoders.Strip(" ", 1, 1),
           decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                              decoders.Strip(" ", 1, 1)])]
    for value in dec:
        lists, out = [], []
        for tokens in token_lists:
            try:
                out.append(value.decode(list(tokens)))
                lists.append(tokens)
            except BaseException:  # Strip panics on a token that is shorter than what it strips.
                pass
        cases.append({"kind": "decoder", "json": component("decoder", value), "in": lists,
                      "out": out})
    write(OUT / "components.json", {"texts": texts, "cases": cases})


def save_sentencepiece(name, seed, config=None, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(training_text()), model_writer=model, num_threads=1,
        minloglevel=2, **options)
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    if config is not None:
        write(folder / "tokenizer_config.json", config)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    texts = corpus(seed, 160)
    write(folder / "golden.json", {
        "encode": [{"text": text, "ids": processor.encode(text)} for text in texts],
        "decode": [{"ids": ids, "text": processor.decode(ids)}
                   for ids in [processor.encode(text) for text in texts[:60]]
                   if processor.unk_id() not in ids]})


def sentencepieces():
    save_sentencepiece("sp_bpe", 31, model_type="bpe", vocab_size=520, byte_fallback=True,
                       normalization_rule_name="identity", remove_extra_whitespaces=False,
                       user_defined_symbols=["<word>", "ing"], control_symbols=["<left>"],
                       split_digits=True)
    save_sentencepiece("sp_bpe_unknown", 32, model_type="bpe", vocab_size=240,
                       character_coverage=0.98)
    save_sentencepiece("sp_unigram", 33, model_type="unigram", vocab_size=400, hard_vocab_limit=False,
                       user_defined_symbols=["<word>"])
    save_sentencepiece("sp_unigram_bytes", 34, model_type="unigram", vocab_size=480, hard_vocab_limit=False,
                       byte_fallback=True, normalization_rule_name="identity")


if __name__ == "__main__":
    byte_level()
    ignore_merges()
    metaspace()
    prepended()
    affixes()
    components()
    sentencepieces()
