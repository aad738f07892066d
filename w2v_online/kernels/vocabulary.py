"""The vocabulary's storage: a hash table, counters and an arena of words, all of fixed capacity.

Entries below ``max_rows`` are rows of the matrices, the others candidates that wait for one. All
entries together are a heavy-hitter summary: when the candidates are full, a quarter of them is
forgotten, and what they may have counted bounds what any absent word can have been seen (a batched
form of Misra & Gries 1982 and of Manku & Motwani 2002). A hash only finds the place; words are
equal when their bytes are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner, kernel, rare
from w2v_online.simd.memory import address_of, prefetch

# Fields of VocabularyArrays.numbers.
N_ROWS, N_CANDIDATES, N_FREE, ARENA_END, TABLE_BITS, TOTAL_WORDS, TOTAL_RECORDS = range(7)
DROPPED_TOKENS, DROPPED_BYTES, FORGOTTEN_WORDS, DECAY_BEGAN = range(7, 11)
N_NUMBERS = 16

# Fields of VocabularyArrays.sums, all in units of a sighting at DECAY_BEGAN.
WEIGHT, TOTAL, MISSED, UNSENT = range(4)
N_SUMS = 4

LINE_FEED = np.uint8(10)

_DIGIT_BITS = 16
HISTOGRAM_BINS = 1 << _DIGIT_BITS

FORGOTTEN_SHARE = 4
"""One in so many candidates is forgotten when they are full."""


class VocabularyArrays(NamedTuple):
    """Storage of a vocabulary; counters are float64 so that they can decay."""

    table: NDArray[np.uint64]  # open addressing: hash's high half | entry + 1, 0 where empty
    hashes: NDArray[np.uint64]  # [entries]
    counts: NDArray[np.float64]  # [entries], weighted sightings since the word was entered
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


@intrinsic
def _load_uint64(_typing: Any, address: Any) -> Any:
    """Eight bytes at any address, little end first."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1, typ=ir.IntType(64))

    return types.uint64(address), codegen


@intrinsic
def _store_uint64(_typing: Any, address: Any, value: Any) -> Any:
    """Write eight bytes at any address, little end first."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store(args[1], pointer, align=1)
        return ir.Constant(ir.IntType(8).as_pointer(), None)

    return types.void(address, types.uint64), codegen


@intrinsic
def _fold_multiply(_typing: Any, a: Any, b: Any) -> Any:
    """The two halves of the 128-bit product, xored: every output bit depends on every input bit."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        high = builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))
        return builder.xor(builder.trunc(product, ir.IntType(64)), high)

    return types.uint64(types.uint64, types.uint64), codegen


@inner
def _word_at(address, length, i):
    """The i-th eight bytes of a token, zeros behind its end."""
    value = _load_uint64(address + 8 * i)
    left = length - 8 * i
    if left < 8:
        value &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
    return value


@inner
def hash_token(address, length, secret):
    """A keyed 64-bit hash of ``length`` bytes at ``address`` (the multiply-fold of wyhash)."""
    value = secret[0] ^ np.uint64(length)
    for i in range((length + 7) // 8):
        value = _fold_multiply(_word_at(address, length, i) ^ secret[1], value ^ secret[2])
    return _fold_multiply(value ^ secret[3], secret[1])


@inner
def _record_bytes(header):
    return np.int64(header & np.uint64(0xFFFFFFFF))


@inner
def _record_words(header):
    """Length of a record with its header."""
    return 1 + (_record_bytes(header) + 7) // 8


@inner
def _same_bytes(arena, start, address, length):
    """Whether the arena's record at ``start`` holds exactly these bytes."""
    if _record_bytes(arena[start]) != length:
        return False
    for i in range((length + 7) // 8):
        if arena[start + 1 + i] != _word_at(address, length, i):
            return False
    return True


@inner
def first_slot(hashed, bits):
    """Where in a table of 2**bits slots the search for a hash begins."""
    return np.int64(hashed & np.uint64(0xFFFFFFFF)) & ((np.int64(1) << bits) - np.int64(1))


@inner
def _slot_value(hashed, entry):
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
def _find_slot(vocabulary, value, hashed):
    """The slot that holds ``value``, 0 for the first empty one on the hash's way."""
    bits = vocabulary.numbers[TABLE_BITS]
    slot = first_slot(hashed, bits)
    while vocabulary.table[slot] != value:
        slot = (slot + 1) & ((np.int64(1) << bits) - np.int64(1))
    return slot


@rare
def _rebuild_table(vocabulary, bits):
    """Empty the table, give it 2**bits slots and enter every word of the arena again."""
    numbers = vocabulary.numbers
    numbers[TABLE_BITS] = bits
    vocabulary.table[: np.int64(1) << bits] = np.uint64(0)
    position = 0
    while position < numbers[ARENA_END]:
        header = vocabulary.arena[position]
        entry = np.int64(header >> np.uint64(32))
        hashed = vocabulary.hashes[entry]
        vocabulary.table[_find_slot(vocabulary, np.uint64(0), hashed)] = _slot_value(hashed, entry)
        position += _record_words(header)


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
def _set_sent(vocabulary, entry, count):
    if len(vocabulary.sent) > 0:
        vocabulary.sent[entry] = count


@inner
def add_sent(vocabulary, entry, count):
    """Say that others know so many more sightings of an entry's word."""
    if len(vocabulary.sent) > 0:
        vocabulary.sent[entry] += count


@inner
def _sent(vocabulary, entry):
    return vocabulary.sent[entry] if len(vocabulary.sent) > 0 else vocabulary.counts[entry]


@inner
def _free_candidate(vocabulary, entry):
    numbers = vocabulary.numbers
    vocabulary.counts[entry] = 0.0
    vocabulary.errors[entry] = 0.0
    vocabulary.starts[entry] = -1
    _set_sent(vocabulary, entry, 0.0)
    vocabulary.free[numbers[N_FREE]] = np.int32(entry)
    numbers[N_FREE] += 1


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
        length = _record_words(header)
        if vocabulary.starts[entry] == read:
            vocabulary.starts[entry] = write
            for i in range(length):
                arena[write + i] = arena[read + i]
            write += length
        read += length
    arena[write : numbers[ARENA_END]] = np.uint64(0)
    numbers[ARENA_END] = write
    _rebuild_table(vocabulary, numbers[TABLE_BITS])


@rare
def _forget_candidates(vocabulary, max_rows):
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
                unsent = max(unsent, vocabulary.counts[entry] - _sent(vocabulary, entry))
                _free_candidate(vocabulary, entry)
        position += _record_words(header)
    vocabulary.sums[MISSED] = max(vocabulary.sums[MISSED], threshold)
    vocabulary.sums[UNSENT] += unsent
    compact(vocabulary)


@rare
def new_candidate(vocabulary, hashed, address, length, max_rows):
    """Enter a word that is not there, making room first; return its entry."""
    numbers = vocabulary.numbers
    if numbers[N_FREE] == 0 and numbers[N_CANDIDATES] == len(vocabulary.free):
        _forget_candidates(vocabulary, max_rows)
    live = numbers[N_ROWS] + numbers[N_CANDIDATES] - numbers[N_FREE]
    if 2 * (live + 1) > (np.int64(1) << numbers[TABLE_BITS]):
        _rebuild_table(vocabulary, numbers[TABLE_BITS] + 1)
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
        arena[start + 1 + i] = _word_at(address, length, i)
    numbers[ARENA_END] = start + 1 + words
    vocabulary.hashes[entry] = hashed
    vocabulary.counts[entry] = 0.0
    vocabulary.errors[entry] = vocabulary.sums[MISSED]
    vocabulary.starts[entry] = start
    _set_sent(vocabulary, entry, 0.0)
    vocabulary.table[_find_slot(vocabulary, np.uint64(0), hashed)] = _slot_value(hashed, entry)
    return entry


@inner
def _move(vocabulary, entry, to):
    """Let the word of ``entry`` live at entry ``to``: table, arena and counters."""
    hashed = vocabulary.hashes[entry]
    slot = _find_slot(vocabulary, _slot_value(hashed, entry), hashed)
    vocabulary.table[slot] = _slot_value(hashed, to)
    start = vocabulary.starts[entry]
    length = vocabulary.arena[start] & np.uint64(0xFFFFFFFF)
    vocabulary.arena[start] = (np.uint64(to) << np.uint64(32)) | length
    vocabulary.hashes[to] = hashed
    vocabulary.counts[to] = vocabulary.counts[entry]
    vocabulary.errors[to] = vocabulary.errors[entry]
    vocabulary.starts[to] = start
    _set_sent(vocabulary, to, _sent(vocabulary, entry))


@rare
def admit(vocabulary, candidate):
    """Move a candidate to the next row; return the row."""
    row = vocabulary.numbers[N_ROWS]
    vocabulary.numbers[N_ROWS] += 1
    _move(vocabulary, candidate, row)
    _free_candidate(vocabulary, candidate)
    return row


@kernel
def enter_words(vocabulary, text, ends, max_rows, rows):
    """Give words a row each without counting a sighting; write which into ``rows`` (int32[n]).

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
        sent = _sent(vocabulary, row)
        slot = _find_slot(vocabulary, _slot_value(hashed, row), hashed)
        _move(vocabulary, candidate, row)
        vocabulary.table[slot] = _slot_value(hashed, candidate)
        length = vocabulary.arena[start] & np.uint64(0xFFFFFFFF)
        vocabulary.arena[start] = (np.uint64(candidate) << np.uint64(32)) | length
        vocabulary.hashes[candidate] = hashed
        vocabulary.counts[candidate] = count
        vocabulary.errors[candidate] = error
        vocabulary.starts[candidate] = start
        _set_sent(vocabulary, candidate, sent)


@kernel
def remove(vocabulary, entry, max_rows):
    """Remove a word; the last row moves to a removed row's place. Call ``compact_all`` after."""
    numbers = vocabulary.numbers
    if entry >= max_rows:
        _free_candidate(vocabulary, entry)
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
    _set_sent(vocabulary, last, 0.0)
    numbers[N_ROWS] = last


@kernel
def compact_all(vocabulary):
    """Drop what no entry claims from the arena."""
    compact(vocabulary)


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
            arena_at + 8 * (position + 1), _record_bytes(header), vocabulary.secret
        )
        position += _record_words(header)
    _rebuild_table(vocabulary, bits)


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
        length = _record_bytes(vocabulary.arena[start])
        if len(lines) > 0:
            for j in range((length + 7) // 8):
                _store_uint64(lines_at + position + 8 * j, vocabulary.arena[start + 1 + j])
            lines[position + length] = LINE_FEED
        position += length + 1
    return position
