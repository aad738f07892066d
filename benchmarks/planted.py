"""Planted drift: words that swap their contexts half-way must be found by ``drift``.

Usage: python -m benchmarks.planted TEXT [--pairs 10] [--min-count 500] [--seeds 1 2 3]

TEXT is learned once with the default options; from its middle on the words of each pair replace
each other. The words are drawn at random from those with more than ``--min-count`` occurrences and
at most ten times as many, where most other words have similar counts.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.analysis.drift import drift

BATCH_LINES = 500
_FIRST = 25
_MIN_IN_EACH_HALF = 0.4
"""Share of ``--min-count`` that a word must reach in both halves."""


def batches(lines: list[str]) -> Iterator[bytes]:
    """The lines as text, some at a time."""
    for first in range(0, len(lines), BATCH_LINES):
        yield "".join(f"{line}\n" for line in lines[first : first + BATCH_LINES]).encode()


def swapped(line: str, partner: dict[str, str]) -> str:
    """The line with the words of each pair in each other's place."""
    return " ".join(partner.get(word, word) for word in line.split())


def choose(halves: list[Counter[str]], min_count: int, pairs: int, seed: int) -> list[str]:
    """Words of both halves that are frequent enough, two for each pair."""
    totals = halves[0] + halves[1]
    pool = [
        word
        for word, count in sorted(totals.items())
        if min_count < count <= 10 * min_count
        and min(half[word] for half in halves) > _MIN_IN_EACH_HALF * min_count
    ]
    return random.Random(seed).sample(pool, 2 * pairs)


def partners(words: list[str]) -> dict[str, str]:
    """What stands for each word once those of each pair swap."""
    partner = dict(zip(words[::2], words[1::2], strict=True))
    return partner | {second: first for first, second in partner.items()}


def main() -> None:
    """Learn, swap, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--min-count", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    lines = args.text.read_text("utf-8").splitlines()
    middle = len(lines) // 2
    halves = [
        Counter(word for line in part for word in line.split())
        for part in (lines[:middle], lines[middle:])
    ]
    for seed in args.seeds:
        words = choose(halves, args.min_count, args.pairs, seed)
        partner = partners(words)
        model = OnlineWord2Vec(LearnerConfig())
        with tempfile.TemporaryDirectory() as folder:
            for batch in batches(lines[:middle]):
                model.learn_text(batch)
            old = load_vectors(model.snapshot(folder))
            for batch in batches([swapped(line, partner) for line in lines[middle:]]):
                model.learn_text(batch)
            new = load_vectors(model.snapshot(folder))
            movements = drift(old, new, topn=len(old), min_count=args.min_count)
        ranks = [i for i, movement in enumerate(movements, 1) if movement.word in partner]
        found = sum(rank <= _FIRST for rank in ranks)
        print(
            f"seed {seed}: {found} of {len(words)} among the first {_FIRST} of {len(movements)}; "
            f"ranks {ranks}"
        )


if __name__ == "__main__":
    main()
