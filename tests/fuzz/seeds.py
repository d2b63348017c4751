"""What the fuzzer begins from: small inputs made from files of the repository, and a few by hand.

write(target, folder) fills the folder with those of a target. The images of tokenizers are compiled
by a program (write_image_seeds.cc).
"""

import json
import pathlib
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
TOKENIZERS = ROOT / "tests" / "engine" / "tokenizer" / "testdata"
DEMO = ROOT / "models" / "demo"


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def safetensors():
    """Headers of real files, and of files with all that the format allows."""

    def seed(header, data_bytes):
        return struct.pack("<Q", data_bytes) + header

    for name in ("llama-tied", "gpt2", "mixtral", "gpt-oss"):
        path = GOLDEN / name / "checkpoint" / "model.safetensors"
        with path.open("rb") as file:
            header = file.read(struct.unpack("<Q", file.read(8))[0])
            yield seed(header, path.stat().st_size - 8 - len(header))
    yield seed(b"{}", 0)
    yield seed(b'{"__metadata__":{"format":"pt"}}  ', 0)
    offset = 0
    tensors = {"__metadata__": {"format": "pt"}}
    dtypes = ["BOOL", "U8", "I8", "F8_E4M3", "I16", "U16", "F16", "BF16", "I32", "F32", "I64", "F64"]
    for dtype, size in zip(dtypes, (1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 8, 8)):
        end = offset + 6 * size
        tensors[dtype] = {"dtype": dtype, "shape": [2, 3], "data_offsets": [offset, end]}
        offset = end
    tensors["scalar"] = {"dtype": "F32", "shape": [], "data_offsets": [offset, offset + 4]}
    tensors["empty"] = {"dtype": "F32", "shape": [0, 7], "data_offsets": [offset + 4, offset + 4]}
    yield seed(compact(tensors).encode(), offset + 4)


def config():
    """Every golden's config, those of the demo model, and every field of a generation_config."""
    seen = set()
    for path in sorted(GOLDEN.glob("*/checkpoint/config.json")):
        seen.add(compact(json.loads(path.read_text())))
    for text in sorted(seen):
        yield text.encode()
    yield (DEMO / "config.json").read_bytes()
    yield (DEMO / "generation_config.json").read_bytes()
    yield compact(
        {"do_sample": True, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.1,
         "typical_p": 0.9, "repetition_penalty": 1.05, "max_new_tokens": 64,
         "eos_token_id": [1, 2], "bad_words_ids": [[3], [4, 5]], "num_beams": 1,
         "forced_bos_token_id": 0, "suppress_tokens": [6], "guidance_scale": 1.5}
    ).encode()  # fmt: skip


def tokenizer_json():
    """Whole tokenizers of the tests, and every type of component in a tokenizer of six tokens."""
    for path in sorted(TOKENIZERS.glob("*/tokenizer.json")):
        yield path.read_bytes()

    bpe = {"type": "BPE", "unk_token": "?", "fuse_unk": True, "byte_fallback": True,
           "vocab": {"a": 0, "b": 1, "ab": 2, "_": 4, "?": 5, "<0x41>": 8},
           "merges": ["a b"]}  # fmt: skip
    added = [{"id": 6, "content": "<s>", "lstrip": True, "special": True},
             {"id": 7, "content": "A b", "rstrip": True, "normalized": True},
             {"id": 3, "content": "b a", "single_word": True}]  # fmt: skip
    regex = {"Regex": r"[ab]+|\s+(?!\S)|\p{L}{1,3}|(?i:'s|'t)"}
    literal = {"String": " "}
    components = {
        "normalizer": [
            *({"type": name} for name in (
                "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel",
                "BertNormalizer")),
            {"type": "BertNormalizer", "clean_text": False, "strip_accents": True},
            {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Prepend", "prepend": "ab"},
            {"type": "Replace", "pattern": regex, "content": "b"},
            {"type": "Replace", "pattern": literal, "content": "_"},
            {"type": "Precompiled", "precompiled_charsmap": "CAAAAAEAAAAAAAAAYQAA"},
            {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}],
        "pre_tokenizer": [
            {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
            {"type": "Sequence", "pretokenizers": [
                {"type": "ByteLevel", "add_prefix_space": False}, {"type": "WhitespaceSplit"}]},
            {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first", "split": False},
            {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"},
            {"type": "Digits", "individual_digits": True},
            {"type": "CharDelimiterSplit", "delimiter": "b"},
            *({"type": name} for name in (
                "BertPreTokenizer", "UnicodeScripts", "Whitespace", "WhitespaceSplit")),
            *({"type": "Split", "pattern": regex, "behavior": behavior, "invert": invert}
              for invert in (True, False) for behavior in (
                "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")),
            {"type": "Punctuation", "behavior": "Contiguous"}],
        "post_processor": [
            {"type": "ByteLevel"},
            {"type": "BertProcessing", "cls": ["a", 0], "sep": ["b", 1]},
            {"type": "TemplateProcessing", "single": [
                {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A"}}],
             "special_tokens": {"<s>": {"id": "<s>", "ids": [6], "tokens": ["<s>"]}}},
            {"type": "Sequence", "processors": [{"type": "ByteLevel"}]}],
        "decoder": [
            *({"type": name} for name in ("ByteLevel", "ByteFallback", "Fuse")),
            {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"},
            {"type": "Replace", "pattern": regex, "content": "c"},
            {"type": "Replace", "pattern": {"String": "a"}, "content": "c"},
            {"type": "Strip", "content": "a", "start": 1, "stop": 2},
            {"type": "WordPiece", "prefix": "##", "cleanup": True},
            {"type": "BPEDecoder", "suffix": "b"},
            {"type": "CTC", "pad_token": "a", "word_delimiter_token": "b", "cleanup": True},
            {"type": "Sequence", "decoders": [
                {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}],
        "model": [
            {"type": "Unigram", "unk_id": 0, "byte_fallback": False,
             "vocab": [["?", 0], ["a", -1.5], ["b", -2], ["ab", -0.5]]},
            {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
             "max_input_chars_per_word": 10, "vocab": {"[UNK]": 0, "a": 1, "##b": 2}},
            {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "ab": 1}},
            {"type": "BPE", "continuing_subword_prefix": "_", "end_of_word_suffix": "b",
             "ignore_merges": True, "vocab": {"a": 0, "_a": 1, "ab": 2, "aa": 4},
             "merges": [["a", "_a"]]}],
    }  # fmt: skip
    for key, values in components.items():
        for value in values:
            yield compact({"added_tokens": added, "model": bpe, key: value}).encode()
    config = {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "bos_token": "<s>",
              "eos_token": {"content": "?", "lstrip": True}, "legacy": False,
              "additional_special_tokens": ["ab"],
              "added_tokens_decoder": {"9": {"content": "<x>", "special": True}}}  # fmt: skip
    whole = compact({"added_tokens": added, "model": bpe, "normalizer": {"type": "NFC"}})
    yield whole.encode() + b"\0" + compact(config).encode()


def chat_template():
    """The tests' templates, the demo model's, one in eight of the expressions; conversations."""
    for path in sorted((GOLDEN / "jinja" / "styles").glob("*.jinja")):
        yield path.read_bytes()
    demo = json.loads((DEMO / "tokenizer_config.json").read_text())["chat_template"]
    yield demo.encode()
    cases = json.loads((GOLDEN / "jinja" / "expressions.json").read_text())["cases"]
    for source, _ in cases[:400] + cases[400::8]:
        yield source.encode()
    conversations = json.loads((GOLDEN / "jinja" / "conversations.json").read_text())
    for conversation in conversations[::4]:
        yield demo.encode() + b"\0" + compact(conversation).encode()
        yield b"{{ messages|tojson }}{{ tools }}\0" + compact(conversation).encode()


def tokenizer_image(folder, program):
    names = ("affixes", "byte_level", "metaspace", "sp_bpe", "sp_unigram_bytes", "unigram",
             "word_level", "word_piece", "word_suffix")  # fmt: skip
    subprocess.run([program, folder, *(TOKENIZERS / name for name in names)], check=True)


def write(target, folder, image_seeds):
    """Fills `folder`; `image_seeds` is the program that compiles tokenizers."""
    folder.mkdir(parents=True, exist_ok=True)
    if target == "tokenizer_image":
        tokenizer_image(folder, image_seeds)
        return
    made = {"safetensors": safetensors, "config": config, "tokenizer_json": tokenizer_json,
            "chat_template": chat_template}  # fmt: skip
    for number, seed in enumerate(made[target]()):
        (folder / f"seed-{number:04}").write_bytes(seed)
