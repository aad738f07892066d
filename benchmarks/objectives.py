"""Architectures and losses: each in one pass, beside gensim's one epoch of the same.

Usage: python -m benchmarks.objectives --data TEXT [--write-docs]

Scores and processor seconds of whole processes, gensim's scan for the vocabulary included. The
exact softmax is left out: gensim has none, and a vocabulary of this size is not what it is for.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import report, runs, text
from benchmarks.programs import Gensim, Program, W2vStream
from benchmarks.quality import SCORES
from benchmarks.runs import Run

OBJECTIVES = {
    "skip-gram, ns": ((), {}),
    "CBOW, ns": (("--cbow",), {"sg": 0}),
    "skip-gram, hs": (("--loss=hs",), {"hs": 1, "negative": 0}),
    "CBOW, hs": (("--cbow", "--loss=hs"), {"sg": 0, "hs": 1, "negative": 0}),
}
"""Flags of w2v-stream and options of gensim."""


def main() -> None:
    """Read the command line, measure, publish."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=OBJECTIVES, default=list(OBJECTIVES))
    parser.add_argument("--rounds", type=int, default=3, help="default %(default)s")
    text.add_data_option(parser, required=True)
    report.add_docs_option(parser)
    options = parser.parse_args()
    rows, measured = [], []
    with tempfile.TemporaryDirectory() as folder:
        prepared = text.prepare(options.data, Path(folder))
        for name in options.only:
            flags, of_gensim = OBJECTIVES[name]
            programs: list[Program] = [
                W2vStream(f"w2v-stream, {name}", *flags), Gensim(f"gensim, {name}", **of_gensim)
            ]  # fmt: skip
            pair = list(runs.measure(programs, prepared, Path(folder), options.rounds).values())
            rows += [_cells(run, pair) for run in pair]
            measured += pair
    header = ["", "CPU seconds", "times gensim's speed", *SCORES.values()]
    runs.publish(
        "objectives", report.table(header, rows), prepared, measured, write_docs=options.write_docs
    )


def _cells(run: Run, pair: list[Run]) -> list[str]:
    scores = [f"{getattr(run, score):.1f}" for score in SCORES]
    return [
        run.name,
        f"{run.cpu_seconds:.1f}",
        f"{pair[1].cpu_seconds / run.cpu_seconds:.1f}",
        *scores,
    ]


if __name__ == "__main__":
    main()
