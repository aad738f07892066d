"""Learning rates for a stream without an end: per row, falling with the row's own updates,
and for all rows by the age of the model (:func:`rate_scale`).

    rate(n) = max(least, share * alpha / sqrt(1 + n / tau))

n is how often the row was updated, so a word that arrives after a billion others still starts at
the full rate, while a frequent one learns slowly; the floor (:func:`least_rate`) keeps old words
learning. ``share`` depends on the matrix and on the model. A row of syn0 is updated once for each
centre whose window it is in, which is window + 1 times on average whenever its word occurs; a row
of syn1 once for each centre that it is target or negative of. So what is counted is occurrences for
syn0 and centres for syn1. With replay rates of syn0 stay high for longer, by more than the same
text is counted more often; those of syn1 fall as without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.training import RATE_STEPS

MIN_ALPHA = 0.002
"""The least rate of a new model, where none is set."""

OLD_WORDS = 30_000_000
"""Words after which the least rate is half-way to that of an old model."""


@dataclass(frozen=True)
class RateProfile:
    """How an objective with one of the two architectures learns."""

    input_share: float
    output_share: float
    """Shares of ``alpha`` for rows of syn0 and of syn1, chosen by measurement. CBOW has one step
    for a window, each input row getting a part of it, where skip-gram has one for each row."""

    old_min_alpha: float = MIN_ALPHA
    """The least rate of an old model (:func:`least_rate`), chosen by measurement."""

    is_fast_when_young: bool = False
    """Whether rates are higher early in training (:func:`rate_scale`)."""

    anneals_narrow: bool = False
    """Whether annealing has rates and windows of its own (:func:`annealing_window`)."""


YOUTH_WORDS = 3_000_000
"""Words after which half of the first increase of early rates is gone; chosen by measurement."""

INFANCY_WORDS = 100_000
"""The same for the second increase, of the very first words, whose rows begin at random."""

MAX_YOUNG_SCALE = 4.0
"""Upper bound of that increase, as a multiple of the usual rates."""

TAU_INPUT = 2000.0
TAU_OUTPUT = 1000.0
"""Pairs and centres after which a rate has fallen by sqrt(2); measured."""

REPLAY_TAU_INPUT = 37.0
"""What each extra pass over a text adds to TAU_INPUT, in parts of it; measured."""

ANNEALING_TAU = 20.0
"""While a model is annealed, tau of both matrices is so many times as large; measured."""

ANNEALING_WORDS = 7_000_000
"""Words of the stream after which windows are half as wide while annealing; measured."""

MIN_ANNEALING_WINDOW = 0.35
"""The least that is left of it."""


def rate_table(
    profile: RateProfile,
    alpha: float,
    window: int,
    replay: int = 0,
    *,
    annealing: bool = False,
) -> NDArray[np.float32]:
    """float32[2, 32 * RATE_STEPS]: the rate by ``rate_index`` for rows of syn0 and of syn1.

    Without the floor, which rises with age (:func:`least_rate`).
    """
    steps = np.arange(32 * RATE_STEPS)
    # The index takes the upper bits of a float: within a doubling it is linear in n + 1.
    updates = 2.0 ** (steps // RATE_STEPS) * (1.0 + (steps % RATE_STEPS) / RATE_STEPS) - 1.0
    if annealing and profile.anneals_narrow:
        late_input = late_output = ANNEALING_TAU
    else:
        late_input, late_output = 1.0 + REPLAY_TAU_INPUT * replay, 1.0
    tau = np.array([[late_input * TAU_INPUT / (window + 1)], [late_output * TAU_OUTPUT]])
    share = np.array([[profile.input_share], [profile.output_share]])
    rates: NDArray[np.float64] = share * alpha / np.sqrt(1.0 + updates / tau)
    return rates.astype(np.float32)


def rate_indices(updates: NDArray[np.uint32]) -> NDArray[np.int64]:
    """int64, as ``updates``: the kernel's ``rate_index``, for many rows at once."""
    bits = (updates + 1.0).astype(np.float32).view(np.int32).astype(np.int64)
    return (bits - (127 << 23)) >> 19


def rate_scale(
    profile: RateProfile, total_words: int, scale: float = 1.0, *, has_replay: bool = False
) -> float:
    """The factor of all rates after ``total_words`` words of the stream.

    ``scale`` is the factor later on. Early in training vectors have far to go and may learn
    faster, which must end for them to converge:

        scale * (1 + 1 / (1 + (t / YOUTH_WORDS)^2) + 1 / (1 + (t / INFANCY_WORDS)^2))

    with t the ``total_words``. Skip-gram with negative sampling gains from it; the other
    objectives do not, nor does a model that makes extra passes with replay.
    """
    if has_replay or not profile.is_fast_when_young:
        return scale
    youth, infancy = (
        1.0 / (1.0 + (total_words / words) ** 2) for words in (YOUTH_WORDS, INFANCY_WORDS)
    )
    return max(scale, min(scale * (1.0 + youth + infancy), MAX_YOUNG_SCALE))


def least_rate(
    profile: RateProfile, alpha: float, min_alpha: float | None, total_words: int
) -> float:
    """The floor of rates after ``total_words`` words of the stream; it is ``min_alpha`` if given.

    Otherwise, with t the ``total_words`` and ``old`` the profile's least rate of an old model,

        MIN_ALPHA + (old - MIN_ALPHA) t^2 / (t^2 + OLD_WORDS^2)

    A frequent word of an old model was updated so often that it would hardly follow a change of its
    use. It is never more than ``alpha``.
    """
    if min_alpha is not None:
        return min(alpha, min_alpha)
    age = total_words**2 / (total_words**2 + OLD_WORDS**2)
    return min(alpha, MIN_ALPHA + (profile.old_min_alpha - MIN_ALPHA) * age)


def annealing_window(profile: RateProfile, window: int, total_words: int) -> float:
    """The mean window while annealing a model that has read so many words.

        window * max(MIN_ANNEALING_WINDOW, 1 / (1 + t / ANNEALING_WORDS))

    with t the ``total_words``, and at least 1. Wide windows tell what words are about, and early
    in training all of that is needed; narrow ones then tell which words can stand for each other.
    Skip-gram with negative sampling gains from it; the other objectives keep their windows.
    """
    if not profile.anneals_narrow:
        return window
    share = 1.0 / (1.0 + total_words / ANNEALING_WORDS)
    return max(1.0, window * max(MIN_ANNEALING_WINDOW, share))
