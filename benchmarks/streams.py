"""A dated stream: how well what was learned so far foretells the words of the next slice.

Usage: python -m benchmarks.streams DATED_TEXT [--replay N] [--gensim] [--slices 12] [--seed 1]

DATED_TEXT has a line ``date<TAB>text`` a record, in order of time, and may be ``.xz``. It is cut
into slices with as many lines. After each slice one word of every line of the next one is hidden,
and ranked against 100 words about as frequent, by their cosines with the mean of the line's other
words. Printed are mean reciprocal ranks: of all words, of new ones (few occurrences before the last
slice) and of bursting ones (three times as frequent in the next slice as before). With ``--replay``
there is also a model that replays its last million words so often, asked as it is and annealed in a
copy after each slice, as ``run --anneal-every`` does. With ``--gensim`` a model of gensim's learns
each slice with five epochs.
"""

from __future__ import annotations

import argparse
import lzma
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online import LearnerConfig, OnlineWord2Vec

RIVALS = 100
"""Words that a hidden word is ranked against."""

QUESTIONS = 4000
"""Lines of a slice that are asked at most."""

MIN_COUNT = 5
NEW_COUNT = 20
BURST = 3.0
REPLAY_WORDS = 1_000_000

Lines = list[list[str]]
Table = dict[str, NDArray[np.float32]]


def read_slices(path: Path, slices: int) -> list[Lines]:
    """The words of each line, lower case, in so many slices."""
    opened = lzma.open if path.suffix == ".xz" else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as stream:
        lines = [line.partition("\t")[2].lower().split() for line in stream]
    ends = np.linspace(0, len(lines), slices + 1).astype(int)
    return [lines[a:b] for a, b in pairwise(ends.tolist())]


def questions(
    lines: Lines, counts: Counter[str], previous: Counter[str], seed: int
) -> list[tuple[str, list[str], list[str]]]:
    """Hidden word, the other words of its line, and its kinds."""
    rng = random.Random(seed)
    here, total = Counter(w for line in lines for w in line), max(1, counts.total())
    size = max(1, here.total())
    asked = []
    for line in rng.sample(lines, min(QUESTIONS, len(lines))):
        known = [word for word in line if counts[word] >= MIN_COUNT]
        if len(known) < 4:
            continue
        word = rng.choice(known)
        kinds = ["all"]
        if counts[word] - previous[word] < NEW_COUNT:
            kinds.append("new")
        if here[word] >= 10 and here[word] / size > BURST * counts[word] / total:
            kinds.append("burst")
        asked.append((word, [w for w in known if w != word], kinds))
    return asked


def reciprocal_ranks(
    table: Table, asked: list[tuple[str, list[str], list[str]]], counts: Counter[str]
) -> dict[str, list[float]]:
    """By kind the reciprocal rank of each hidden word; 0 for one without a vector."""
    ranked = [word for word, _ in counts.most_common() if counts[word] >= MIN_COUNT]
    place = {word: i for i, word in enumerate(ranked)}
    found: dict[str, list[float]] = {"all": [], "new": [], "burst": []}
    for word, others, kinds in asked:
        first = max(0, min(place[word] - RIVALS // 2, len(ranked) - RIVALS - 1))
        rivals = [w for w in ranked[first : first + RIVALS + 1] if w != word and w in table]
        context = [table[w] for w in others if w in table]
        rank = 0.0
        if word in table and context:
            mean = np.mean(context, axis=0)
            better = sum(float(table[w] @ mean) > float(table[word] @ mean) for w in rivals)
            rank = 1.0 / (1 + better)
        for kind in kinds:
            found[kind].append(rank)
    return found


def unit_table(words: list[str], vectors: NDArray[np.float32]) -> Table:
    """Unit vectors by word."""
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return dict(zip(words, vectors / lengths, strict=True))


def ours(seed: int, **options: int) -> Callable[[Lines], Table]:
    """The learner with its defaults but for these options."""
    model = OnlineWord2Vec(LearnerConfig(seed=seed, **options))

    def learn(lines: Lines) -> Table:
        model.learn(lines)
        return unit_table(model.vocabulary.words(), model.vectors())

    return learn


def annealed(seed: int, replay: int) -> Callable[[Lines], Table]:
    """A learner with replay whose copy is annealed after each slice."""
    model = OnlineWord2Vec(LearnerConfig(seed=seed, replay=replay, replay_words=REPLAY_WORDS))

    def learn(lines: Lines) -> Table:
        model.learn(lines)
        with tempfile.TemporaryDirectory() as folder:
            copy = OnlineWord2Vec.restore(model.snapshot(folder))
        copy.anneal()
        return unit_table(copy.vocabulary.words(), copy.vectors())

    return learn


def gensim(seed: int) -> Callable[[Lines], Table]:
    """Gensim's skip-gram, five epochs over each slice."""
    from gensim.models import Word2Vec

    model = Word2Vec(sg=1, vector_size=100, min_count=MIN_COUNT, seed=seed, workers=1)

    def learn(lines: Lines) -> Table:
        model.build_vocab(lines, update=len(model.wv) > 0)
        model.train(lines, total_examples=len(lines), epochs=5)
        return unit_table(list(model.wv.index_to_key), model.wv.vectors)

    return learn


def main() -> None:
    """Learn, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--replay", type=int, default=0)
    parser.add_argument("--gensim", action="store_true")
    options = parser.parse_args()
    slices = read_slices(options.text, options.slices)
    learners = {"w2v-stream": ours(options.seed)}
    if options.replay:
        replay = {"replay": options.replay, "replay_words": REPLAY_WORDS}
        name = f"--replay {options.replay} --replay-words {REPLAY_WORDS}"
        learners[name] = ours(options.seed, **replay)
        learners[f"{name}, annealed"] = annealed(options.seed, options.replay)
    if options.gensim:
        learners["gensim, 5 epochs a slice"] = gensim(options.seed)
    results = {name: {"all": [], "new": [], "burst": []} for name in learners}  # type: ignore[var-annotated]
    counts: Counter[str] = Counter()
    seconds = dict.fromkeys(learners, 0.0)
    for i, lines in enumerate(slices[:-1]):
        previous = Counter(word for line in lines for word in line)
        counts.update(previous)
        asked = questions(slices[i + 1], counts, previous, options.seed)
        for name, learn in learners.items():
            began = time.process_time()
            table = learn(lines)
            seconds[name] += time.process_time() - began
            for kind, ranks in reciprocal_ranks(table, asked, counts).items():
                results[name][kind] += ranks
    for name, found in results.items():
        cells = [f"{kind} {np.mean(r):.3f} ({len(r)})" for kind, r in found.items()]
        print(f"{name}: MRR {', '.join(cells)}; {seconds[name]:.1f} CPU seconds")


if __name__ == "__main__":
    main()
