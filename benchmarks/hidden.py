"""Hidden words: vectors inferred for words that a text lacks, in any language.

Usage: python -m benchmarks.hidden --data TEXT [--tokenizer chinese] [--letters 2]

Some words are deleted from TEXT. A model with --subwords learns the rest, and infers vectors of
words that it never saw. Counted are, of their ten nearest neighbours, those that the words have in
a model of the whole text; and how often a form of the same word is the nearest, for hidden words
that share their beginning with a known one. Two whole models with different seeds agree as far as
any vector can. TEXT is a record a line, of words between white space unless there is a tokenizer.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.newcomers import Neighbors, overlap
from streamer.tokenizers.registry import open_tokenizer
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors

HIDDEN_WORDS = 300
TOPN = 10
_LEAST, _MOST = 20, 1_000
_SEED = 1

Infer = Callable[[str], NDArray[np.float32]]


def choose(counts: Counter[str], letters: int) -> list[str]:
    """Words of so many letters that occur often enough to have a vector worth comparing with."""
    pool = [w for w, n in sorted(counts.items()) if _LEAST <= n <= _MOST and len(w) >= letters]
    return random.Random(_SEED).sample(pool, min(HIDDEN_WORDS, len(pool) // 4))


def read(data: Path, tokenizer: str) -> list[str]:
    """Records of the text, words with spaces between."""
    splits = open_tokenizer(tokenizer, {})
    tokens = splits.tokenize(data.read_text(errors="replace").encode())
    if splits.is_separated:
        tokens = bytes(tokens).replace(b"\x1f", b" ").replace(b"\x1e", b"\n")
    return bytes(tokens).decode(errors="replace").split("\n")


def learn(lines: list[str], folder: Path, seed: int) -> WordVectors:
    """A model with n-grams of these lines, with three more passes, since such texts are short."""
    model = OnlineWord2Vec(LearnerConfig(subwords=True, seed=seed, replay=3))
    for first in range(0, len(lines), 1_000):
        model.learn_text("".join(f"{line}\n" for line in lines[first : first + 1_000]).encode())
    return load_vectors(model.snapshot(folder))


def is_related(word: str, other: str, letters: int) -> bool:
    """Whether two words begin alike, but for three letters at most, and are about as long."""
    pairs = zip(word, other, strict=False)
    shared = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(word), len(other)))
    return shared >= max(letters - 1, len(word) - 3) and abs(len(other) - len(word)) <= 3


def _sets(words: list[str], found: list[list[str]]) -> Neighbors:
    return {word: set(others) for word, others in zip(words, found, strict=True)}


def main() -> None:
    """Learn, infer, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="text, a record a line")
    parser.add_argument("--tokenizer", default="whitespace")
    parser.add_argument("--letters", type=int, default=5, help="of a hidden word, at least")
    options = parser.parse_args()
    lines = read(options.data, options.tokenizer)
    counts = Counter(word for line in lines for word in line.split())
    words = choose(counts, options.letters)
    hidden = set(words)
    rest = [" ".join(w for w in line.split() if w not in hidden) for line in lines]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = [learn(lines, folder / f"whole{seed}", seed) for seed in (1, 2)]
        wv = learn(rest, folder / "rest", 1)
        known = [word for word in wv.words if word in whole[0] and word in whole[1]]

        def near(vectors: WordVectors, infer: Infer) -> list[list[str]]:
            """Each hidden word's nearest words among those that all models have."""
            queries = np.stack([infer(word) for word in words])
            cosines = queries @ vectors.table.units_of(known).T
            best = np.argsort(-cosines, axis=1, kind="stable")[:, :TOPN]
            return [[known[i] for i in row] for row in best.tolist()]

        final = near(whole[0], whole[0].get_vector)
        subwords = wv.subwords
        assert subwords is not None
        ways: dict[str, tuple[WordVectors, Infer]] = {
            "inferred": (wv, wv.infer),
            "by n-grams alone": (wv, subwords.vector),
            "the whole text, another seed": (whole[1], whole[1].get_vector),
        }
        related = [
            any(is_related(word, other, options.letters) for other in known) for word in words
        ]
        rows = []
        for way, (vectors, infer) in ways.items():
            found = near(vectors, infer)
            hits = [
                is_related(word, others[0], options.letters)
                for word, others, has_related in zip(words, found, related, strict=True)
                if has_related
            ]
            share = overlap(_sets(words, found), _sets(words, final))
            rows.append([way, f"{share:.2f}", f"{100 * np.mean(hits):.0f}"])
    conditions = report.conditions(
        "hidden",
        f"Text: {options.data.name}, {sum(counts.values()):,} words; {len(words)} hidden words of "
        f"{options.letters} letters or more, {sum(related)} of them with a related one.",
    )
    header = ["hidden words", f"overlap of {TOPN} neighbours", "a related word nearest, %"]
    report.publish_table("hidden", header, rows, conditions, write_docs=False)


if __name__ == "__main__":
    main()
