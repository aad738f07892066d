"""A stream that goes on changing: whether old models follow as fast as new ones.

Usage: python -m benchmarks.aging --data TEXT [--changes 10] [--every 20000000] [--pairs 20]

The lines of TEXT are learned again and again, each time in another order. After every so many words
other pairs of words replace each other from then on. After each change the ten nearest neighbours
of these words are compared, every half a million words, with those that their partners had before
(followed) and with their own (not forgotten yet); printed are the million words until half and nine
tenths of the neighbours that are old or new are new, and the share of neighbours of words that stay
as they are that is the same two million words later. Lines that come again are easier to learn than
new ones, and topics that come in an order of their own are not part of this.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator

from benchmarks import report, text
from benchmarks.change import STEADY_WORDS, Followed, words_until
from benchmarks.newcomers import FREQUENT_WORDS
from benchmarks.planted import batches, partners, swapped
from w2v_online import LearnerConfig, OnlineWord2Vec

_STEP_LINES = 500
_STEPS = 10
_STABLE_STEP = 4
_LEAST_SHARE, _GREATEST_SHARE = 5e-5, 5e-4
"""Of the text, of a word that is swapped."""


def endless(lines: list[str], rng: random.Random) -> Iterator[str]:
    """The lines again and again, each time in another order."""
    while True:
        yield from rng.sample(lines, len(lines))


class Stream:
    """A model, its text, and which words stand for each other by now."""

    def __init__(self, lines: list[str], seed: int, pairs: int, changes: int) -> None:
        self._rng = random.Random(seed)
        counts = Counter(word for line in lines for word in line.split())
        total = counts.total()
        likely = [
            word
            for word, count in sorted(counts.items())
            if _LEAST_SHARE < count / total < _GREATEST_SHARE
        ]
        drawn = self._rng.sample(likely, 2 * pairs * changes)
        self._draws = [drawn[i : i + 2 * pairs] for i in range(0, len(drawn), 2 * pairs)]
        common = [word for word, _ in counts.most_common(FREQUENT_WORDS // 3)]
        self._steady = self._rng.sample(sorted(set(common) - set(drawn)), STEADY_WORDS)
        self._lines = endless(lines, self._rng)
        self._partner: dict[str, str] = {}
        self._model = OnlineWord2Vec(LearnerConfig(seed=seed))

    def learn(self, n_lines: int) -> None:
        """The next lines, with the words that stand for each other by now."""
        taken = [swapped(next(self._lines), self._partner) for _ in range(n_lines)]
        for batch in batches(taken):
            self._model.learn_text(batch)

    def change(self) -> list[tuple[float, float, float]]:
        """Let other words swap; followed, not forgotten and stable after each step."""
        words = self._draws.pop()
        partner = partners(words)
        followed = Followed(self._model, partner, self._steady)
        self._partner |= partner
        results = []
        for _ in range(_STEPS):
            self.learn(_STEP_LINES)
            results.append(followed.scores())
        return results


def main() -> None:
    """Learn, change, follow, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    text.add_data_option(parser, required=True)
    parser.add_argument("--changes", type=int, default=10)
    parser.add_argument("--every", type=int, default=20_000_000, help="words between changes")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    lines = text.read_lines(options.data)
    stream = Stream(lines, options.seed, options.pairs, options.changes)
    every = options.every // text.LINE_WORDS
    step = _STEP_LINES * text.LINE_WORDS / 1e6
    stream.learn(every)
    rows = []
    for i in range(1, options.changes + 1):
        results = stream.change()
        until = [words_until(share, results, step) for share in (0.5, 0.9)]
        row = [f"{i * every * text.LINE_WORDS / 1e6:.0f}", *until]
        rows.append([*row, f"{results[_STABLE_STEP - 1][2]:.2f}"])
        print(rows[-1], flush=True)
        if i < options.changes:
            stream.learn(every - _STEPS * _STEP_LINES)
    header = ["million words before", "half new after", "nine tenths after", "stable"]
    conditions = report.conditions(
        "aging",
        f"Text: {options.data.name}; {2 * options.pairs} other words swap at each change.",
    )
    report.publish_table("aging", header, rows, conditions, write_docs=False)


if __name__ == "__main__":
    main()
