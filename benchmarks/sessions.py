"""Abnormal sessions of HDFS, on DeepLog's split: trained on normal sessions, and live.

    python -m benchmarks.sessions FOLDER [--seeds 1 2 3] [--live 50000] [--anneal 4] [--write-docs]

FOLDER holds ``hdfs_train.txt.xz``, 4,855 normal sessions as event ids, one a line, and
``hdfs_test_unique.tsv.xz``, label, number of sessions and sequence, tabs between them. All of it is
from logpai/loghub.

First the command line alone: ``run`` learns the training sessions in one pass, ``score --by max``
scores the others; the threshold is the 99.9th percentile of the training sessions' own surprise.
Then live: sessions drawn at their true rate, 2.95% of them abnormal, are scored each before it is
learned, from an empty model on; p-values are those of ``run --alerts``. Baselines see the same: the
rarest n-gram of events, and the residual of principal components of event counts (PCA).
"""

from __future__ import annotations

import argparse
import json
import lzma
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import report
from benchmarks.anomalies import as_they_come
from w2v_online import LearnerConfig
from w2v_online.learning.distribution import SurpriseDistribution
from w2v_online.learning.surprise import Measure

_MODEL = {"loss": "hs", "sample": 0.0, "boundaries": True, "alpha": 0.025}
_FLAGS = [
    "--loss", "hs", "--sample", "0", "--boundaries", "--alpha", "0.025",
    "--max-vocab-size", "1000",
]  # fmt: skip
_PERCENTILE = 99.9
_WARM_UP = 10_000
"""Live, records before the first that counts, as ``--alert-warm-up``."""

_MEASURES = (
    Measure("max", "context"),
    Measure("pm4", "both"),
    Measure("pm4", "context"),
    Measure("mean", "context"),
)

_RATE = 16_838 / (553_366 + 16_838)
_MOST_RATE = 1.1 * _RATE
"""Live, the p-value at which a session counts as abnormal: its rate is known roughly."""


@dataclass(frozen=True)
class Sessions:
    """Sequences of event ids, how many sessions each stands for, and which are abnormal."""

    lines: list[str]
    weights: NDArray[np.float64]
    is_abnormal: NDArray[np.bool_]


def read(folder: Path) -> tuple[list[str], Sessions]:
    """Training sessions and test sessions."""
    training, rest = (
        lzma.decompress((folder / name).read_bytes()).decode().splitlines()
        for name in ("hdfs_train.txt.xz", "hdfs_test_unique.tsv.xz")
    )
    rows = [line.split("\t") for line in rest]
    labels, weights, lines = zip(*rows, strict=True)
    return training, Sessions(list(lines), np.array(weights, float), np.array(labels) == "1")


def auc(scores: NDArray[np.float64], test: Sessions) -> float:
    """The chance that an abnormal session scores above a normal one; ties count half."""
    order = np.argsort(scores, kind="stable")
    _, places = np.unique(scores[order], return_inverse=True)
    good, bad = (
        np.bincount(places, np.where(test.is_abnormal[order] == kind, test.weights[order], 0.0))
        for kind in (False, True)
    )
    below = np.cumsum(good) - good
    return float((bad * (below + good / 2)).sum() / (good.sum() * bad.sum()))


def f1(is_alert: NDArray[np.bool_], test: Sessions) -> float:
    """Harmonic mean of precision and recall, by sessions."""
    hit = test.weights[is_alert & test.is_abnormal].sum()
    return float(2 * hit / (test.weights[is_alert].sum() + test.weights[test.is_abnormal].sum()))


def best_f1(scores: NDArray[np.float64], test: Sessions) -> float:
    """F1 at the threshold that is best for it."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(np.where(test.is_abnormal, test.weights, 0.0)[order])
    alerts = np.cumsum(test.weights[order])
    is_last = np.append(np.diff(scores[order]) != 0, True)
    values = 2 * hits / (alerts + test.weights[test.is_abnormal].sum())
    return float(values[is_last].max())


def of_command_line(
    training: list[str], test: Sessions, seed: int, anneal: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Surprise of training and test sessions, by ``run`` and ``score``.

    With ``anneal`` the training sessions are kept and annealed in so many passes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = [sys.executable, "-m", "streamer"]
        text = "".join(f"{line}\n" for line in training)
        options = [*_FLAGS, "--seed", str(seed), "--snapshot-dir", str(folder / "s")]
        if anneal:
            options += ["--replay", "1", "--anneal", str(anneal)]
        subprocess.run(
            [*program, "run", *options], input=text.encode(), check=True, capture_output=True
        )
        scored = []
        for lines in (training, test.lines):
            text = "".join(f"{line}\n" for line in lines)
            done = subprocess.run(
                [*program, "score", str(folder / "s"), "--by", "max", "--json"],
                input=text.encode(), check=True, capture_output=True,
            )  # fmt: skip
            scored.append([json.loads(line)["surprise"] for line in done.stdout.splitlines()])
    return np.array(scored[0]), np.array(scored[1])


class NGrams:
    """Sessions by their rarest n-gram, -log p(event | n - 1 events before), smoothed."""

    def __init__(self, n: int = 3, smoothing: float = 0.01, events: int = 30) -> None:
        self._n = n
        self._smoothing = smoothing
        self._events = events
        self._grams: Counter[tuple[str, ...]] = Counter()
        self._contexts: Counter[tuple[str, ...]] = Counter()

    def _grams_of(self, line: str) -> list[tuple[str, ...]]:
        events = ["<s>"] * (self._n - 1) + line.split() + ["</s>"]
        return [tuple(events[i : i + self._n]) for i in range(len(events) - self._n + 1)]

    def learn(self, line: str) -> None:
        """Count a session."""
        for gram in self._grams_of(line):
            self._grams[gram] += 1
            self._contexts[gram[:-1]] += 1

    def score(self, line: str) -> float:
        """The surprise of its rarest n-gram."""
        added = self._smoothing * self._events
        return max(
            -np.log((self._grams[gram] + self._smoothing) / (self._contexts[gram[:-1]] + added))
            for gram in self._grams_of(line)
        )


def of_ngrams(
    training: list[str], test: Sessions
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As :func:`of_command_line`, by trigrams."""
    grams = NGrams()
    for line in training:
        grams.learn(line)
    return (
        np.array([grams.score(line) for line in training]),
        np.array([grams.score(line) for line in test.lines]),
    )


def of_pca(training: list[str], test: Sessions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As :func:`of_command_line`, by what principal components do not explain (Xu et al. 2009)."""
    events = sorted({event for line in (*training, *test.lines) for event in line.split()})
    place = {event: i for i, event in enumerate(events)}

    def counts(lines: list[str]) -> NDArray[np.float64]:
        matrix = np.zeros((len(lines), len(events)))
        for row, line in zip(matrix, lines, strict=True):
            for event in line.split():
                row[place[event]] += 1
        return matrix

    learned, asked = counts(training), counts(test.lines)
    idf = np.log(len(training) / np.maximum((learned > 0).sum(axis=0), 1))
    learned, asked = learned * idf, asked * idf
    mean = learned.mean(axis=0)
    _, values, directions = np.linalg.svd(learned - mean, full_matrices=False)
    explained = np.cumsum(values**2) / (values**2).sum()
    normal = directions[: int(np.searchsorted(explained, 0.95)) + 1]

    def residual(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        centred = matrix - mean
        left = centred - centred @ normal.T @ normal
        squares: NDArray[np.float64] = (left**2).sum(axis=1)
        return squares

    return residual(learned), residual(asked)


def stream(test: Sessions, number: int, seed: int) -> Sessions:
    """So many sessions at their true rate, in random order."""
    chance = np.random.default_rng(seed)
    drawn = chance.choice(len(test.lines), number, p=test.weights / test.weights.sum())
    lines = [test.lines[i] for i in drawn.tolist()]
    return Sessions(lines, np.ones(number), test.is_abnormal[drawn])


def _judged(scores: NDArray[np.float64], sessions: Sessions) -> dict[str, float]:
    """Figures of a stream behind the warm-up."""
    p_values = SurpriseDistribution().p_values(scores)
    rest = slice(_WARM_UP, None)
    late = Sessions(sessions.lines[rest], sessions.weights[rest], sessions.is_abnormal[rest])
    return {
        "auc": auc(scores[rest], late),
        "best_f1": best_f1(scores[rest], late),
        "f1": f1(p_values[rest] <= _MOST_RATE, late),
    }


def live(sessions: Sessions, seed: int) -> dict[str, dict[str, float]]:
    """Figures by what scores each session before it is learned."""
    config = LearnerConfig.model_validate({**_MODEL, "seed": seed, "max_vocab_size": 1000})
    parts = (sessions.lines[i : i + 500] for i in range(0, len(sessions.lines), 500))
    texts = ["".join(f"{line}\n" for line in part).encode() for part in parts]
    figures = {
        f"live, {measure.by} of {measure.of}": _judged(scores, sessions)
        for measure, scores in as_they_come(config, texts, _MEASURES, separated=False).items()
    }
    grams = NGrams()
    scores = np.empty(len(sessions.lines))
    for i, line in enumerate(sessions.lines):
        scores[i] = grams.score(line)
        grams.learn(line)
    figures["live, trigrams"] = _judged(scores, sessions)
    return figures


def trained(training: list[str], test: Sessions, seeds: list[int], anneal: int) -> dict[str, Any]:
    """Figures by what has learned the training sessions."""
    ways = {f"trained, seed {seed}": of_command_line(training, test, seed) for seed in seeds}
    if anneal:
        ways |= {
            f"annealed, seed {seed}": of_command_line(training, test, seed, anneal)
            for seed in seeds
        }
    ways |= {"trained, trigrams": of_ngrams(training, test), "trained, PCA": of_pca(training, test)}
    return {
        name: {
            "auc": auc(scores, test),
            "best_f1": best_f1(scores, test),
            "f1": f1(scores > np.percentile(own, _PERCENTILE), test),
        }
        for name, (own, scores) in ways.items()
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--live", type=int, default=50_000, help="sessions of the stream")
    parser.add_argument("--anneal", type=int, default=4, help="passes of annealing; 0: none")
    report.add_docs_option(parser)
    options = parser.parse_args()
    training, test = read(options.folder)
    figures = trained(training, test, options.seeds, options.anneal)
    for seed in options.seeds:
        found = live(stream(test, options.live, seed), seed)
        figures |= {f"{name}, seed {seed}": values for name, values in found.items()}
    rows = [
        [name, *(f"{values[key]:.4f}" for key in ("auc", "best_f1", "f1"))]
        for name, values in figures.items()
    ]
    for row in rows:
        print("  ".join(row))
    conditions = report.conditions(
        "sessions",
        "HDFS, DeepLog's split: 4,855 normal sessions; 553,366 normal and 16,838 abnormal ones.",
        f"Options: {' '.join(_FLAGS)}; score --by max. Threshold: the {_PERCENTILE}th percentile "
        f"of training; live p <= {_MOST_RATE:.3f} after {_WARM_UP:,} sessions.",
    )
    report.publish_table(
        "sessions",
        ["", "AUC", "best F1", "F1"],
        rows,
        conditions,
        write_docs=options.write_docs,
        figures=figures,
    )


if __name__ == "__main__":
    main()
