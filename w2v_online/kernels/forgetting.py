"""Forgetting candidates: all entries together are a heavy-hitter summary.

When the candidates are full, a quarter of them is forgotten, and what they may have counted bounds
the count of any absent word (a batched form of Misra & Gries 1982 and of Manku & Motwani 2002).
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel, rare
from w2v_online.kernels.table import (
    ARENA_END,
    FORGOTTEN_WORDS,
    MISSED,
    N_CANDIDATES,
    N_FREE,
    N_ROWS,
    UNSENT,
    compact,
    record_words,
    sent_count,
    set_sent,
)

_DIGIT_BITS = 16
HISTOGRAM_BINS = 1 << _DIGIT_BITS

FORGOTTEN_SHARE = 4
"""One in so many candidates is forgotten when they are full."""


@rare
def _kth_smallest(vocabulary, first, last, k, of_rows):
    """The k-th smallest value of entries ``first`` to ``last``, and how many are less.

    Of candidates the value is count + error; of rows the count, pinned ones left out. A radix
    selection from the highest digit on, as quick when all tie: floats that are not negative order
    like their bits. k counts from 1.
    """
    histogram = vocabulary.histogram
    prefix = np.uint64(0)
    less = 0
    for digit in range(4):
        shift = np.uint64(64 - (digit + 1) * _DIGIT_BITS)
        histogram[:] = 0
        for entry in range(first, last):
            if of_rows and vocabulary.pinned[entry]:
                continue
            error = 0.0 if of_rows else vocabulary.errors[entry]
            bits = np.float64(vocabulary.counts[entry] + error).view(np.uint64)
            if digit == 0 or (bits >> (shift + np.uint64(_DIGIT_BITS))) == prefix:
                histogram[np.int64((bits >> shift) & np.uint64(HISTOGRAM_BINS - 1))] += 1
        bin_ = 0
        while less + histogram[bin_] < k:
            less += histogram[bin_]
            bin_ += 1
        prefix = (prefix << np.uint64(_DIGIT_BITS)) | np.uint64(bin_)
    return np.uint64(prefix).view(np.float64), less


@kernel
def rarest_rows(vocabulary, rows):
    """Fill ``rows`` (int32) with the unpinned rows that have the smallest counts, by number."""
    n_rows = vocabulary.numbers[N_ROWS]
    threshold, less = _kth_smallest(vocabulary, 0, n_rows, len(rows), True)
    ties = len(rows) - less
    filled = 0
    for row in range(n_rows):
        count = vocabulary.counts[row]
        if vocabulary.pinned[row] == 0 and (count < threshold or (count == threshold and ties > 0)):
            ties -= count == threshold
            rows[filled] = np.int32(row)
            filled += 1


@inner
def free_candidate(vocabulary, entry):
    """Let a candidate's entry hold no word."""
    numbers = vocabulary.numbers
    vocabulary.counts[entry] = 0.0
    vocabulary.errors[entry] = 0.0
    vocabulary.starts[entry] = -1
    set_sent(vocabulary, entry, 0.0)
    vocabulary.free[numbers[N_FREE]] = np.int32(entry)
    numbers[N_FREE] += 1


@rare
def forget_candidates(vocabulary, max_rows):
    """Forget a quarter of the candidates, rarest first, oldest first among equals.

    What the forgotten may have been seen becomes MISSED, the bound for every absent word and the
    error of every word that is entered from now on. Amortised constant per new word. Sightings of
    the forgotten that others were not told of yet, they will never be told of: UNSENT grows by as
    many as one word had of them at most.
    """
    numbers = vocabulary.numbers
    last = max_rows + numbers[N_CANDIDATES]
    to_forget = numbers[N_CANDIDATES] // FORGOTTEN_SHARE + 1
    threshold, less = _kth_smallest(vocabulary, max_rows, last, to_forget, False)
    ties = to_forget - less
    unsent = 0.0
    position = 0
    while position < numbers[ARENA_END]:
        header = vocabulary.arena[position]
        entry = np.int64(header >> np.uint64(32))
        if entry >= max_rows:
            most = vocabulary.counts[entry] + vocabulary.errors[entry]
            if most < threshold or (most == threshold and ties > 0):
                ties -= most == threshold
                numbers[FORGOTTEN_WORDS] += 1
                unsent = max(unsent, vocabulary.counts[entry] - sent_count(vocabulary, entry))
                free_candidate(vocabulary, entry)
        position += record_words(header)
    vocabulary.sums[MISSED] = max(vocabulary.sums[MISSED], threshold)
    vocabulary.sums[UNSENT] += unsent
    compact(vocabulary)
