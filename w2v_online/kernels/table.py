"""The vocabulary's storage: a hash table, counters and an arena of words, all of fixed capacity.

Entries below ``max_rows`` are rows of the matrices, the others candidates that wait for one. A hash
only finds the place; words are equal when their bytes are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.hashing import hash_token, store_uint64, word_at
from w2v_online.kernels.jit import inner, kernel, rare
from w2v_online.simd.memory import address_of, prefetch

# Fields of VocabularyArrays.numbers.
N_ROWS, N_CANDIDATES, N_FREE, ARENA_END, TABLE_BITS, TOTAL_WORDS, TOTAL_RECORDS = range(7)
DROPPED_TOKENS, DROPPED_BYTES, FORGOTTEN_WORDS, DECAY_BEGAN = range(7, 11)
N_NUMBERS = 16

# Fields of VocabularyArrays.sums, all in units of an occurrence at DECAY_BEGAN.
WEIGHT, TOTAL, MISSED, UNSENT = range(4)
N_SUMS = 4

LINE_FEED = np.uint8(10)


class VocabularyArrays(NamedTuple):
    """Storage of a vocabulary; counters are float64 so that they can decay."""

    table: NDArray[np.uint64]  # open addressing: hash's high half | entry + 1, 0 where empty
    hashes: NDArray[np.uint64]  # [entries]
    counts: NDArray[np.float64]  # [entries], weighted occurrences since the word was entered
    errors: NDArray[np.float64]  # [entries], most that may have been missed before that
    starts: NDArray[np.int64]  # [entries], where the word's record begins in the arena
    sent: NDArray[np.float64]  # [entries], what others know of counts; [0] if nobody is told
    pinned: NDArray[np.uint8]  # [max_rows], 1 for rows that are never taken away
    free: NDArray[np.int32]  # stack of unused candidate entries
    arena: NDArray[np.uint64]  # records: entry << 32 | bytes, then the bytes padded with zeros
    numbers: NDArray[np.int64]  # [N_NUMBERS], the fields named above
    sums: NDArray[np.float64]  # [N_SUMS], the fields named above
    histogram: NDArray[np.int64]  # [HISTOGRAM_BINS], working memory
    secret: NDArray[np.uint64]  # [4], random per process: hashes cannot be foreseen


@inner
def record_bytes(header):
    """Bytes of a record's word."""
    return np.int64(header & np.uint64(0xFFFFFFFF))


@inner
def record_words(header):
    """Length of a record with its header."""
    return 1 + (record_bytes(header) + 7) // 8


@inner
def _same_bytes(arena, start, address, length):
    """Whether the arena's record at ``start`` holds exactly these bytes."""
    if record_bytes(arena[start]) != length:
        return False
    for i in range((length + 7) // 8):
        if arena[start + 1 + i] != word_at(address, length, i):
            return False
    return True


@inner
def first_slot(hashed, bits):
    """Where in a table of 2**bits slots the search for a hash begins."""
    return np.int64(hashed & np.uint64(0xFFFFFFFF)) & ((np.int64(1) << bits) - np.int64(1))


@inner
def slot_value(hashed, entry):
    """What a slot of the table holds for an entry."""
    return (hashed & np.uint64(0xFFFFFFFF00000000)) | np.uint64(entry + 1)


@inner
def find(vocabulary, hashed, address, length):
    """The entry of the word with these bytes and this hash, or -1."""
    table = vocabulary.table
    bits = vocabulary.numbers[TABLE_BITS]
    mask = (np.int64(1) << bits) - np.int64(1)
    slot = first_slot(hashed, bits)
    while True:
        found = table[slot]
        if found == np.uint64(0):
            return np.int64(-1)
        if (found ^ hashed) < np.uint64(1 << 32):
            entry = np.int64(found & np.uint64(0xFFFFFFFF)) - 1
            if _same_bytes(vocabulary.arena, vocabulary.starts[entry], address, length):
                return entry
        slot = (slot + 1) & mask


@inner
def _foreseen_entry(vocabulary, hashed):
    """The entry in the first slot of a hash: nearly always that of its word, if it has one."""
    found = vocabulary.table[first_slot(hashed, vocabulary.numbers[TABLE_BITS])]
    return max(np.int64(found & np.uint64(0xFFFFFFFF)) - 1, np.int64(0))


@inner
def ask_for_counter(vocabulary, hashed):
    """Ask for what :func:`find` and a count need of a word's entry."""
    entry_bytes = 8 * _foreseen_entry(vocabulary, hashed)
    prefetch(address_of(vocabulary.counts) + entry_bytes)
    prefetch(address_of(vocabulary.starts) + entry_bytes)


@inner
def ask_for_record(vocabulary, hashed):
    """Ask for the bytes that :func:`find` compares with; the counter was asked for before."""
    start = vocabulary.starts[np.uint64(_foreseen_entry(vocabulary, hashed))]
    prefetch(address_of(vocabulary.arena) + 8 * start)


@inner
def find_slot(vocabulary, value, hashed):
    """The slot that holds ``value``, 0 for the first empty one on the hash's way."""
    bits = vocabulary.numbers[TABLE_BITS]
    slot = first_slot(hashed, bits)
    while vocabulary.table[slot] != value:
        slot = (slot + 1) & ((np.int64(1) << bits) - np.int64(1))
    return slot


@rare
def rebuild_table(vocabulary, bits):
    """Empty the table, give it 2**bits slots and enter every word of the arena again."""
    numbers = vocabulary.numbers
    numbers[TABLE_BITS] = bits
    vocabulary.table[: np.int64(1) << bits] = np.uint64(0)
    position = 0
    while position < numbers[ARENA_END]:
        header = vocabulary.arena[position]
        entry = np.int64(header >> np.uint64(32))
        hashed = vocabulary.hashes[entry]
        vocabulary.table[find_slot(vocabulary, np.uint64(0), hashed)] = slot_value(hashed, entry)
        position += record_words(header)


@inner
def set_sent(vocabulary, entry, count):
    """Say how many occurrences of an entry's word others know."""
    if len(vocabulary.sent) > 0:
        vocabulary.sent[entry] = count


@inner
def add_sent(vocabulary, entry, count):
    """Say that others know so many more occurrences of an entry's word."""
    if len(vocabulary.sent) > 0:
        vocabulary.sent[entry] += count


@inner
def sent_count(vocabulary, entry):
    """How many occurrences of an entry's word others know: all, if nobody is told."""
    return vocabulary.sent[entry] if len(vocabulary.sent) > 0 else vocabulary.counts[entry]


@rare
def compact(vocabulary):
    """Drop the arena's records that no entry claims, and rebuild the table."""
    numbers = vocabulary.numbers
    arena = vocabulary.arena
    read = 0
    write = 0
    while read < numbers[ARENA_END]:
        header = arena[read]
        entry = np.int64(header >> np.uint64(32))
        length = record_words(header)
        if vocabulary.starts[entry] == read:
            vocabulary.starts[entry] = write
            for i in range(length):
                arena[write + i] = arena[read + i]
            write += length
        read += length
    arena[write : numbers[ARENA_END]] = np.uint64(0)
    numbers[ARENA_END] = write
    rebuild_table(vocabulary, numbers[TABLE_BITS])


@kernel
def find_token(vocabulary, text, length):
    """The entry of the word ``text[:length]`` (uint8, WORD_PADDING bytes longer), or -1."""
    address = address_of(text)
    return find(vocabulary, hash_token(address, length, vocabulary.secret), address, length)


@kernel
def rebuild(vocabulary, bits):
    """Find, hash and enter every word of the arena (after a load); 2**bits table slots."""
    arena_at = address_of(vocabulary.arena)
    position = 0
    while position < vocabulary.numbers[ARENA_END]:
        header = vocabulary.arena[position]
        entry = np.int64(header >> np.uint64(32))
        vocabulary.starts[entry] = position
        vocabulary.hashes[entry] = hash_token(
            arena_at + 8 * (position + 1), record_bytes(header), vocabulary.secret
        )
        position += record_words(header)
    rebuild_table(vocabulary, bits)


@kernel
def copy_words(vocabulary, entries, lines):
    """Write the words of ``entries`` (int32), a line feed after each; return the bytes needed.

    ``lines`` (uint8) must have WORD_PADDING bytes more, for whole words of eight bytes are written;
    an empty one only measures.
    """
    lines_at = address_of(lines)
    position = 0
    for i in range(len(entries)):
        start = vocabulary.starts[entries[i]]
        length = record_bytes(vocabulary.arena[start])
        if len(lines) > 0:
            for j in range((length + 7) // 8):
                store_uint64(lines_at + position + 8 * j, vocabulary.arena[start + 1 + j])
            lines[position + length] = LINE_FEED
        position += length + 1
    return position


@kernel
def compact_all(vocabulary):
    """Drop what no entry claims from the arena."""
    compact(vocabulary)
