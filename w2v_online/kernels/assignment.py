"""Assignment of entries and rows to words: entering, admitting, swapping and removing them."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.forgetting import forget_candidates, free_candidate
from w2v_online.kernels.hashing import hash_token, word_at
from w2v_online.kernels.jit import inner, kernel, rare
from w2v_online.kernels.table import (
    ARENA_END,
    MISSED,
    N_CANDIDATES,
    N_FREE,
    N_ROWS,
    TABLE_BITS,
    find,
    find_slot,
    rebuild_table,
    sent_count,
    set_sent,
    slot_value,
)
from w2v_online.simd.memory import address_of


@rare
def new_candidate(vocabulary, hashed, address, length, max_rows):
    """Enter a word that is not there, making room first; return its entry."""
    numbers = vocabulary.numbers
    if numbers[N_FREE] == 0 and numbers[N_CANDIDATES] == len(vocabulary.free):
        forget_candidates(vocabulary, max_rows)
    live = numbers[N_ROWS] + numbers[N_CANDIDATES] - numbers[N_FREE]
    if 2 * (live + 1) > (np.int64(1) << numbers[TABLE_BITS]):
        rebuild_table(vocabulary, numbers[TABLE_BITS] + 1)
    if numbers[N_FREE] > 0:
        numbers[N_FREE] -= 1
        entry = np.int64(vocabulary.free[numbers[N_FREE]])
    else:
        entry = max_rows + numbers[N_CANDIDATES]
        numbers[N_CANDIDATES] += 1
    start = numbers[ARENA_END]
    arena = vocabulary.arena
    arena[start] = (np.uint64(entry) << np.uint64(32)) | np.uint64(length)
    words = (length + 7) // 8
    for i in range(words):
        arena[start + 1 + i] = word_at(address, length, i)
    numbers[ARENA_END] = start + 1 + words
    vocabulary.hashes[entry] = hashed
    vocabulary.counts[entry] = 0.0
    vocabulary.errors[entry] = vocabulary.sums[MISSED]
    vocabulary.starts[entry] = start
    set_sent(vocabulary, entry, 0.0)
    vocabulary.table[find_slot(vocabulary, np.uint64(0), hashed)] = slot_value(hashed, entry)
    return entry


@inner
def _move(vocabulary, entry, to):
    """Let the word of ``entry`` live at entry ``to``: table, arena and counters."""
    hashed = vocabulary.hashes[entry]
    slot = find_slot(vocabulary, slot_value(hashed, entry), hashed)
    vocabulary.table[slot] = slot_value(hashed, to)
    start = vocabulary.starts[entry]
    length = vocabulary.arena[start] & np.uint64(0xFFFFFFFF)
    vocabulary.arena[start] = (np.uint64(to) << np.uint64(32)) | length
    vocabulary.hashes[to] = hashed
    vocabulary.counts[to] = vocabulary.counts[entry]
    vocabulary.errors[to] = vocabulary.errors[entry]
    vocabulary.starts[to] = start
    set_sent(vocabulary, to, sent_count(vocabulary, entry))


@rare
def admit(vocabulary, candidate):
    """Move a candidate to the next row; return the row."""
    row = vocabulary.numbers[N_ROWS]
    vocabulary.numbers[N_ROWS] += 1
    _move(vocabulary, candidate, row)
    free_candidate(vocabulary, candidate)
    return row


@kernel
def enter_words(vocabulary, text, ends, max_rows, rows):
    """Give words a row each without counting an occurrence; write which into ``rows`` (int32[n]).

    Word i is ``text[ends[i - 1]:ends[i]]`` (uint8, WORD_PADDING bytes longer). There must be room.
    """
    text_at = address_of(text)
    start = 0
    for i in range(len(ends)):
        address, length = text_at + start, ends[i] - start
        hashed = hash_token(address, length, vocabulary.secret)
        entry = find(vocabulary, hashed, address, length)
        if entry < 0:
            entry = new_candidate(vocabulary, hashed, address, length, max_rows)
        if entry >= max_rows:
            entry = admit(vocabulary, entry)
        rows[i] = np.int32(entry)
        start = ends[i]


@kernel
def swap_rows(vocabulary, rows, candidates):
    """Let the word of each of ``rows`` and that of the candidate at its side change places."""
    for i in range(len(rows)):
        row, candidate = np.int64(rows[i]), np.int64(candidates[i])
        hashed = vocabulary.hashes[row]
        count = vocabulary.counts[row]
        error = vocabulary.errors[row]
        start = vocabulary.starts[row]
        sent = sent_count(vocabulary, row)
        slot = find_slot(vocabulary, slot_value(hashed, row), hashed)
        _move(vocabulary, candidate, row)
        vocabulary.table[slot] = slot_value(hashed, candidate)
        length = vocabulary.arena[start] & np.uint64(0xFFFFFFFF)
        vocabulary.arena[start] = (np.uint64(candidate) << np.uint64(32)) | length
        vocabulary.hashes[candidate] = hashed
        vocabulary.counts[candidate] = count
        vocabulary.errors[candidate] = error
        vocabulary.starts[candidate] = start
        set_sent(vocabulary, candidate, sent)


@kernel
def remove(vocabulary, entry, max_rows):
    """Remove a word; the last row moves to a removed row's place. Call ``compact_all`` after."""
    numbers = vocabulary.numbers
    if entry >= max_rows:
        free_candidate(vocabulary, entry)
        return
    last = numbers[N_ROWS] - 1
    vocabulary.starts[entry] = -1
    if entry != last:
        _move(vocabulary, last, entry)
        vocabulary.pinned[entry] = vocabulary.pinned[last]
    vocabulary.starts[last] = -1
    vocabulary.counts[last] = 0.0
    vocabulary.errors[last] = 0.0
    vocabulary.pinned[last] = 0
    set_sent(vocabulary, last, 0.0)
    numbers[N_ROWS] = last
