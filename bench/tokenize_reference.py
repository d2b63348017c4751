"""bench/tokenize_reference.py DIRECTORY TEXTS: the seconds that the `tokenizers` package takes to
encode TEXTS, documents separated by NUL, with the vocabulary in DIRECTORY, on one thread.

Prints the faster of its two ways to encode many documents, the second time it goes that way.
"""

import os
import pathlib
import sys
import time

# Read when the package is imported.
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

from tokenizers import ByteLevelBPETokenizer, Tokenizer  # noqa: E402


def load(directory):
    if (directory / "tokenizer.json").exists():
        return Tokenizer.from_file(str(directory / "tokenizer.json"))
    return ByteLevelBPETokenizer(str(directory / "vocab.json"), str(directory / "merges.txt"))


def seconds(work):
    work()  # Its cache of words is filled, as ours would be if we had one.
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    tokenizer = load(pathlib.Path(sys.argv[1]))
    texts = pathlib.Path(sys.argv[2]).read_bytes().decode().split("\0")
    ways = [lambda: [tokenizer.encode(text) for text in texts]]
    if hasattr(tokenizer, "encode_batch_fast"):
        ways.append(lambda: tokenizer.encode_batch_fast(texts))
    print(min(seconds(way) for way in ways))


main()
