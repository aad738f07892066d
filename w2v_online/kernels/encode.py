"""Bytes to rows: split, hash, look up or insert, count and subsample in one pass.

Never makes a Python object. Where words and counts are kept is :mod:`.table`'s business.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.assignment import admit, new_candidate
from w2v_online.kernels.hashing import hash_token
from w2v_online.kernels.jit import inner, kernel, rare
from w2v_online.kernels.random import uniform
from w2v_online.kernels.table import (
    DECAY_BEGAN,
    DROPPED_BYTES,
    DROPPED_TOKENS,
    N_ROWS,
    TABLE_BITS,
    TOTAL,
    TOTAL_RECORDS,
    TOTAL_WORDS,
    WEIGHT,
    ask_for_counter,
    ask_for_record,
    find,
    first_slot,
)
from w2v_online.simd.memory import address_of, prefetch

TOKEN_BYTE, TOKEN_END, RECORD_END = 0, 1, 2
"""Classes of the byte table that says where tokens and records end."""

WORD_PADDING = 8
"""Readable bytes that must follow a text buffer: tokens are read eight bytes at a time."""

MAX_SENTENCE_WORDS = 1000
"""A longer record is trained as several sentences, as in word2vec.c (MAX_SENTENCE_LENGTH)."""

COUNTERS_AHEAD = 16
RECORDS_AHEAD = 8
"""Tokens ahead of the one that is looked up whose counters, and bytes, are asked for."""

_MAX_WEIGHT = float(1 << 20)
"""Weight of an occurrence at which all counters are scaled down: every 20 half-lives."""


class Tokens(NamedTuple):
    """Working memory of :func:`encode` for the tokens of one sentence."""

    starts: NDArray[np.int64]  # [MAX_SENTENCE_WORDS], position in the text
    lengths: NDArray[np.int64]
    hashes: NDArray[np.uint64]


class EncodeLimits(NamedTuple):
    """What a vocabulary was told."""

    max_rows: int
    min_count: int
    max_token_bytes: int
    sample: float  # inf to keep all
    half_life: float  # words, 0 for never


class Noted(NamedTuple):
    """What is known of tokens before their record is counted, for scoring."""

    rows: NDArray[np.int32]  # [tokens], -1 for a word without a row
    counts: NDArray[np.float32]  # [tokens], occurrences (decayed) so far
    ends: NDArray[np.int64]  # [sentences], where each ends in ``rows``
    totals: NDArray[np.float64]  # [sentences], words (decayed) before the sentence
    is_whole: NDArray[np.uint8]  # [sentences], 1 if the record ends with the sentence


@inner
def _split_sentence(text, position, end, classes, tokens, secret, table, bits):
    """Find and hash the tokens up to the record's end or MAX_SENTENCE_WORDS.

    Returns where the next sentence begins, the number of tokens, and whether the record ended.
    Pure but for ``tokens`` and for the table's slots, which are prefetched.
    """
    text_at = address_of(text)
    table_at = address_of(table)
    n_tokens = 0
    while True:
        while position < end and classes[text[position]] == TOKEN_END:
            position += 1
        start = position
        while position < end and classes[text[position]] == TOKEN_BYTE:
            position += 1
        if position > start:
            hashed = hash_token(text_at + start, position - start, secret)
            prefetch(table_at + 8 * first_slot(hashed, bits))
            tokens.starts[n_tokens] = start
            tokens.lengths[n_tokens] = position - start
            tokens.hashes[n_tokens] = hashed
            n_tokens += 1
        if position >= end:
            return position, n_tokens, True
        if classes[text[position]] == RECORD_END:
            return position + 1, n_tokens, True
        if n_tokens == MAX_SENTENCE_WORDS:
            return position, n_tokens, False


@inner
def _is_kept(count, total, sample, state):
    """Subsampling: keep with probability sqrt(t / f) + t / f (word2vec.c), f = count / total."""
    ratio = sample * total / count
    return uniform(state) < np.sqrt(ratio) + ratio


@inner
def _ask_ahead(vocabulary, tokens, i, n_tokens):
    """Ask for what the next tokens need from the vocabulary."""
    ask_for_counter(vocabulary, tokens.hashes[min(i + COUNTERS_AHEAD, n_tokens - 1)])
    ask_for_record(vocabulary, tokens.hashes[min(i + RECORDS_AHEAD, n_tokens - 1)])


@inner
def _has_room(noted, sentence):
    """Whether one more sentence can be noted."""
    if noted is None:
        return True
    begin = 0 if sentence == 0 else noted.ends[sentence - 1]
    return begin + MAX_SENTENCE_WORDS <= len(noted.rows)


@inner
def _note(vocabulary, limits, text_at, tokens, n_tokens, noted, sentence):
    """Write what is known of a sentence's tokens."""
    weight = vocabulary.sums[WEIGHT]
    begin = 0 if sentence == 0 else noted.ends[sentence - 1]
    for i in range(n_tokens):
        _ask_ahead(vocabulary, tokens, i, n_tokens)
        entry = np.int64(-1)
        if tokens.lengths[i] <= limits.max_token_bytes:
            address = text_at + tokens.starts[i]
            entry = find(vocabulary, tokens.hashes[i], address, tokens.lengths[i])
        count = vocabulary.counts[entry] / weight if entry >= 0 else 0.0
        noted.counts[begin + i] = np.float32(count)
        noted.rows[begin + i] = np.int32(entry if entry < limits.max_rows else -1)
    noted.ends[sentence] = begin + n_tokens
    noted.totals[sentence] = vocabulary.sums[TOTAL] / weight


@rare
def _grow_weight(vocabulary, half_life):
    """Forward decay (Cormode et al. 2009): an occurrence weighs 2**(words / half_life) and more.

    Relative to an occurrence now, all older ones thereby fade, and no counter is touched; only
    rarely, before numbers grow too large, all are scaled down together.
    """
    age = np.float64(vocabulary.numbers[TOTAL_WORDS] - vocabulary.numbers[DECAY_BEGAN])
    weight = 2.0 ** (age / half_life)
    if weight > _MAX_WEIGHT:
        for entry in range(len(vocabulary.counts)):
            vocabulary.counts[entry] /= weight
            vocabulary.errors[entry] /= weight
        for i in range(len(vocabulary.sums)):
            vocabulary.sums[i] /= weight
        vocabulary.numbers[DECAY_BEGAN] = vocabulary.numbers[TOTAL_WORDS]
        weight = 1.0
    vocabulary.sums[WEIGHT] = weight


@kernel
def encode(
    text,
    begin,
    end,
    classes,
    stop_at_words,
    vocabulary,
    limits,
    state,
    tokens,
    ids,
    sentence_ends,
    noted,
    used,
):
    """Encode ``text[begin:end]`` sentence by sentence; return where the next call goes on.

    Stops at the end of the text, when ``ids``, ``sentence_ends`` or ``noted`` might not hold one
    more sentence, or behind the first sentence that brings the total to ``stop_at_words``.

    Parameters
    ----------
    text : uint8[n + WORD_PADDING]
    begin, end : int, what of it to encode
    classes : uint8[256], TOKEN_BYTE, TOKEN_END or RECORD_END for each byte
    stop_at_words : int, total of words at which to stop
    vocabulary : VocabularyArrays, updated in place
    limits : EncodeLimits
    state : uint64[1], generator of the subsampling; advanced
    tokens : Tokens, working memory
    ids : int32[n], written: rows of the words kept
    sentence_ends : int64[s], written: where each sentence ends in ``ids``
    noted : Noted, written; or None
    used : int64[2], written: ids and sentences written

    Words without a row are counted and left out. Text that does not end with a record's end is
    taken as if it did.

    """
    numbers = vocabulary.numbers
    text_at = address_of(text)
    n_ids = 0
    n_sentences = 0
    position = begin
    while position < end:
        if n_ids + MAX_SENTENCE_WORDS > len(ids) or n_sentences == len(sentence_ends):
            break
        if not _has_room(noted, n_sentences):
            break
        position, n_tokens, record_ended = _split_sentence(
            text,
            position,
            end,
            classes,
            tokens,
            vocabulary.secret,
            vocabulary.table,
            numbers[TABLE_BITS],
        )
        numbers[TOTAL_RECORDS] += record_ended
        numbers[TOTAL_WORDS] += n_tokens
        if limits.half_life > 0.0:
            _grow_weight(vocabulary, limits.half_life)
        weight = vocabulary.sums[WEIGHT]
        if noted is not None:
            _note(vocabulary, limits, text_at, tokens, n_tokens, noted, n_sentences)
            noted.is_whole[n_sentences] = record_ended
        vocabulary.sums[TOTAL] += n_tokens * weight
        total = vocabulary.sums[TOTAL]
        admitted_at = limits.min_count * weight
        for i in range(n_tokens):
            if noted is None:
                _ask_ahead(vocabulary, tokens, i, n_tokens)
            length = tokens.lengths[i]
            if length > limits.max_token_bytes:
                numbers[DROPPED_TOKENS] += 1
                numbers[DROPPED_BYTES] += length
                continue
            hashed = tokens.hashes[i]
            address = text_at + tokens.starts[i]
            entry = np.int64(-1)
            if noted is not None:
                # Rows keep their words until the segment ends; candidates may move.
                entry = np.int64(noted.rows[noted.ends[n_sentences] - n_tokens + i])
            if entry < 0:
                entry = find(vocabulary, hashed, address, length)
            if entry < 0:
                entry = new_candidate(vocabulary, hashed, address, length, limits.max_rows)
            count = vocabulary.counts[entry] + weight
            vocabulary.counts[entry] = count
            if entry >= limits.max_rows:
                if count < admitted_at or numbers[N_ROWS] == limits.max_rows:
                    continue
                entry = admit(vocabulary, entry)
            # No branch: whether a word is kept cannot be predicted.
            ids[n_ids] = np.int32(entry)
            n_ids += _is_kept(count, total, limits.sample, state)
        sentence_ends[n_sentences] = n_ids
        n_sentences += 1
        if numbers[TOTAL_WORDS] >= stop_at_words:
            break
    used[0] = n_ids
    used[1] = n_sentences
    return position
