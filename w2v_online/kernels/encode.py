"""Bytes to rows: split, hash, look up or insert, count and subsample in one pass.

Works on a vocabulary's arrays (see :mod:`w2v_online.vocabulary` for what they mean) and never
makes a Python object. A hash only finds the place; words are equal when their bytes are.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner, kernel, rare
from w2v_online.kernels.random import uniform
from w2v_online.simd import address_of, prefetch

TOKEN_BYTE, TOKEN_END, RECORD_END = 0, 1, 2
"""Classes of the byte table that says where tokens and records end."""

WORD_PADDING = 8
"""Readable bytes that must follow a text buffer: tokens are read eight bytes at a time."""

MAX_SENTENCE_WORDS = 1000
"""A longer record is trained as several sentences, as in word2vec.c (MAX_SENTENCE_LENGTH)."""

# Fields of VocabularyArrays.numbers.
N_ROWS, N_CANDIDATES, N_FREE, ARENA_END, TABLE_BITS, TOTAL_WORDS, TOTAL_RECORDS = range(7)
DROPPED_TOKENS, DROPPED_BYTES, FORGOTTEN_WORDS, FORGOTTEN_COUNT, MISSED_COUNT = range(7, 12)
N_NUMBERS = 16


class VocabularyArrays(NamedTuple):
    """Storage of a vocabulary: entries below ``max_vocab_size`` are rows, others candidates."""

    table: NDArray[np.uint64]  # open addressing: hash's high half | entry + 1, 0 where empty
    hashes: NDArray[np.uint64]  # [entries]
    counts: NDArray[np.int64]  # [entries]
    starts: NDArray[np.int64]  # [entries], where the word's record begins in the arena
    free: NDArray[np.int32]  # stack of unused candidate entries
    arena: NDArray[np.uint64]  # records: entry << 32 | bytes, then the bytes padded with zeros
    numbers: NDArray[np.int64]  # [N_NUMBERS], the fields named above
    histogram: NDArray[np.int64]  # [64], working memory
    secret: NDArray[np.uint64]  # [4], random per process: hashes cannot be foreseen


class Tokens(NamedTuple):
    """Working memory of :func:`encode` for the tokens of one sentence."""

    starts: NDArray[np.int64]  # [MAX_SENTENCE_WORDS], position in the text
    lengths: NDArray[np.int64]
    hashes: NDArray[np.uint64]


class EncodeLimits(NamedTuple):
    """What bounds one call of :func:`encode`."""

    max_rows: int
    min_count: int
    max_token_bytes: int
    sample: float


@intrinsic
def _load_uint64(_typing: Any, address: Any) -> Any:
    """Eight bytes at any address, little end first."""

    def codegen(_context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1, typ=ir.IntType(64))

    return types.uint64(address), codegen


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
def _same_bytes(arena, start, address, length):
    """Whether the arena's record at ``start`` holds exactly these bytes."""
    if np.int64(arena[start] & np.uint64(0xFFFFFFFF)) != length:
        return False
    for i in range((length + 7) // 8):
        if arena[start + 1 + i] != _word_at(address, length, i):
            return False
    return True


@inner
def _find(vocabulary, hashed, address, length):
    """The word's entry, or -1 - slot with the empty slot of the table where it would stand."""
    table = vocabulary.table
    bits = vocabulary.numbers[TABLE_BITS]
    mask = (np.int64(1) << bits) - np.int64(1)
    tag = hashed & np.uint64(0xFFFFFFFF00000000)
    slot = np.int64(hashed & np.uint64(0xFFFFFFFF)) & mask
    while True:
        found = table[slot]
        if found == np.uint64(0):
            return -1 - slot
        if (found & np.uint64(0xFFFFFFFF00000000)) == tag:
            entry = np.int64(found & np.uint64(0xFFFFFFFF)) - 1
            if _same_bytes(vocabulary.arena, vocabulary.starts[entry], address, length):
                return entry
        slot = (slot + 1) & mask


@inner
def _table_put(table, bits, hashed, entry):
    """Enter an entry that the table does not hold."""
    mask = (np.int64(1) << bits) - np.int64(1)
    slot = np.int64(hashed & np.uint64(0xFFFFFFFF)) & mask
    while table[slot] != np.uint64(0):
        slot = (slot + 1) & mask
    table[slot] = (hashed & np.uint64(0xFFFFFFFF00000000)) | np.uint64(entry + 1)


@inner
def _table_move(vocabulary, entry, new_entry):
    """Let the table's slot of ``entry`` name ``new_entry``."""
    table = vocabulary.table
    mask = (np.int64(1) << vocabulary.numbers[TABLE_BITS]) - np.int64(1)
    hashed = vocabulary.hashes[entry]
    slot = np.int64(hashed & np.uint64(0xFFFFFFFF)) & mask
    old = (hashed & np.uint64(0xFFFFFFFF00000000)) | np.uint64(entry + 1)
    while table[slot] != old:
        slot = (slot + 1) & mask
    table[slot] = (hashed & np.uint64(0xFFFFFFFF00000000)) | np.uint64(new_entry + 1)


@rare
def _rebuild_table(vocabulary, bits):
    """Empty the table, give it 2**bits slots and enter every word again."""
    numbers = vocabulary.numbers
    numbers[TABLE_BITS] = bits
    vocabulary.table[: np.int64(1) << bits] = np.uint64(0)
    position = 0
    while position < numbers[ARENA_END]:
        header = vocabulary.arena[position]
        entry = np.int64(header >> np.uint64(32))
        if vocabulary.starts[entry] == position:
            _table_put(vocabulary.table, bits, vocabulary.hashes[entry], entry)
        position += 1 + (np.int64(header & np.uint64(0xFFFFFFFF)) + 7) // 8


@rare
def _forget_candidates(vocabulary, max_rows):
    """Forget half of the candidates, rarest first, oldest first among equals; compact the arena.

    Amortised constant per new word: as many new candidates must come before it is due again.
    """
    numbers = vocabulary.numbers
    counts = vocabulary.counts
    histogram = vocabulary.histogram
    histogram[:] = 0
    for entry in range(max_rows, max_rows + numbers[N_CANDIDATES]):
        histogram[min(counts[entry], 63)] += 1
    to_forget = numbers[N_CANDIDATES] // 2 + 1
    threshold = 0
    below = 0
    while below + histogram[threshold] < to_forget:
        below += histogram[threshold]
        threshold += 1
    of_threshold = to_forget - below

    read = 0
    write = 0
    arena = vocabulary.arena
    while read < numbers[ARENA_END]:
        header = arena[read]
        entry = np.int64(header >> np.uint64(32))
        length = 1 + (np.int64(header & np.uint64(0xFFFFFFFF)) + 7) // 8
        keep = vocabulary.starts[entry] == read
        if keep and entry >= max_rows:
            count = min(counts[entry], 63)
            if count < threshold or (count == threshold and of_threshold > 0):
                if count == threshold:
                    of_threshold -= 1
                keep = False
                numbers[FORGOTTEN_WORDS] += 1
                numbers[FORGOTTEN_COUNT] += counts[entry]
                numbers[MISSED_COUNT] = max(numbers[MISSED_COUNT], counts[entry])
                vocabulary.starts[entry] = -1
                vocabulary.free[numbers[N_FREE]] = np.int32(entry)
                numbers[N_FREE] += 1
        if keep:
            vocabulary.starts[entry] = write
            for i in range(length):
                arena[write + i] = arena[read + i]
            write += length
        read += length
    numbers[ARENA_END] = write
    _rebuild_table(vocabulary, numbers[TABLE_BITS])


@rare
def _new_candidate(vocabulary, hashed, address, length, max_rows):
    """Enter a word that is not there, making room first; return its entry."""
    numbers = vocabulary.numbers
    max_candidates = len(vocabulary.free)
    if numbers[N_FREE] == 0 and numbers[N_CANDIDATES] == max_candidates:
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
    vocabulary.counts[entry] = 0
    vocabulary.starts[entry] = start
    _table_put(vocabulary.table, numbers[TABLE_BITS], hashed, entry)
    return entry


@rare
def _admit(vocabulary, candidate):
    """Move a candidate to the next row; return the row."""
    numbers = vocabulary.numbers
    row = numbers[N_ROWS]
    numbers[N_ROWS] += 1
    _table_move(vocabulary, candidate, row)
    start = vocabulary.starts[candidate]
    vocabulary.hashes[row] = vocabulary.hashes[candidate]
    vocabulary.counts[row] = vocabulary.counts[candidate]
    vocabulary.starts[row] = start
    length = vocabulary.arena[start] & np.uint64(0xFFFFFFFF)
    vocabulary.arena[start] = (np.uint64(row) << np.uint64(32)) | length
    vocabulary.starts[candidate] = -1
    vocabulary.free[numbers[N_FREE]] = np.int32(candidate)
    numbers[N_FREE] += 1
    return row


@inner
def _split_sentence(text, position, end, classes, tokens, secret, table, mask):
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
            prefetch(table_at + 8 * (np.int64(hashed & np.uint64(0xFFFFFFFF)) & mask))
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
def _is_kept(count, total_words, sample, state):
    """Subsampling: keep with probability sqrt(t / f) + t / f (word2vec.c), f = count / total."""
    ratio = sample * np.float64(total_words) / np.float64(count)
    if sample == 0.0 or ratio >= 0.3819660112501051:
        return True  # sqrt(r) + r >= 1
    return uniform(state) < np.sqrt(ratio) + ratio


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
    used,
):
    """Encode ``text[begin:end]`` sentence by sentence; return where the next call goes on.

    Stops at the end of the text, when ``ids`` or ``sentence_ends`` might not hold one more
    sentence, or behind the first sentence that brings the total to ``stop_at_words``.

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
        mask = (np.int64(1) << numbers[TABLE_BITS]) - np.int64(1)
        position, n_tokens, record_ended = _split_sentence(
            text, position, end, classes, tokens, vocabulary.secret, vocabulary.table, mask
        )
        numbers[TOTAL_RECORDS] += record_ended
        for i in range(n_tokens):
            numbers[TOTAL_WORDS] += 1
            length = tokens.lengths[i]
            if length > limits.max_token_bytes:
                numbers[DROPPED_TOKENS] += 1
                numbers[DROPPED_BYTES] += length
                continue
            hashed = tokens.hashes[i]
            address = text_at + tokens.starts[i]
            entry = _find(vocabulary, hashed, address, length)
            if entry < 0:
                entry = _new_candidate(vocabulary, hashed, address, length, limits.max_rows)
            count = vocabulary.counts[entry] + 1
            vocabulary.counts[entry] = count
            if entry >= limits.max_rows:
                if count < limits.min_count or numbers[N_ROWS] == limits.max_rows:
                    continue
                entry = _admit(vocabulary, entry)
            if _is_kept(count, numbers[TOTAL_WORDS], limits.sample, state):
                ids[n_ids] = np.int32(entry)
                n_ids += 1
        sentence_ends[n_sentences] = n_ids
        n_sentences += 1
        if numbers[TOTAL_WORDS] >= stop_at_words:
            break
    used[0] = n_ids
    used[1] = n_sentences
    return position


@kernel
def rebuild(vocabulary, bits):
    """Find, hash and enter every word of the arena (after a load); the table gets 2**bits slots."""
    arena_at = address_of(vocabulary.arena)
    position = 0
    while position < vocabulary.numbers[ARENA_END]:
        header = vocabulary.arena[position]
        entry = np.int64(header >> np.uint64(32))
        length = np.int64(header & np.uint64(0xFFFFFFFF))
        vocabulary.starts[entry] = position
        vocabulary.hashes[entry] = hash_token(
            arena_at + 8 * (position + 1), length, vocabulary.secret
        )
        position += 1 + (length + 7) // 8
    _rebuild_table(vocabulary, bits)


@kernel
def copy_words(vocabulary, rows, out):
    """Write the words of ``rows`` (int32), a line feed after each; return the bytes needed.

    ``out`` (uint8) is filled as far as it reaches: an empty one only measures.
    """
    position = 0
    for i in range(len(rows)):
        start = vocabulary.starts[rows[i]]
        length = np.int64(vocabulary.arena[start] & np.uint64(0xFFFFFFFF))
        for j in range(min(length, len(out) - position)):
            word = vocabulary.arena[start + 1 + j // 8]
            out[position + j] = np.uint8((word >> np.uint64(8 * (j % 8))) & np.uint64(0xFF))
        position += length
        if position < len(out):
            out[position] = np.uint8(10)
        position += 1
    return position
