"""Old words: how stable their neighbours are, also of words that no longer occur.

Usage: python -m benchmarks.stability --data TEXT [--further 100000000] [--write-docs]

The first quarter of TEXT is learned, then the other lines over and over, in another order each
time, until so many further words were read; some words are deleted from these. The ten nearest
neighbours of words that go on occurring and of deleted words are compared with those at the
beginning, and with those at the previous measurement.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterator

import numpy as np

from benchmarks import report, text
from benchmarks.newcomers import FREQUENT_WORDS, TOPN, Neighbors, neighbors, overlap
from benchmarks.planted import BATCH_LINES, batches
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

CONFIGS = {
    "defaults": LearnerConfig(),
    "--half-life 20000000": LearnerConfig(half_life=20_000_000),
}
MEASUREMENTS = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Fractions of the further words after which neighbours are measured."""

_WORDS = 200
_LEAST_COUNT = 100
_SEED = 1


def without(lines: list[str], words: set[str]) -> list[str]:
    """The lines without some words."""
    return [" ".join(word for word in line.split() if word not in words) for line in lines]


def endless(lines: list[str]) -> Iterator[list[str]]:
    """Some lines at a time, all of them in another order in each round."""
    draw = random.Random(_SEED)
    while True:
        draw.shuffle(lines)
        for first in range(0, len(lines), BATCH_LINES):
            yield lines[first : first + BATCH_LINES]


def measure(model: OnlineWord2Vec, words: list[str]) -> tuple[Neighbors, float]:
    """Neighbours as a reader finds them, and the longest vector; all must be finite."""
    with tempfile.TemporaryDirectory() as folder:
        vectors = load_vectors(model.snapshot(folder))
        norms = np.linalg.norm(vectors.vectors, axis=1)
        assert np.isfinite(norms).all()
        return neighbors(vectors, words), float(norms.max())


def follow(
    config: LearnerConfig,
    first: list[str],
    rest: list[str],
    groups: tuple[list[str], list[str]],
    measurements: list[int],
) -> list[list[str]]:
    """Table rows: for each measurement, the overlap of each group's neighbours."""
    model = OnlineWord2Vec(config)
    for batch in batches(first):
        model.learn_text(batch)
    learned = model.total_words
    words = groups[0] + groups[1]
    begin, _ = measure(model, words)
    before = begin
    columns = []
    stream = endless(list(rest))
    for due in measurements:
        while model.total_words - learned < due:
            model.learn_text("".join(f"{line}\n" for line in next(stream)).encode())
        now, longest = measure(model, words)
        scores = []
        for group in groups:
            part = {word: now[word] for word in group}
            scores += [overlap(part, begin), overlap(part, before)]
        columns.append([*(f"{score:.2f}" for score in scores), f"{longest:.1f}"])
        before = now
        print(due, columns[-1], flush=True)
    labels = [
        "go on: as at the beginning", "go on: as at the previous measurement",
        "gone: as at the beginning", "gone: as at the previous measurement", "longest vector",
    ]  # fmt: skip
    return [
        [label, *cells] for label, cells in zip(labels, zip(*columns, strict=True), strict=True)
    ]


def main() -> None:
    """Learn, go on, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    text.add_data_option(parser, required=True)
    parser.add_argument("--further", type=int, default=100_000_000, help="words that come later")
    report.add_docs_option(parser)
    options = parser.parse_args()
    lines = text.read_lines(options.data)
    first, rest = lines[: len(lines) // 4], lines[len(lines) // 4 :]
    counts = Counter(word for line in first for word in line.split())
    later = Counter(word for line in rest for word in line.split())
    frequent = {word for word, _ in (counts + later).most_common(FREQUENT_WORDS)}
    pool = [w for w, n in counts.most_common() if n >= _LEAST_COUNT and w in frequent]
    chosen = random.Random(_SEED).sample([w for w in pool if later[w]], 2 * _WORDS)
    groups = chosen[:_WORDS], chosen[_WORDS:]
    rest = without(rest, set(groups[1]))
    measurements = [round(share * options.further) for share in MEASUREMENTS]
    rows = []
    for name, config in CONFIGS.items():
        print(name)
        for label, *cells in follow(config, first, rest, groups, measurements):
            rows.append([f"{name}: {label}", *cells])
    header = ["after so many million words more", *(f"{due / 1e6:g}" for due in measurements)]
    conditions = report.conditions(
        "stability",
        f"Text: {options.data.name}, the first {sum(counts.values()):,} words, then its other "
        f"{sum(later.values()):,} over and over in another order.",
        f"Shares of the {TOPN} nearest neighbours among the {FREQUENT_WORDS:,} most frequent; "
        f"{_WORDS} words each that were seen {_LEAST_COUNT} times or more by then.",
    )
    report.publish_table("stability", header, rows, conditions, write_docs=options.write_docs)


if __name__ == "__main__":
    main()
