"""Learning rates for a stream without an end: per row, falling with the row's own updates,
and for all rows by the age of the model (:func:`rate_scale`).

    rate(n) = max(min_alpha, share * alpha / sqrt(1 + n / tau))

n is how often the row was updated, so a word that arrives after a billion others still starts at
the full rate, while a frequent one learns slowly; the floor keeps old words learning. ``share``
depends on the matrix and on the model. A row of syn0 is updated once for each centre whose window
it is in, which is window + 1 times on average whenever its word occurs; a row of syn1 once for
each centre that it is target or negative of. So what is counted is occurrences for syn0 and
centres for syn1. With replay rates of syn0 stay high for longer, by more than the same text is
counted more often; those of syn1 fall as without.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.windows import RATE_STEPS

SHARES = {
    ("ns", False): (0.5, 1.0),
    ("ns", True): (8.0, 3.0),
    ("hs", False): (0.5, 1.0),
    ("hs", True): (8.0, 2.0),
    ("softmax", False): (0.5, 1.0),
    ("softmax", True): (8.0, 2.0),
}
"""By loss and whether it is CBOW: shares of ``alpha`` for rows of syn0 and of syn1. CBOW has one
step for a window, each input row getting a part of it, where skip-gram has one for each row."""

YOUTH_WORDS = 3_000_000
"""Words after which a young model's rates are half-way down to a grown one's; measured, too."""

INFANCY_WORDS = 100_000
"""The same for what the very first words add, whose rows begin at random."""

MAX_YOUNG_SCALE = 4.0
"""Most times the usual rates that a model learns at because it is young."""

TAU_INPUT = 2000.0
TAU_OUTPUT = 1000.0
"""Pairs and centres after which a rate has fallen by sqrt(2); measured, like SHARES."""

REPLAY_TAU_INPUT = 37.0
"""What each extra pass over a text adds to TAU_INPUT, in parts of it; measured, too."""

ANNEALING_TAU = 20.0
"""While a model is annealed, tau of both matrices is so many times as large; measured, too."""

ANNEALING_WORDS = 7_000_000
"""Words of the stream after which windows are half as wide while annealing; measured, too."""

MIN_ANNEALING_WINDOW = 0.35
"""The least that is left of it."""


def rate_table(
    alpha: float,
    min_alpha: float,
    window: int,
    replay: int = 0,
    *,
    loss: str = "ns",
    cbow: bool = False,
    annealing: bool = False,
) -> NDArray[np.float32]:
    """float32[2, 32 * RATE_STEPS]: the rate by ``rate_index`` for rows of syn0 and of syn1."""
    steps = np.arange(32 * RATE_STEPS)
    # The index takes the upper bits of a float: within a doubling it is linear in n + 1.
    updates = 2.0 ** (steps // RATE_STEPS) * (1.0 + (steps % RATE_STEPS) / RATE_STEPS) - 1.0
    if annealing and _is_plain(loss, cbow=cbow):
        late_input = late_output = ANNEALING_TAU
    else:
        late_input, late_output = 1.0 + REPLAY_TAU_INPUT * replay, 1.0
    tau = np.array([[late_input * TAU_INPUT / (window + 1)], [late_output * TAU_OUTPUT]])
    share = np.array(SHARES[loss, cbow])[:, None]
    rates: NDArray[np.float64] = np.maximum(min_alpha, share * alpha / np.sqrt(1.0 + updates / tau))
    return rates.astype(np.float32)


def rate_indices(updates: NDArray[np.uint32]) -> NDArray[np.int64]:
    """int64, as ``updates``: the kernel's ``rate_index``, for many rows at once."""
    bits = (updates + 1.0).astype(np.float32).view(np.int32).astype(np.int64)
    return (bits - (127 << 23)) >> 19


def rate_scale(
    total_words: int, scale: float = 1.0, replay: int = 0, *, loss: str = "ns", cbow: bool = False
) -> float:
    """At how many times its rates a model learns that has read so many words.

    ``scale`` is that of a grown model. A young one has far to go and may learn faster, which
    must end for it to converge:

        scale * (1 + 1 / (1 + (t / YOUTH_WORDS)^2) + 1 / (1 + (t / INFANCY_WORDS)^2))

    with t the ``total_words``.

    This is for skip-gram with negative sampling; others do not gain from it, nor does one that
    gets far with replay.
    """
    if replay or not _is_plain(loss, cbow=cbow):
        return scale
    youth, infancy = (
        1.0 / (1.0 + (total_words / words) ** 2) for words in (YOUTH_WORDS, INFANCY_WORDS)
    )
    return max(scale, min(scale * (1.0 + youth + infancy), MAX_YOUNG_SCALE))


def annealing_window(
    window: int, total_words: int, *, loss: str = "ns", cbow: bool = False
) -> float:
    """The mean window while annealing a model that has read so many words.

        window * max(MIN_ANNEALING_WINDOW, 1 / (1 + t / ANNEALING_WORDS))

    with t the ``total_words``, and at least 1. Wide windows tell what words are about, and a young
    model needs all they have; narrow ones then tell which words can stand for each other. This is
    for skip-gram with negative sampling; others lose by it and keep their windows.
    """
    if not _is_plain(loss, cbow=cbow):
        return window
    share = 1.0 / (1.0 + total_words / ANNEALING_WORDS)
    return max(1.0, window * max(MIN_ANNEALING_WINDOW, share))


def _is_plain(loss: str, *, cbow: bool) -> bool:
    """Whether it is skip-gram with negative sampling."""
    return loss == "ns" and not cbow
