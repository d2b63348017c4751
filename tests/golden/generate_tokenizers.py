#!/usr/bin/env python3
"""Trains small tokenizers of our own and records what the reference libraries make of a corpus.

Run by hand with the packages pinned below; its output, tests/engine/tokenizer/testdata/, is committed
and the C++ tests need no Python:

    pip install tokenizers==0.23.3 sentencepiece==0.2.3
    python tests/golden/generate_tokenizers.py [NAME...]

NAME is a function below; none stands for all. A trainer does not break ties the same way twice, so
that a vocabulary changes whenever it is trained: name what you mean to renew. `random_strings` reads
the vocabularies that are there.
"""

import io
import json
import pathlib
import random
import sys
import tempfile
import unicodedata

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

from tokenizer_texts import (CHUNK, DEEPSEEK, KIMI, STRINGS, PHRASES, Generator, corpus, fnv1a,
                             known_code_points, random_string, shared_corpus, training_text)

OUT = pathlib.Path(__file__).parent.parent / "engine" / "tokenizer" / "testdata"

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


def save_tokenizer(name, tokenizer, seed=None):
    """With texts of its own where it has a seed, else with corpus.json."""
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(
        json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
    encodings = []
    for text in shared_corpus() if seed is None else corpus(seed, 160):
        tokenizer.encode_special_tokens = False
        case = {} if seed is None else {"text": text}
        case |= {"ids": tokenizer.encode(text, add_special_tokens=False).ids,
                 "with_special": tokenizer.encode(text).ids}
        tokenizer.encode_special_tokens = True
        case["as_text"] = tokenizer.encode(text, add_special_tokens=False).ids
        if seed is None:  # Compact: what is equal is left out.
            around = tokenizer.num_special_tokens_to_add(False)
            if around == 0:
                del case["with_special"]
            if case["as_text"] == case["ids"]:
                del case["as_text"]
        encodings.append(case)
    decodings = [{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=True),
                  "with_special": tokenizer.decode(ids, skip_special_tokens=False)}
                 for ids in ([c["with_special"] for c in encodings[:60]] if seed is not None else [])
                 + random_ids(tokenizer.get_vocab_size(), 120 if seed is not None else 60)]
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


def small_charsmap():
    """A table of replacements in sentencepiece's format, from rules of our own."""
    rules = {"ﬁ": "fi", "ﬂ": "fl", "é": "e", "e\u0301": "é", "\u212b": "\u00c5", "ａ": "a", "ｂ": "b", "\u3000": " ", "\u00a0": " ",
             "\u200b": "", "\ufeff": "", "\t": " ", "\n": " ", "\r": " ", "½": "1/2", "ｶ": "カ", "ｶ\uff9e": "ガ",
             "が": "か\u3099", "か": "カ", "你": "您", "👍": "+", "👍🏽": "++", "\u0627\u0653": "\u0622", "\u0915\u093c": "\u0958", "ab": "AB",
             "a": "α"}
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        for source, target in rules.items():
            file.write(" ".join("%X" % ord(c) for c in source) + "\t" +
                       " ".join("%X" % ord(c) for c in target) + "\n")
        file.flush()
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(training_text()), model_writer=model, minloglevel=2,
            model_type="unigram", vocab_size=200, hard_vocab_limit=False, num_threads=1,
            normalization_rule_tsv=file.name)
    return charsmap_of(model.getvalue())


def charsmap_of(model):
    """normalizer_spec.precompiled_charsmap of a tokenizer.model."""
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    return proto.normalizer_spec.precompiled_charsmap


def train_unigram(tokenizer, vocab_size, special):
    tokenizer.train_from_iterator(training_text(), trainers.UnigramTrainer(
        vocab_size=vocab_size, show_progress=False, special_tokens=list(special),
        unk_token="<unk>"))
    return tokenizer


def unigram():
    """T5's and XLM-R's arrangement."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(small_charsmap()), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    train_unigram(tokenizer, 400, ["<pad>", "</s>", "<unk>"])
    tokenizer.add_tokens(ADDED)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>",
        special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    save_tokenizer("unigram", tokenizer)


def unigram_bytes():
    """Without a pre-tokenizer, unknown text as bytes; integer scores among the others."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    train_unigram(tokenizer, 350, ["<unk>", "<s>", "</s>"])
    state = json.loads(tokenizer.to_str())
    state["model"]["vocab"] += [["<0x%02X>" % byte, 0] for byte in range(256)]
    state["model"]["byte_fallback"] = True
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
         decoders.Strip(" ", 1, 0)])
    tokenizer.add_tokens(ADDED)
    save_tokenizer("unigram_bytes", tokenizer)


def word_piece():
    """BERT's arrangement."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(training_text(), trainers.WordPieceTrainer(
        vocab_size=350, show_progress=False, special_tokens=special))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_tokens(ADDED)
    save_tokenizer("word_piece", tokenizer)


def word_level():
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.UnicodeScripts(), pre_tokenizers.Whitespace()])
    tokenizer.train_from_iterator(training_text() + PHRASES, trainers.WordLevelTrainer(
        vocab_size=400, show_progress=False, special_tokens=["<unk>", "<s>", "</s>"]))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    tokenizer.add_tokens(ADDED)
    save_tokenizer("word_level", tokenizer)


def word_suffix():
    """The first GPT's arrangement."""
    tokenizer = bpe(unk_token="<unk>", end_of_word_suffix="</w>")
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(training_text(), trainers.BpeTrainer(
        vocab_size=350, show_progress=False, special_tokens=["<unk>"], end_of_word_suffix="</w>"))
    tokenizer.decoder = decoders.BPEDecoder()
    save_tokenizer("word_suffix", tokenizer)


def byte_normalizer():
    """Bytes spelled by the normalizer; no pre-tokenizer."""
    tokenizer = bpe()
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.ByteLevel()])
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 400, pre_tokenizers.ByteLevel.alphabet())
    tokenizer.add_tokens(ADDED)
    save_tokenizer("byte_normalizer", tokenizer)


def split_spaces():
    """Gemma's arrangement: spaces end pieces, bytes fall back."""
    tokenizer = bpe(unk_token="<unk>", fuse_unk=True)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_previous")
    train(tokenizer, 300, special=["<pad>", "</s>", "<s>", "<unk>"])
    tokenizer = with_bytes(tokenizer, byte_fallback=True)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.post_processor = template(tokenizer)
    tokenizer.add_tokens(ADDED)
    save_tokenizer("split_spaces", tokenizer)


def digits():
    """Llama 3's and DeepSeek's kind of arrangement: several splits, digits alone, bytes."""
    tokenizer = bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"[\r\n]"), "isolated"),
        pre_tokenizers.Split(Regex(r"\s?\p{L}+"), "isolated"),
        pre_tokenizers.Split(Regex(r"\s?\p{P}+"), "isolated"),
        pre_tokenizers.Split(Regex(r"[一-龥ࠀ-一가-퟿]+"), "isolated"),
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    train(tokenizer, 400, pre_tokenizers.ByteLevel.alphabet())
    tokenizer.add_tokens(ADDED)
    save_tokenizer("digits", tokenizer)


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


def record_pre_tokenizers(values, texts, cases):
    cases += [{"kind": "pre_tokenizer", "json": component("pre_tokenizer", value),
               "out": [[piece for piece, _ in value.pre_tokenize_str(text)] for text in texts]}
              for value in values]


def record_normalizers(values, texts, cases):
    cases += [{"kind": "normalizer", "json": component("normalizer", value),
               "out": [value.normalize_str(text) for text in texts]} for value in values]


def components():
    texts, cases = corpus(21, 30), []
    more = {"texts": PHRASES, "cases": []}
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
    record_pre_tokenizers(pre, texts, cases)
    record_pre_tokenizers([pre_tokenizers.BertPreTokenizer(),
                           pre_tokenizers.CharDelimiterSplit("a"),
                           pre_tokenizers.CharDelimiterSplit("é"),
                           pre_tokenizers.UnicodeScripts(), pre_tokenizers.Punctuation(),
                           pre_tokenizers.Digits(), pre_tokenizers.Whitespace()]
                          + [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in (
                              r" ?[^(\s|[.,!?…。，、।۔،])]+", r"[\p{L}&&[^\p{Han}]]+", r"[^\p{L}&&\w]+",
                              KIMI, DEEPSEEK, r"[a-k[^\w]]+", r"\p{Han}+|\p{Katakana}+", r"[\W\d[x-z]]+")],
                          more["texts"], more["cases"])
    norm = [normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(),
            normalizers.Lowercase(), normalizers.Strip(), normalizers.Strip(left=False),
            normalizers.Strip(right=False), normalizers.Prepend("▁"),
            normalizers.Replace(" ", "▁"), normalizers.Replace(Regex(r"\s+"), "<>"),
            normalizers.Replace(Regex(r"x*"), "-"),
            normalizers.Sequence([normalizers.NFKD(), normalizers.Lowercase(),
                                  normalizers.Replace(Regex(r"\p{M}"), "")])]
    record_normalizers(norm, texts, cases)
    norm = [normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(),
            normalizers.Lowercase(), normalizers.StripAccents(), normalizers.Nmt(),
            normalizers.ByteLevel(), normalizers.Precompiled(small_charsmap()),
            normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])]
    norm += [normalizers.BertNormalizer(clean_text=clean, handle_chinese_chars=clean,
                                        strip_accents=accents, lowercase=lowercase)
             for clean in (True, False) for accents in (True, False, None)
             for lowercase in (True, False)]
    record_normalizers(norm, more["texts"], more["cases"])
    token_lists = [["▁Hello", "▁wor", "ld", "▁▁"], ["▁▁a", "▁", "b▁"], ["<0xF0>", "<0x9F>", "<0x98>",
                   "<0x80>", "x", "<0xC3>", "y", "<0x41>", "<0xC3>"], ["ĠHi", "Ã", "©", "é", "Ġ"],
                   ["  a  ", " b", "c ", "   "], [" ", " ", "x", " ", " "], [],
                   ["I", "do", " n't", "##know", " .", "he", " '", "##s ' ", "a do not b", "##", ","],
                   ["a</w>", "b", "c</w>d</w>", "e</w>"],
                   ["<pad>", "h", "h", "<pad>", "h", "e", "|", "|", "<pad>", "|", "ll<pad>o", "!", " ."]]
    dec = [decoders.ByteLevel(), decoders.ByteFallback(), decoders.Fuse(), decoders.Metaspace(),
           decoders.Metaspace(prepend_scheme="never"), decoders.Replace("▁", " "),
           decoders.Replace(Regex(r"[a-d]+"), "_"), decoders.Strip(" ", 1, 0),
           decoders.Strip(" ", 1, 1), decoders.WordPiece(), decoders.WordPiece(cleanup=False),
           decoders.WordPiece(prefix="a"), decoders.BPEDecoder(), decoders.BPEDecoder(suffix="a"),
           decoders.CTC(), decoders.CTC(cleanup=False),
           decoders.Sequence([decoders.CTC(), decoders.WordPiece(), decoders.Fuse()]),
           decoders.Sequence([decoders.Fuse(), decoders.Replace(Regex(r"[a-e]+ ?"), "_")]),
           decoders.Sequence([decoders.Metaspace(), decoders.ByteLevel(), decoders.WordPiece(),
                              decoders.Sequence([decoders.BPEDecoder(suffix="l")]),
                              decoders.Strip("h", 1, 1)]),
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
    write(OUT / "components.json", [{"texts": texts, "cases": cases}, more])


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


def precompiled_of_a_model():
    """What sentencepiece's own full table, that of sp_unigram, does as a normalizer."""
    charsmap = charsmap_of((OUT / "sp_unigram" / "tokenizer.model").read_bytes())
    normalizer = normalizers.Precompiled(charsmap)
    texts = shared_corpus()
    write(OUT / "precompiled.json", {"texts": texts,
                                     "out": [normalizer.normalize_str(text) for text in texts]})


def random_strings():
    """Of each hundred of the random strings, a hash of the ids and one of what they decode to."""
    known = known_code_points()
    # Private use, 137,468 of them, would be most of what is drawn: the first 256 of each area.
    known = [[first, min(last, first + 255)] if unicodedata.category(chr(first)) == "Co"
             else [first, last] for first, last in known]
    total = sum(last - first + 1 for first, last in known)
    write(OUT / "known_code_points.json", known)
    generator = Generator(2026)
    texts = [random_string(generator, known, total) for _ in range(STRINGS)]
    result = {"texts": []}
    for chunk in range(0, STRINGS, CHUNK):
        result["texts"].append("%016x" % fnv1a("\0".join(texts[chunk:chunk + CHUNK]).encode()))
    for path in sorted(OUT.glob("*/tokenizer.json")):
        tokenizer = Tokenizer.from_file(str(path))
        ids, decoded = [], []
        for chunk in range(0, STRINGS, CHUNK):
            encodings = [e.ids for e in tokenizer.encode_batch(texts[chunk:chunk + CHUNK],
                                                               add_special_tokens=False)]
            words = b"".join(b"".join(id_.to_bytes(4, "little") for id_ in one) + b"\xff" * 4
                             for one in encodings)
            ids.append("%016x" % fnv1a(words))
            back = [tokenizer.decode(one, skip_special_tokens=False) for one in encodings]
            decoded.append("%016x" % fnv1a("\0".join(back).encode()))
        result[path.parent.name] = {"ids": ids, "decoded": decoded}
    write(OUT / "random_strings.json", result)


ALL = [byte_level, ignore_merges, metaspace, prepended, affixes, unigram, unigram_bytes, word_piece,
       word_level, word_suffix, byte_normalizer, split_spaces, digits, components, sentencepieces,
       precompiled_of_a_model, random_strings]

if __name__ == "__main__":
    write(OUT / "corpus.json", shared_corpus())
    for make in ALL:
        if len(sys.argv) == 1 or make.__name__ in sys.argv[1:]:
            make()
