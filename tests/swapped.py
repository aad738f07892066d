"""A stream of two groups of words, in which some words trade places with those of the other."""

from __future__ import annotations

import numpy as np

LAST = 10_000
"""Records before the trade."""

TRADED = (3, 17)
WORDS = {f"{group}{number}" for group in "ab" for number in TRADED}
"""The words that change."""


def records() -> list[list[str]]:
    """12,000 records of 20 words each; 120 words, each about 2,000 times."""
    generator = np.random.default_rng(5)
    found = []
    for lines, traded in ((LAST, ()), (2_000, TRADED)):
        groups = generator.integers(0, 2, lines)
        numbers = generator.integers(0, 60, (lines, 20))
        for group, line in zip(groups.tolist(), numbers.tolist(), strict=True):
            found.append(["ab"[group ^ (i in traded)] + str(i) for i in line])
    return found
