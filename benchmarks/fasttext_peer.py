"""fastText with n-grams as a program, by its Python package: train skip-gram, save the model.

Usage: python -m benchmarks.fasttext_peer TEXT OUTPUT SETTINGS, the latter as JSON. Writes
OUTPUT.bin.
"""

from __future__ import annotations

import json
import sys

import fasttext


def main() -> None:
    """Train with the settings of the command line."""
    text, output, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    model = fasttext.train_unsupervised(
        text,
        model="skipgram",
        dim=settings["vector_size"],
        ws=settings["window"],
        neg=settings["negative"],
        t=settings["sample"],
        minCount=settings["min_count"],
        thread=settings["threads"],
        epoch=settings["epochs"],
        verbose=0,
    )
    model.save_model(f"{output}.bin")


if __name__ == "__main__":
    main()
