#!/usr/bin/env python3
"""Writes tests/loader/testdata with the reference library (pip: safetensors, numpy).

Run by hand; its output is committed.
"""
import pathlib

import numpy as np
from safetensors.numpy import save_file

OUTPUT = pathlib.Path(__file__).parent / "testdata"


def main():
    OUTPUT.mkdir(exist_ok=True)
    save_file(
        {
            "layers.2.weight": np.arange(4, dtype=np.float32).reshape(4, 1),
            "layers.10.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 2,
            "ids": np.array([1, -2, 3], dtype=np.int64),
            "half.weight": np.array([[0.5, -1.5]], dtype=np.float16),
            "mask": np.array([True, False, True]),
            "scalar": np.array(2.5, dtype=np.float32),
            "empty": np.zeros((0, 4), dtype=np.int8),
        },
        OUTPUT / "reference.safetensors",
        metadata={"format": "np"},
    )


if __name__ == "__main__":
    main()
