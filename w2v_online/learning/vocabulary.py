"""The vocabulary of a stream: words, their rows and their counts, in bounded memory.

Owns admission (a word gets a row when it has been seen ``min_count`` times), eviction (a row goes
to a word seen more often) and the candidates that wait; knows nothing of matrices or of the noise
distribution, but says which rows it took away. Storage is arrays that the kernels work on.

What is promised, N the words of the stream and C the candidates there is room for: a count is
never too high and at most its error too low; a word that is not held was seen at most
``max_missed`` times, which is at most 4 N / (3 C) (proof in docs/design.md).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels import assignment, forgetting, table
from w2v_online.kernels.encode import (
    MAX_SENTENCE_WORDS,
    RECORD_END,
    TOKEN_BYTE,
    TOKEN_END,
    WORD_PADDING,
    EncodeLimits,
    Noted,
    Tokens,
    encode,
)
from w2v_online.kernels.table import VocabularyArrays
from w2v_online.separators import RECORD_SEPARATOR, TOKEN_SEPARATOR

MIN_CANDIDATES = 65_536
"""Room for words that wait for a row, when ``max_vocab_size`` is smaller than this."""

EVICTION_MARGIN = 1.1
"""A word takes another's row when it was seen so many times as often: no back and forth."""

MAX_EVICTED = 65_536
"""Maximum number of rows reassigned at once."""

_MIN_TABLE_BITS = 10
_TOKEN_END = TOKEN_SEPARATOR.decode()

ENCODED_WORDS = 64 * MAX_SENTENCE_WORDS
ENCODED_SENTENCES = 16_384
"""Most words and sentences that one call of :meth:`Vocabulary.encode` encodes."""


def _byte_classes(token_ends: bytes, record_ends: bytes) -> NDArray[np.uint8]:
    classes = np.full(256, TOKEN_BYTE, np.uint8)
    classes[list(token_ends)] = TOKEN_END
    classes[list(record_ends)] = RECORD_END
    return classes


WHITESPACE = _byte_classes(b" \t\r\v\f", b"\n")
"""Byte classes of raw text: ASCII whitespace as in bytes.split(), a record a line."""

SEPARATED = _byte_classes(TOKEN_SEPARATOR + b"\n", RECORD_SEPARATOR)
"""Byte classes of text that a tokenizer has split. No word has a line feed: files end it by one."""


def padded_text(text: bytes | bytearray) -> NDArray[np.uint8]:
    """Text as the kernels read it: uint8[len(text) + WORD_PADDING]."""
    buffer = np.empty(len(text) + WORD_PADDING, np.uint8)
    buffer[: len(text)] = np.frombuffer(text, np.uint8)
    buffer[len(text) :] = 0
    return buffer


def separated_text(sentences: Iterable[Iterable[str]]) -> bytearray:
    """Tokenised sentences as one text, each a record; TypeError for one that is a string."""
    text = bytearray()
    for sentence in sentences:
        if isinstance(sentence, str):
            raise TypeError("a sentence must be a list of tokens, not a string; split it first")
        text += _TOKEN_END.join(sentence).replace("\n", _TOKEN_END).encode(errors="replace")
        text += RECORD_SEPARATOR
    return text


def word_lines(arrays: VocabularyArrays, entries: NDArray[np.int32]) -> memoryview:
    """The words of these entries as UTF-8, each followed by a line feed."""
    n_bytes = table.copy_words(arrays, entries, np.empty(0, np.uint8))
    lines = np.empty(n_bytes + WORD_PADDING, np.uint8)
    table.copy_words(arrays, entries, lines)
    return lines[:n_bytes].data


class Vocabulary:
    """Words with a row, words that wait for one, and how often each was seen."""

    def __init__(self, config: LearnerConfig) -> None:
        self.max_rows = config.max_vocab_size
        self.min_count = config.min_count
        self.max_candidates = max(MIN_CANDIDATES, config.max_vocab_size)
        self._limits = EncodeLimits(
            self.max_rows,
            config.min_count,
            config.max_token_bytes,
            config.sample or math.inf,
            float(config.half_life),
        )
        entries = self.max_rows + self.max_candidates
        record_words = 1 + -(-config.max_token_bytes // 8)
        table_bits = max(_MIN_TABLE_BITS, int(2 * entries - 1).bit_length())
        # np.zeros takes zero pages from the kernel, so capacity costs nothing until it is used.
        self.arrays = VocabularyArrays(
            table=np.zeros(1 << table_bits, np.uint64),
            hashes=np.zeros(entries, np.uint64),
            counts=np.zeros(entries, np.float64),
            errors=np.zeros(entries, np.float64),
            starts=np.zeros(entries, np.int64),
            sent=np.zeros(0, np.float64),
            pinned=np.zeros(self.max_rows, np.uint8),
            free=np.zeros(self.max_candidates, np.int32),
            arena=np.zeros(entries * record_words, np.uint64),
            numbers=np.zeros(table.N_NUMBERS, np.int64),
            sums=np.zeros(table.N_SUMS, np.float64),
            histogram=np.zeros(forgetting.HISTOGRAM_BINS, np.int64),
            secret=np.frombuffer(os.urandom(32), np.uint64).copy(),
        )
        self.arrays.numbers[table.TABLE_BITS] = _MIN_TABLE_BITS
        self.arrays.sums[table.WEIGHT] = 1.0
        self._tokens = Tokens(
            starts=np.zeros(MAX_SENTENCE_WORDS, np.int64),
            lengths=np.zeros(MAX_SENTENCE_WORDS, np.int64),
            hashes=np.zeros(MAX_SENTENCE_WORDS, np.uint64),
        )
        self._ids = np.zeros(ENCODED_WORDS, np.int32)
        self._sentence_ends = np.zeros(ENCODED_SENTENCES, np.int64)
        self._used = np.zeros(2, np.int64)

    def _number(self, field: int) -> int:
        return int(self.arrays.numbers[field])

    @property
    def _weight(self) -> float:
        return float(self.arrays.sums[table.WEIGHT])

    def __len__(self) -> int:
        """Words that have a row."""
        return self._number(table.N_ROWS)

    @property
    def candidates(self) -> int:
        """Words that wait for a row."""
        return self._number(table.N_CANDIDATES) - self._number(table.N_FREE)

    @property
    def total_words(self) -> int:
        """Every token that was read, dropped ones included."""
        return self._number(table.TOTAL_WORDS)

    @property
    def total_records(self) -> int:
        """Every record that was read, empty ones included."""
        return self._number(table.TOTAL_RECORDS)

    @property
    def dropped_tokens(self) -> int:
        """Tokens longer than ``max_token_bytes``."""
        return self._number(table.DROPPED_TOKENS)

    @property
    def forgotten_words(self) -> int:
        """Times that a candidate was forgotten to make room for others."""
        return self._number(table.FORGOTTEN_WORDS)

    @property
    def max_missed(self) -> float:
        """Most occurrences (decayed) that a word which is not held can have had."""
        return float(self.arrays.sums[table.MISSED]) / self._weight

    @property
    def weighted_counts(self) -> NDArray[np.float64]:
        """float64[len(self)], a view: counts by row in a common unit that drifts with decay."""
        return self.arrays.counts[: len(self)]

    @property
    def weighted_total(self) -> float:
        """Every token that was read, in the unit of :attr:`weighted_counts`."""
        return float(self.arrays.sums[table.TOTAL])

    @property
    def counts(self) -> NDArray[np.float64]:
        """float64[len(self)]: occurrences by row, decayed, at most ``count_errors`` too few."""
        counts: NDArray[np.float64] = self.weighted_counts / self._weight
        return counts

    @property
    def steady_counts(self) -> NDArray[np.float64]:
        """As :attr:`counts`; a view as long as nothing has decayed."""
        return self.weighted_counts if self._weight == 1.0 else self.counts

    @property
    def count_errors(self) -> NDArray[np.float64]:
        """float64[len(self)]: most occurrences (decayed) that each count may have missed."""
        errors: NDArray[np.float64] = self.arrays.errors[: len(self)] / self._weight
        return errors

    @property
    def decayed_words(self) -> float:
        """Every token that was read, each as much as an occurrence of its age counts."""
        return self.weighted_total / self._weight

    def entry_counts(self, entries: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[n]: occurrences (decayed) of rows and of candidates' entries."""
        counts: NDArray[np.float64] = self.arrays.counts[entries] / self._weight
        return counts

    @property
    def max_bytes(self) -> int:
        """Most memory that the arrays and :meth:`evict` can ever take."""
        return sum(array.nbytes for array in self.arrays) + 40 * self.max_rows

    def words(self) -> list[str]:
        """The word of each row."""
        rows = np.arange(len(self), dtype=np.int32)
        return bytes(self.word_lines(rows)).decode().split("\n")[:-1]

    def word_lines(self, entries: NDArray[np.int32]) -> memoryview:
        """The words of rows and of candidates' entries; see the function of the same name."""
        return word_lines(self.arrays, entries)

    def entry_bytes(self, entry: int) -> bytes:
        """The word of a row or of a candidate's entry."""
        start = int(self.arrays.starts[entry])
        length = int(self.arrays.arena[start]) & 0xFFFFFFFF
        return self.arrays.arena[start + 1 : start + 1 + (length + 7) // 8].tobytes()[:length]

    def candidate_counts(self) -> Iterator[tuple[bytes, float]]:
        """Each word that waits for a row, with its count."""
        entries = self.max_rows + np.arange(self._number(table.N_CANDIDATES))
        for entry in entries[self.arrays.starts[entries] >= 0]:
            yield self.entry_bytes(entry), float(self.arrays.counts[entry]) / self._weight

    def entry(self, word: str) -> int:
        """The row of a word, an entry from ``max_rows`` on if it waits for one, or -1."""
        text = word.encode(errors="replace")
        return int(table.find_token(self.arrays, padded_text(text), len(text)))

    def encode(
        self,
        text: NDArray[np.uint8],
        begin: int,
        end: int,
        classes: NDArray[np.uint8],
        stop_at_words: int,
        state: NDArray[np.uint64],
        noted: Noted | None = None,
    ) -> tuple[int, NDArray[np.int32], NDArray[np.int64]]:
        """Count and encode some of ``text[begin:end]``; see the kernel of the same name.

        Returns where the next call goes on, the ids and where each sentence ends in them; both
        arrays are views that the next call overwrites. What is known of tokens before they are
        counted is written to ``noted``, see :func:`w2v_online.learning.noted.working_memory`.
        """
        position = encode(
            text,
            begin,
            end,
            classes,
            stop_at_words,
            self.arrays,
            self._limits,
            state,
            self._tokens,
            self._ids,
            self._sentence_ends,
            noted,
            self._used,
        )
        n_ids, n_sentences = int(self._used[0]), int(self._used[1])
        return position, self._ids[:n_ids], self._sentence_ends[:n_sentences]

    def evict(self) -> NDArray[np.int32]:
        """Give rows to candidates that were seen more often; return the rows that changed hands.

        Only when every row is taken. The most frequent candidates meet the rarest words that are
        not pinned; a row is reassigned if the candidate's count is EVICTION_MARGIN times as high
        and one more. Evicted words keep their counts, as candidates.
        """
        nobody = np.empty(0, np.int32)
        if len(self) < self.max_rows:
            return nobody
        first, last = self.max_rows, self.max_rows + self._number(table.N_CANDIDATES)
        waiting = self.arrays.counts[first:last]
        if waiting.max(initial=0.0) < self._limits.min_count * self._weight:
            return nobody
        is_pinned = self.arrays.pinned == 1
        rarest = self.weighted_counts.min(where=~is_pinned, initial=np.inf)
        least = max(self._limits.min_count * self._weight, EVICTION_MARGIN * rarest + self._weight)
        due = np.flatnonzero(waiting >= least)
        if not len(due):
            return nobody
        most = (waiting[due].max() - self._weight) / EVICTION_MARGIN
        beatable = int(np.count_nonzero((self.weighted_counts <= most) & ~is_pinned))
        pairs = min(len(due), beatable, MAX_EVICTED)
        due = due[np.argsort(-waiting[due], kind="stable")[:pairs]]
        rows = np.empty(pairs, np.int32)
        forgetting.rarest_rows(self.arrays, rows)
        rows = rows[np.argsort(self.weighted_counts[rows], kind="stable")]
        wins = waiting[due] >= EVICTION_MARGIN * self.weighted_counts[rows] + self._weight
        evicted: NDArray[np.int32] = rows[wins]
        assignment.swap_rows(self.arrays, evicted, (first + due[wins]).astype(np.int32))
        return evicted

    def remove(self, word: str) -> tuple[int, int] | None:
        """Remove a word and all that was counted of it.

        Returns its row and the row that was the last one and took its place, None if it had none.
        """
        entry = self.entry(word)
        if entry < 0:
            return None
        last = len(self) - 1
        assignment.remove(self.arrays, entry, self.max_rows)
        table.compact_all(self.arrays)
        return (entry, last) if entry < self.max_rows else None

    def enter(self, words: list[bytes]) -> NDArray[np.int32]:
        """Give words a row each, without an occurrence; return the rows. There must be room."""
        rows = np.empty(len(words), np.int32)
        ends = np.cumsum([len(word) for word in words], dtype=np.int64)
        assignment.enter_words(self.arrays, padded_text(b"".join(words)), ends, self.max_rows, rows)
        return rows

    def pin(self, row: int) -> None:
        """Never evict the word of a row."""
        self.arrays.pinned[row] = 1

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        arrays = self.arrays
        rows = slice(0, len(self))
        candidates = slice(self.max_rows, self.max_rows + self._number(table.N_CANDIDATES))
        return {
            "arena": arrays.arena[: self._number(table.ARENA_END)],
            "row_counts": arrays.counts[rows],
            "row_errors": arrays.errors[rows],
            "candidate_counts": arrays.counts[candidates],
            "candidate_errors": arrays.errors[candidates],
            "free_candidates": arrays.free[: self._number(table.N_FREE)],
            "pinned": np.flatnonzero(arrays.pinned).astype(np.int32),
            "numbers": arrays.numbers,
            "sums": arrays.sums,
        }

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Take over a saved state."""
        arrays = self.arrays
        arrays.numbers[:] = state["numbers"]
        arrays.sums[:] = state["sums"]
        arrays.arena[: len(state["arena"])] = state["arena"]
        first = self.max_rows
        for name, array in (("counts", arrays.counts), ("errors", arrays.errors)):
            array[: len(self)] = state[f"row_{name}"]
            array[first : first + len(state["candidate_counts"])] = state[f"candidate_{name}"]
        arrays.starts[first : first + len(state["candidate_counts"])] = -1
        arrays.free[: len(state["free_candidates"])] = state["free_candidates"]
        arrays.pinned[np.asarray(state["pinned"])] = 1
        bits = int(arrays.numbers[table.TABLE_BITS])
        if not 2 * (len(self) + self.candidates) <= 1 << bits <= len(arrays.table):
            raise ValueError(f"table of 2**{bits} slots")
        table.rebuild(arrays, bits)
