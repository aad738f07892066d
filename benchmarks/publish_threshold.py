"""What a threshold of ``publish`` costs and keeps: words sent, and neighbours of the model.

    python -m benchmarks.publish_threshold --data enwiki.txt.xz --begin 10000000 --steps 6

A model learns the beginning of a text and is published whole. Then it learns a million words after
another, and what moved beyond each threshold is sent. Printed are, of each step in the mean, the
share of the words that is sent, and how many of a word's ten nearest neighbours in the store are
the model's own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.text import LINE_WORDS, add_data_option, read_lines
from streamer.publishing.ledger import Ledger
from streamer.publishing.publisher import publish
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors

THRESHOLDS = (0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 1.0)
_STEP_WORDS = 1_000_000
_NEIGHBOURS, _QUERIES = 10, 500


class Memory:
    """A store in memory."""

    def __init__(self) -> None:
        self.held: dict[str, NDArray[np.float32]] = {}

    def holds(self, word: str) -> bool:
        """Every word."""
        return True

    def is_empty(self) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        return not self.held

    def words(self) -> set[str]:
        """See :class:`streamer.publishing.store.Store`."""
        return set(self.held)

    def prepare(self, upserts: int, words: int) -> None:
        """Nothing to prepare."""

    def upsert(
        self, words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]
    ) -> int:
        """See :class:`streamer.publishing.store.Store`."""
        self.held.update(zip(words, vectors.copy(), strict=True))
        return vectors.nbytes

    def delete(self, words: Sequence[str]) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        for word in words:
            self.held.pop(word, None)

    def finish(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing to let go of."""


def overlap(store: Memory, wv: WordVectors) -> float:
    """The share of nearest neighbours in the store that are the model's."""
    stored = np.stack([store.held[word] for word in wv.words])
    stored /= np.maximum(np.linalg.norm(stored, axis=1, keepdims=True), 1e-9)
    asked = np.random.default_rng(1).choice(len(wv), _QUERIES, replace=False)
    found = [_nearest(units, asked) for units in (stored, wv.unit_vectors())]
    shared = [len(np.intersect1d(*pair)) for pair in zip(*found, strict=True)]
    return float(np.mean(shared)) / _NEIGHBOURS


def _nearest(units: NDArray[np.float32], asked: NDArray[np.int64]) -> NDArray[np.int64]:
    cosines = units[asked] @ units.T
    cosines[np.arange(len(asked)), asked] = -2  # a word is no neighbour of its own
    return np.argpartition(-cosines, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]


def main() -> None:
    """Print a row for each threshold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.publish_threshold", description=__doc__
    )
    add_data_option(parser)
    parser.add_argument("--begin", type=int, default=10_000_000, help="words, %(default)s")
    parser.add_argument("--steps", type=int, default=6, help="default %(default)s")
    options = parser.parse_args()
    lines = [line.split() for line in read_lines(options.data)]
    begin, step = options.begin // LINE_WORDS, _STEP_WORDS // LINE_WORDS
    model = OnlineWord2Vec(LearnerConfig())
    stores = {threshold: Memory() for threshold in THRESHOLDS}
    sent: dict[float, list[float]] = {threshold: [] for threshold in THRESHOLDS}
    shared: dict[float, list[float]] = {threshold: [] for threshold in THRESHOLDS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.steps + 1):
            first = begin + (number - 1) * step if number else 0
            model.learn(lines[first : begin + number * step])
            wv = model.wv
            for threshold, store in stores.items():
                ledger = Ledger(Path(folder) / str(threshold), wv.vector_size)
                done = publish(wv.table, str(number), store, ledger, threshold)
                ledger.close()
                if number:
                    sent[threshold].append(done.upserted / len(wv))
                    shared[threshold].append(overlap(store, wv))
    print(f"{len(wv):,} words; threshold, words sent in each step, top-{_NEIGHBOURS} overlap")
    for threshold in THRESHOLDS:
        print(
            f"{threshold:<7} {np.mean(sent[threshold]):7.1%} {np.mean(shared[threshold]):6.3f}"
            f" (last {shared[threshold][-1]:.3f})"
        )


if __name__ == "__main__":
    main()
