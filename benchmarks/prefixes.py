"""The beginning of a text: scores after the first megabytes, beside gensim's on the same text.

Usage: python -m benchmarks.prefixes --data TEXT [--write-docs]

Scores after a short text depend mostly on the initial vectors, so the shortest prefix is learned
with many seeds: means with their standard errors.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from gensim.models import Word2Vec

from benchmarks import report, text
from benchmarks.planted import batches
from benchmarks.programs import Settings
from benchmarks.quality import SCORES, own_scores, vectors_of
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors

SEEDS = {1: 40, 10: 6, 100: 3}
"""How often a prefix of so many megabytes is learned."""

MEGABYTE = 1_000_000


def learned(prefix: Path, seed: int) -> WordVectors:
    """Vectors of w2v-stream after one pass over a text."""
    model = OnlineWord2Vec(LearnerConfig(seed=seed, **asdict(Settings())))
    for batch in batches(prefix.read_text().splitlines()):
        model.learn_text(batch)
    return vectors_of(model)


def gensims(prefix: Path, seed: int) -> WordVectors:
    """What gensim makes of one epoch."""
    options = asdict(Settings())
    workers = options.pop("threads")
    model = Word2Vec(corpus_file=str(prefix), sg=1, epochs=1, seed=seed, workers=workers, **options)
    return WordVectors.from_arrays(model.wv.index_to_key, model.wv.vectors)


LEARNERS: dict[str, Callable[[Path, int], WordVectors]] = {
    "w2v-stream": learned,
    "gensim, 1 epoch": gensims,
}


def main() -> None:
    """Read the command line, measure, publish."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, nargs="+", choices=SEEDS, default=list(SEEDS))
    text.add_data_option(parser, required=True)
    report.add_docs_option(parser)
    options = parser.parse_args()
    rows, scores = [], {}
    with tempfile.TemporaryDirectory() as folder:
        prepared = text.prepare(options.data, Path(folder))
        prefix = Path(folder) / "prefix"
        for megabytes in options.megabytes:
            with prepared.path.open("rb") as whole:
                prefix.write_bytes(whole.read(megabytes * MEGABYTE))
            for name, learn in LEARNERS.items():
                runs = [own_scores(learn(prefix, seed)) for seed in range(1, SEEDS[megabytes] + 1)]
                columns = {score: [run[score] for run in runs] for score in SCORES}
                scores[f"{name}, {megabytes} MB"] = columns
                means = [report.mean(values, ".1f") for values in columns.values()]
                rows.append([f"{megabytes} MB, {name}", *means, str(len(runs))])
                print(rows[-1], flush=True)
    report.publish_table(
        "prefixes",
        ["", *SCORES.values(), "seeds"],
        rows,
        report.conditions(
            "prefixes",
            f"Text: the beginning of {prepared.name}.",
            f"Settings: {report.listed(asdict(Settings()))}.",
            "Means over seeds and their standard errors.",
            packages=["gensim"],
        ),
        write_docs=options.write_docs,
        scores=scores,
    )


if __name__ == "__main__":
    main()
