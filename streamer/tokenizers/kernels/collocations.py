"""Words that follow each other more often than chance, found and joined as they come by.

Counts of words are a count-min sketch with conservative update (Estan & Varghese 2002), never too
low. Counts of pairs are kept in buckets of a table of fixed size: where a bucket is full, a new
pair wears down the rarest one in it until it takes its place; never too high.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.encode import TOKEN_BYTE, TOKEN_END
from w2v_online.kernels.jit import inner, kernel
from w2v_online.kernels.random import mix

BUCKET_PAIRS = 8
"""Pairs a bucket: their keys are one cache line."""

_HASH_START = 1469598103934665603
"""Where a word's hash begins: FNV-1a's offset without its last digit. It stays as it is, for counts
in snapshots are found by it."""

_US, _RS, _JOINT = 31, 30, ord("_")
_MAX_COUNT = 2**32 - 1


class Counts(NamedTuple):
    """What was counted of one level."""

    words: NDArray[np.uint32]  # [2, a power of two]
    keys: NDArray[np.uint64]  # [a power of two], hashes of pairs, 0 where there is none
    pairs: NDArray[np.uint32]  # the same length, their counts
    total: NDArray[np.int64]  # [1], words seen


def new_counts(word_bits: int, pair_bits: int) -> Counts:
    """Nothing counted yet, with room for 2**bits."""
    return Counts(
        np.zeros((2, 1 << word_bits), np.uint32),
        np.zeros(1 << pair_bits, np.uint64),
        np.zeros(1 << pair_bits, np.uint32),
        np.zeros(1, np.int64),
    )


@inner
def _count_word(counts, hashed, learns):
    """Count a word once more if it ``learns``; return how often it was seen, at most too high."""
    mask = np.uint64(counts.words.shape[1] - 1)
    first, second = hashed & mask, (hashed >> np.uint64(32)) & mask
    a, b = counts.words[0, first], counts.words[1, second]
    count = min(a, b)
    if not learns:
        return np.float64(count)
    if count < _MAX_COUNT:
        count += np.uint32(1)
    counts.words[0, first], counts.words[1, second] = max(a, count), max(b, count)
    return np.float64(count)


@inner
def _count_pair(counts, key, learns):
    """Count a pair once more if it ``learns``; return how often it was seen, at most too low."""
    bucket = np.int64(key >> np.uint64(8)) & (len(counts.keys) // BUCKET_PAIRS - 1)
    rarest = first = bucket * BUCKET_PAIRS
    for slot in range(first, first + BUCKET_PAIRS):
        if counts.keys[slot] == key:
            if learns and counts.pairs[slot] < _MAX_COUNT:
                counts.pairs[slot] += np.uint32(1)
            return np.float64(counts.pairs[slot])
        if counts.pairs[slot] < counts.pairs[rarest]:
            rarest = slot
    if not learns:
        return 0.0
    if counts.pairs[rarest] > 1:
        counts.pairs[rarest] -= np.uint32(1)
        return 0.0
    counts.keys[rarest] = key
    counts.pairs[rarest] = np.uint32(1)
    return 1.0


@kernel
def join(text, end, classes, counts, learns, discount, threshold, max_token_bytes, out):
    """Join words that belong together, the learner's tokens in and out.

    Two words are joined by ``_`` where (count(a b) - discount) total / (count(a) count(b)) exceeds
    ``threshold`` (Mikolov et al. 2013, equation 6, times the words seen), all counted up to this
    place, unless the result would be longer than ``max_token_bytes`` or a is joined already.

    text : uint8[n], n at least ``end``
    classes : uint8[256], of bytes in ``text``
    counts : Counts, updated in place
    learns : bool, whether they are
    out : uint8[end + 1], written: US lies between tokens, RS ends a record

    Returns how many bytes were written.
    """
    at, size = 0, 0
    has_previous, is_joined, in_record = False, False, False
    previous_hash, previous_count, previous_length = np.uint64(0), 0.0, 0
    while at < end:
        kind = classes[text[at]]
        if kind == TOKEN_END:
            at += 1
            in_record = True
            continue
        if kind != TOKEN_BYTE:
            at += 1
            out[size] = _RS
            size += 1
            has_previous, is_joined, in_record = False, False, False
            continue
        in_record = True
        start = at
        hashed = np.uint64(_HASH_START)
        while at < end and classes[text[at]] == TOKEN_BYTE:
            hashed = (hashed ^ np.uint64(text[at])) * np.uint64(1099511628211)
            at += 1
        hashed = mix(hashed)
        count = _count_word(counts, hashed, learns)
        counts.total[0] += learns
        if has_previous:
            key = mix(previous_hash * np.uint64(3) + hashed) | np.uint64(1)
            pair = _count_pair(counts, key, learns)
            is_joined = (
                not is_joined
                and (pair - discount) * counts.total[0] > threshold * previous_count * count
                and previous_length + 1 + at - start <= max_token_bytes
            )
            out[size] = _JOINT if is_joined else _US
            size += 1
        for i in range(start, at):
            out[size] = text[i]
            size += 1
        previous_hash, previous_count, previous_length = hashed, count, at - start
        has_previous = True
    if in_record:
        out[size] = _RS
        size += 1
    return size
