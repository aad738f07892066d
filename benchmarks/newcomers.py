"""New words: how soon a word that appears late gets its final neighbours.

Usage: python -m benchmarks.newcomers --data TEXT [--late 10000000] [--gensim] [--write-docs]

Some words are deleted from the beginning of TEXT and keep only their first k occurrences in the
rest. Their ten nearest neighbours are compared with those that they have with all occurrences.
gensim cannot continue with new words, so it learns the same text from scratch in one epoch.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from gensim.models import word2vec

from benchmarks import report, text
from benchmarks.planted import batches
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

TOPN = 10
FREQUENT_WORDS = 30_000
"""Neighbours are searched among so many of the most frequent words."""

_LEAST_SIGHTINGS, _MOST_SIGHTINGS = 400, 4000
_SEED = 1


class Searchable(Protocol):
    """Vectors that can be asked for neighbours, as gensim's can."""

    def most_similar(
        self, positive: str, *, topn: int, restrict_vocab: int
    ) -> list[tuple[str, float]]:
        """The nearest words."""


Neighbors = dict[str, set[str]]


def neighbors(vectors: Searchable, words: Iterable[str]) -> Neighbors:
    """The nearest words of each."""
    return {
        word: {
            other
            for other, _ in vectors.most_similar(word, topn=TOPN, restrict_vocab=FREQUENT_WORDS)
        }
        for word in words
    }


def overlap(some: Neighbors, others: Neighbors) -> float:
    """Share of neighbours that are the same, over all words."""
    return sum(len(some[word] & others[word]) for word in some) / (TOPN * len(some))


def choose(rest: Counter[str], n_words: int) -> list[str]:
    """Words that are seen often enough late in the text."""
    pool = [w for w, n in sorted(rest.items()) if _LEAST_SIGHTINGS <= n <= _MOST_SIGHTINGS]
    return random.Random(_SEED).sample(pool, n_words)


def thinned(lines: list[str], words: list[str], keep: int | None) -> list[str]:
    """The lines with the first ``keep`` occurrences of each word only, None for all."""
    if keep is None:
        return lines
    left = Counter(dict.fromkeys(words, keep))
    chosen, kept = set(words), []
    for line in lines:
        tokens = []
        for token in line.split():
            if token in chosen:
                if not left[token]:
                    continue
                left[token] -= 1
            tokens.append(token)
        kept.append(" ".join(tokens))
    return kept


def learn_online(
    config: LearnerConfig, first: list[str], rests: dict[int | None, list[str]], words: list[str]
) -> dict[int | None, Neighbors]:
    """Neighbours after the first part and each of the rests."""
    model = OnlineWord2Vec(config)
    for batch in batches(first):
        model.learn_text(batch)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = model.snapshot(folder)
        for keep, rest in rests.items():
            model = OnlineWord2Vec.restore(path)
            for batch in batches(rest):
                model.learn_text(batch)
            found[keep] = neighbors(load_vectors(model.snapshot(folder)), words)
    return found


def learn_gensim(lines: list[str], words: list[str]) -> Neighbors:
    """Neighbours after one epoch."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "text"
        file.write_text("".join(f"{line}\n" for line in lines))
        model = word2vec.Word2Vec(corpus_file=str(file), sg=1, epochs=1, workers=1)
    return neighbors(model.wv, words)


def main() -> None:
    """Learn, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    text.add_data_option(parser, required=True)
    parser.add_argument("--late", type=int, default=10_000_000, help="words before the new ones")
    parser.add_argument("--words", type=int, default=40)
    parser.add_argument("--keep", type=int, nargs="+", default=[10, 30, 100, 300])
    parser.add_argument("--gensim", action="store_true", help="also gensim, for 100 occurrences")
    report.add_docs_option(parser)
    options = parser.parse_args()
    lines = text.read_lines(options.data)
    middle = options.late // text.LINE_WORDS
    words = choose(Counter(w for line in lines[middle:] for w in line.split()), options.words)
    first = thinned(lines[:middle], words, 0)
    rests = {keep: thinned(lines[middle:], words, keep) for keep in [*options.keep, None]}
    rows = []
    for name, config in {
        "w2v-stream": LearnerConfig(),
        "w2v-stream --subwords": LearnerConfig(subwords=True),
        "w2v-stream --replay 4": LearnerConfig(replay=4),
    }.items():
        found = learn_online(config, first, rests, words)
        rows.append([name, *(f"{overlap(found[k], found[None]):.2f}" for k in options.keep)])
        print(rows[-1], flush=True)
    if options.gensim:
        final = learn_gensim(first + rests[None], words)
        shares = {100: overlap(learn_gensim(first + rests[100], words), final)}
        cells = [f"{shares[k]:.2f}" if k in shares else "" for k in options.keep]
        rows.append(["gensim from scratch", *cells])
    header = ["overlap after so many occurrences", *map(str, options.keep)]
    conditions = report.conditions(
        "newcomers",
        f"Text: {options.data.name}; {len(words)} words new after {options.late:,} words.",
        f"Neighbours: {TOPN} among the {FREQUENT_WORDS:,} most frequent words.",
        packages=["gensim"],
    )
    report.publish_table(
        "newcomers", header, rows, conditions, write_docs=options.write_docs, words=words
    )


if __name__ == "__main__":
    main()
