"""Hierarchical softmax after many new words joined: what old words lose, beside gensim.

    python -m benchmarks.continue_hs --data TEXT [--late N] [--words 1000] [--gensim] [--write-docs]

Some words are deleted from all of TEXT except its last part, where they occur at least twenty times
each. A model learns the text before, then the last part with these words and, for comparison,
without them. WordSim-353 and SimLex-999 ask about words that were there before; the new ones
are in none of the questions. gensim continues with
``build_vocab(..., update=True)`` and ``train``.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from gensim.models import Word2Vec
from gensim.test.utils import datapath

from benchmarks import quality, report, text
from benchmarks.newcomers import thinned
from benchmarks.planted import batches
from w2v_online import LearnerConfig, OnlineWord2Vec

_LEAST_SIGHTINGS, _MOST_SIGHTINGS = 20, 500
_SEED = 1
_LIMIT = 1.0
"""What old words may lose on WordSim-353, times 100."""

Scores = list[tuple[float, ...]]
"""WordSim-353 and SimLex-999: before, after more text, after more with new words."""


def asked_words() -> set[str]:
    """Every word of the test sets, in lower case."""
    files = ("wordsim353.tsv", "simlex999.txt")
    return {word.lower() for file in files for word in Path(datapath(file)).read_text().split()}


def choose(late: list[str], n_words: int) -> list[str]:
    """Words that come often enough in the last part and are not asked about."""
    counts, asked = Counter(word for line in late for word in line.split()), asked_words()
    pool = [
        word
        for word, count in sorted(counts.items())
        if _LEAST_SIGHTINGS <= count <= _MOST_SIGHTINGS and word.lower() not in asked
    ]
    if len(pool) < n_words:
        sys.exit(f"only {len(pool)} words are frequent enough in the last part; more --late")
    return random.Random(_SEED).sample(pool, n_words)


def learn_online(
    config: LearnerConfig,
    early: list[str],
    lates: list[list[str]],
    new: list[str],
    score: Callable[[quality.Vectors], tuple[float, ...]],
) -> Scores:
    """One model, then each of the last parts from where it stood."""
    model = OnlineWord2Vec(config)
    for batch in batches(early):
        model.learn_text(batch)
    scores = [score((model.vocabulary.words(), model.vectors()))]
    with tempfile.TemporaryDirectory() as folder:
        path = model.snapshot(folder)
        for late in lates:
            model = OnlineWord2Vec.restore(path)
            for batch in batches(late):
                model.learn_text(batch)
            words = model.vocabulary.words()
            scores.append(score((words, model.vectors())))
            print(f"{len(set(new) & set(words))} of the new words have a vector", flush=True)
    return scores


def learn_gensim(
    config: LearnerConfig,
    early: list[str],
    lates: list[list[str]],
    score: Callable[[quality.Vectors], tuple[float, ...]],
) -> Scores:
    """The same with gensim: one epoch each, the vocabulary updated before the last part."""
    with tempfile.TemporaryDirectory() as folder:
        file, saved = str(Path(folder) / "text"), str(Path(folder) / "model")
        Path(file).write_text("".join(f"{line}\n" for line in early))
        model = Word2Vec(
            corpus_file=file, sg=1 - config.cbow, hs=1, negative=0, epochs=1, workers=1
        )
        scores = [score((model.wv.index_to_key, model.wv.vectors))]
        model.save(saved)
        for late in lates:
            model = Word2Vec.load(saved)
            Path(file).write_text("".join(f"{line}\n" for line in late))
            model.build_vocab(corpus_file=file, update=True)
            words = sum(len(line.split()) for line in late)
            model.train(corpus_file=file, total_examples=len(late), total_words=words, epochs=1)
            scores.append(score((model.wv.index_to_key, model.wv.vectors)))
    return scores


def main() -> None:
    """Learn, go on, score, print; ends with an error if old words lose more than 0.01."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    text.add_data_option(parser, required=True)
    parser.add_argument("--late", type=int, default=2_000_000, help="words of the last part")
    parser.add_argument("--words", type=int, default=1000, help="new ones in it")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--models", nargs="+", choices=["sg", "cbow"], default=["sg", "cbow"])
    parser.add_argument("--gensim", action="store_true", help="also gensim, with one seed")
    report.add_docs_option(parser)
    options = parser.parse_args()
    lines = text.read_lines(options.data)
    middle = len(lines) - options.late // text.LINE_WORDS
    new = choose(lines[middle:], options.words)
    early = thinned(lines[:middle], new, 0)
    lates = [thinned(lines[middle:], new, 0), lines[middle:]]
    counts = Counter(word for line in early for word in line.split())
    frequent = [word for word, count in counts.most_common() if count >= LearnerConfig().min_count]

    def score(vectors: quality.Vectors) -> tuple[float, ...]:
        found = quality.similarity(vectors, frequent)
        print(found, flush=True)
        return found

    results: dict[str, list[Scores]] = {}
    for name in options.models:
        configs = [
            LearnerConfig(loss="hs", cbow=name == "cbow", seed=seed) for seed in options.seeds
        ]
        results[f"w2v-stream {name}"] = [
            learn_online(config, early, lates, new, score) for config in configs
        ]
        if options.gensim:
            results[f"gensim {name}"] = [learn_gensim(configs[0], early, lates, score)]
    rows, lost = [], {}
    for name, runs in results.items():
        before, more, joined = np.mean(runs, axis=0)
        shown = [f"{scores[0]:.1f}" for scores in (before, more, joined)]
        change = f"{joined[0] - before[0]:+.1f}"
        rows.append([name, *shown, change, f"{before[1]:.1f} to {joined[1]:.1f}"])
        lost[name] = before[0] - joined[0]
    header = ["WordSim-353", "before", "after more text", "with new words", "change"]
    header += ["SimLex-999"]
    conditions = report.conditions(
        "continue_hs",
        f"Text: {options.data.name}, {len(lines) * text.LINE_WORDS:,} words, the last "
        f"{options.late:,} of them continued with; {len(new)} new words.",
        f"Options: the defaults with --loss hs, mean of {len(options.seeds)} seeds; gensim once.",
        packages=["gensim"],
    )
    report.publish_table(
        "continue_hs", header, rows, conditions, write_docs=options.write_docs, scores=results
    )
    missed = {name: x for name, x in lost.items() if name.startswith("w2v") and x > _LIMIT}
    if missed:
        sys.exit(f"old words lost more than {_LIMIT} on WordSim-353: {missed}")


if __name__ == "__main__":
    main()
