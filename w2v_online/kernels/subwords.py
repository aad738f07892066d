"""Character n-grams of words: found, and fitted so that their mean is the word's vector.

n-grams and their hash are fastText's (Bojanowski et al. 2017): of ``<word>``, counted in characters
of UTF-8, hashed by FNV-1a of 32 bits.
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, kernel

_FNV_OFFSET = np.uint32(2166136261)
_FNV_PRIME = np.uint32(16777619)
_BEGIN, _END = np.uint8(ord("<")), np.uint8(ord(">"))


@inner
def _byte_at(arena, start, length, i):
    """The i-th byte of ``<word>``, whose record begins at ``start`` of the arena."""
    if i == 0:
        return _BEGIN
    if i == length + 1:
        return _END
    word = arena[start + 1 + ((i - 1) >> 3)]
    return np.uint8((word >> np.uint64(8 * ((i - 1) & 7))) & np.uint64(0xFF))


@inner
def _hashed(value, byte):
    """One step of FNV-1a, with bytes above 127 extended as in fastText, where they are signed."""
    extended = np.uint32(byte) | (np.uint32(0xFFFFFF00) if byte > 127 else np.uint32(0))
    return np.uint32((value ^ extended) * _FNV_PRIME)


@inner
def _is_continuation(byte):
    return (byte & np.uint8(0xC0)) == np.uint8(0x80)


@kernel
def find_ngrams(arena, starts, rows, first, min_n, max_n, slots, buckets, used, found, ends):
    """Find the slots of the n-grams of words; n-grams that are new get the next ones.

    Parameters
    ----------
    arena : uint64[a], records of words: entry << 32 | bytes, then the bytes
    starts : int64[entries], where the record of each entry begins
    rows : int32[n], the words
    first : int, where to begin in ``rows``
    min_n, max_n : int, characters of an n-gram
    slots : int32[B], by bucket: slot + 1, 0 for none yet; updated
    buckets : int32[S], by slot: its bucket; updated
    used : int64[1], slots that are taken; updated
    found : int32[m], slots of the n-grams of one word after the other; written
    ends : int64[n], where the n-grams of each word end in ``found``; written

    Returns the first of ``rows`` whose n-grams there was no room for, or n.

    """
    place = 0
    for i in range(first, len(rows)):
        start = starts[rows[i]]
        length = np.int64(arena[start] & np.uint64(0xFFFFFFFF))
        total = length + 2
        if place + total * (max_n - min_n + 1) > len(found) and i > first:
            return i
        for begin in range(total):
            if _is_continuation(_byte_at(arena, start, length, begin)):
                continue
            value = _FNV_OFFSET
            end = begin
            n = 1
            while end < total and n <= max_n:
                value = _hashed(value, _byte_at(arena, start, length, end))
                end += 1
                while end < total and _is_continuation(_byte_at(arena, start, length, end)):
                    value = _hashed(value, _byte_at(arena, start, length, end))
                    end += 1
                is_mark = n == 1 and (begin == 0 or end == total)
                if n >= min_n and not is_mark:
                    bucket = np.int64(value % np.uint32(len(slots)))
                    slot = slots[bucket] - 1
                    if slot < 0:
                        slot = used[0]
                        used[0] += 1
                        slots[bucket] = slot + 1
                        buckets[slot] = bucket
                    found[place] = slot
                    place += 1
                n += 1
        ends[i] = place
    return len(rows)


@inner
def _mean(subwords, found, begin, end, mean):
    """The mean of rows of n-grams, zeros for a word that has none."""
    for k in range(len(mean)):
        mean[k] = np.float32(0.0)
    for j in range(begin, end):
        for k in range(len(mean)):
            mean[k] += subwords[found[j], k]
    scale = np.float32(1.0 / max(1, end - begin))
    for k in range(len(mean)):
        mean[k] *= scale


@kernel
def fit_ngrams(vectors, rows, first, last, subwords, updates, found, ends, share, mean):
    """Move the n-grams of words so that their mean goes a share of the way to the word's vector.

    One step of least mean squares for each word: e = v - sum_j z_j / m, then z_j += share * e.

    Parameters
    ----------
    vectors : float32[V, F], the words' vectors
    rows : int32[n], the words; those from ``first`` up to ``last`` are fitted
    subwords : float32[S, F], vectors of n-grams; updated
    updates : uint32[S], how often each was moved; updated
    found, ends : see :func:`find_ngrams`
    share : float32
    mean : float32[F], working memory

    """
    begin = 0
    for i in range(first, last):
        end = ends[i]
        _mean(subwords, found, begin, end, mean)
        row = rows[i]
        for k in range(len(mean)):
            mean[k] = share * (vectors[row, k] - mean[k])
        for j in range(begin, end):
            slot = found[j]
            updates[slot] += np.uint32(1)
            for k in range(len(mean)):
                subwords[slot, k] += mean[k]
        begin = end


@kernel
def add_ngram_means(vectors, rows, first, last, subwords, found, ends, mean):
    """Add to each word's vector the mean of its n-grams' vectors; parameters as of fit_ngrams."""
    begin = 0
    for i in range(first, last):
        _mean(subwords, found, begin, ends[i], mean)
        for k in range(len(mean)):
            vectors[rows[i], k] += mean[k]
        begin = ends[i]
