"""A stream that changes: how fast vectors follow new meanings, and how stable the others stay.

Usage: python -m benchmarks.change --data TEXT [--pairs 20] [--first WORDS] [--steps 4]

After so many words of TEXT (half of them by default) the words of each pair replace each other. At
every step the ten nearest neighbours of these words are compared with those that their partners had
before (followed) and with their own (not forgotten yet); those of words that stay as they are, with
their own (stable). With replay, once more when the model was annealed on what is kept. Also printed
are the words read until 50 and 90 percent of the neighbours that are old or new are new.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter

from benchmarks import report, text
from benchmarks.newcomers import FREQUENT_WORDS, TOPN, Neighbors, neighbors, overlap
from benchmarks.planted import batches, choose, partners, swapped
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

CONFIGS = {
    "defaults": LearnerConfig(),
    "--half-life 2000000": LearnerConfig(half_life=2_000_000),
    "--replay 4": LearnerConfig(replay=4),
    "--replay 4 --replay-words 1000000": LearnerConfig(replay=4, replay_words=1_000_000),
}
_MIN_COUNT = 500
STEADY_WORDS = 200
_MIN_STEADY_COUNT = 50
_SEED = 1


class Followed:
    """How the neighbours of words that swap, and of some that stay, change from now on."""

    def __init__(self, model: OnlineWord2Vec, partner: dict[str, str], steady: list[str]) -> None:
        self._model = model
        self._moved, self._steady = list(partner), steady
        self._before = before = self._now()
        # A word's partner has its own old place among what the word is near to now.
        self._wanted = {w: {partner.get(n, n) for n in before[partner[w]]} for w in partner}

    def _now(self) -> Neighbors:
        with tempfile.TemporaryDirectory() as folder:
            vectors = load_vectors(self._model.snapshot(folder, vectors_only=True))
            return neighbors(vectors, [*self._moved, *self._steady])

    def scores(self) -> tuple[float, float, float]:
        """The share of neighbours followed, not forgotten and stable by now."""
        after = self._now()
        moved = {word: after[word] for word in self._moved}
        steady = {word: after[word] for word in self._steady}
        before = self._before
        return overlap(moved, self._wanted), overlap(moved, before), overlap(steady, before)


def follow(
    config: LearnerConfig,
    halves: list[list[str]],
    partner: dict[str, str],
    steady: list[str],
    steps: int,
) -> list[tuple[float, float, float]]:
    """Followed, not forgotten and stable after each step of the second half, and annealed."""
    model = OnlineWord2Vec(config)
    for batch in batches(halves[0]):
        model.learn_text(batch)
    followed = Followed(model, partner, steady)
    results = []
    size = -(-len(halves[1]) // steps)
    for first in range(0, len(halves[1]), size):
        for batch in batches(halves[1][first : first + size]):
            model.learn_text(batch)
        results.append(followed.scores())
    if config.replay:
        model.anneal()
        results.append(followed.scores())
    return results


def lines_of(lines: list[str], words: int) -> int:
    """How many lines hold so many words."""
    read = 0
    for i, line in enumerate(lines):
        read += len(line.split())
        if read >= words:
            return i + 1
    return len(lines)


def words_until(share: float, results: list[tuple[float, float, float]], step: float) -> str:
    """Million words until so much of what is old or new is new; ``step`` million words apart."""
    before = 0.0
    for i, (followed, kept, _) in enumerate(results):
        now = followed / max(followed + kept, 1e-9)
        if now >= share:
            return f"{step * (i + (share - before) / (now - before)):.1f}"
        before = now
    return f"over {step * len(results):.1f}"


def main() -> None:
    """Learn, swap, follow, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    text.add_data_option(parser, required=True)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--first", type=int, help="words before the change; half of the text")
    parser.add_argument("--steps", type=int, default=4)
    report.add_docs_option(parser)
    options = parser.parse_args()
    lines = text.read_lines(options.data)
    middle = len(lines) // 2
    if options.first is not None:
        middle = lines_of(lines, options.first)
    halves = [lines[:middle], lines[middle:]]
    counts = [Counter(word for line in half for word in line.split()) for half in halves]
    words = choose(counts, _MIN_COUNT, options.pairs, _SEED)
    partner = partners(words)
    pool = [w for w, n in (counts[0] + counts[1]).most_common(FREQUENT_WORDS // 3)]
    steady = random.Random(_SEED).sample(
        [w for w in pool if w not in partner and counts[0][w] >= _MIN_STEADY_COUNT], STEADY_WORDS
    )
    halves[1] = [swapped(line, partner) for line in halves[1]]
    second = sum(counts[1].values())
    rows = []
    for name, config in CONFIGS.items():
        results = follow(config, halves, partner, steady, options.steps)
        for i, label in enumerate(("followed", "kept", "stable")):
            cells = [f"{scores[i]:.2f}" for scores in results]
            rows.append([f"{name}: {label}", *cells, *[""] * (options.steps + 1 - len(cells))])
        print("\n".join(map(str, rows[-3:])), flush=True)
        learned = results[: options.steps]
        for share in (0.5, 0.9):
            until = words_until(share, learned, second / options.steps / 1e6)
            print(f"{name}: {share:.0%} new after {until} million words", flush=True)
    reached = [f"{second * (i + 1) / options.steps / 1e6:.1f}" for i in range(options.steps)]
    header = ["after so many million words", *reached, "annealed"]
    conditions = report.conditions(
        "change",
        f"Text: {options.data.name}; {len(words)} words change places in the middle.",
        f"Neighbours: {TOPN} among the {FREQUENT_WORDS:,} most frequent words; {STEADY_WORDS} "
        "words drawn from the 10,000 most frequent ones stay as they are.",
    )
    report.publish_table(
        "change", header, rows, conditions, write_docs=options.write_docs, words=words
    )


if __name__ == "__main__":
    main()
