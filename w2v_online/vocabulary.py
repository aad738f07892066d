"""The vocabulary of a stream: words, their rows and their counts, in bounded memory.

Owns admission (a word gets a row when it has been seen ``min_count`` times) and the candidates
that wait for one; knows nothing of matrices or of the noise distribution. Storage is compact
arrays that the ``encode`` kernel works on; this module allocates them and reads them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels import encode as kernels
from w2v_online.kernels.encode import EncodeLimits, Tokens, VocabularyArrays

MIN_CANDIDATES = 65_536
"""Room for words that wait for a row, when ``max_vocab_size`` is smaller than this."""

_MIN_TABLE_BITS = 10

TOKEN_SEPARATOR = b"\x1f"
RECORD_SEPARATOR = b"\x1e"
"""Between tokens and after records of text that a tokenizer has split (ASCII's own separators)."""


def _byte_classes(token_ends: bytes, record_ends: bytes) -> NDArray[np.uint8]:
    classes = np.full(256, kernels.TOKEN_BYTE, np.uint8)
    classes[list(token_ends)] = kernels.TOKEN_END
    classes[list(record_ends)] = kernels.RECORD_END
    return classes


WHITESPACE = _byte_classes(b" \t\r\v\f", b"\n")
"""Byte classes of raw text: ASCII whitespace as in bytes.split(), a record a line."""

SEPARATED = _byte_classes(TOKEN_SEPARATOR, RECORD_SEPARATOR)
"""Byte classes of text that a tokenizer has split."""


class Vocabulary:
    """Words with a row, words that wait for one, and how often each was seen."""

    def __init__(self, config: LearnerConfig) -> None:
        self.max_rows = config.max_vocab_size
        self.max_candidates = max(MIN_CANDIDATES, config.max_vocab_size)
        self.limits = EncodeLimits(
            self.max_rows, config.min_count, config.max_token_bytes, config.sample
        )
        entries = self.max_rows + self.max_candidates
        record_words = 1 + -(-config.max_token_bytes // 8)
        table_bits = int(2 * entries - 1).bit_length()
        # np.zeros takes zero pages from the kernel, so capacity costs nothing until it is used.
        self.arrays = VocabularyArrays(
            table=np.zeros(1 << table_bits, np.uint64),
            hashes=np.zeros(entries, np.uint64),
            counts=np.zeros(entries, np.int64),
            starts=np.zeros(entries, np.int64),
            free=np.zeros(self.max_candidates, np.int32),
            arena=np.zeros(entries * record_words, np.uint64),
            numbers=np.zeros(kernels.N_NUMBERS, np.int64),
            histogram=np.zeros(64, np.int64),
            secret=np.frombuffer(os.urandom(32), np.uint64).copy(),
        )
        self.arrays.numbers[kernels.TABLE_BITS] = _MIN_TABLE_BITS
        self._tokens = Tokens(
            starts=np.zeros(kernels.MAX_SENTENCE_WORDS, np.int64),
            lengths=np.zeros(kernels.MAX_SENTENCE_WORDS, np.int64),
            hashes=np.zeros(kernels.MAX_SENTENCE_WORDS, np.uint64),
        )
        self._ids = np.zeros(64 * kernels.MAX_SENTENCE_WORDS, np.int32)
        self._sentence_ends = np.zeros(16_384, np.int64)
        self._used = np.zeros(2, np.int64)

    def _number(self, field: int) -> int:
        return int(self.arrays.numbers[field])

    def __len__(self) -> int:
        """Words that have a row."""
        return self._number(kernels.N_ROWS)

    @property
    def candidates(self) -> int:
        """Words that wait for a row."""
        return self._number(kernels.N_CANDIDATES) - self._number(kernels.N_FREE)

    @property
    def total_words(self) -> int:
        """Every token that was read, dropped ones included."""
        return self._number(kernels.TOTAL_WORDS)

    @property
    def total_records(self) -> int:
        """Every record that was read, empty ones included."""
        return self._number(kernels.TOTAL_RECORDS)

    @property
    def dropped_tokens(self) -> int:
        """Tokens longer than ``max_token_bytes``."""
        return self._number(kernels.DROPPED_TOKENS)

    @property
    def forgotten_words(self) -> int:
        """Times that a candidate was forgotten to make room for another."""
        return self._number(kernels.FORGOTTEN_WORDS)

    @property
    def is_full(self) -> bool:
        """Whether every row is taken."""
        return len(self) == self.max_rows

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64[len(self)], a view: how often the word of each row was seen."""
        return self.arrays.counts[: len(self)]

    @property
    def max_bytes(self) -> int:
        """Most memory that the arrays can ever take."""
        return sum(array.nbytes for array in self.arrays)

    def words(self) -> list[str]:
        """The word of each row."""
        rows = np.arange(len(self), dtype=np.int32)
        return bytes(self.word_lines(rows)).decode().split("\n")[:-1]

    def word_lines(self, rows: NDArray[np.int32]) -> memoryview:
        """The words of these rows as UTF-8, each followed by a line feed."""
        lines = np.empty(kernels.copy_words(self.arrays, rows, np.empty(0, np.uint8)), np.uint8)
        kernels.copy_words(self.arrays, rows, lines)
        return lines.data

    def entry_bytes(self, entry: int) -> bytes:
        """The word of a row or of a candidate's entry."""
        start = int(self.arrays.starts[entry])
        length = int(self.arrays.arena[start]) & 0xFFFFFFFF
        return self.arrays.arena[start + 1 : start + 1 + (length + 7) // 8].tobytes()[:length]

    def candidate_counts(self) -> Iterator[tuple[bytes, int]]:
        """Each word that waits for a row, with its count."""
        position = 0
        while position < self._number(kernels.ARENA_END):
            header = int(self.arrays.arena[position])
            entry, length = header >> 32, header & 0xFFFFFFFF
            if entry >= self.max_rows:
                yield self.entry_bytes(entry), int(self.arrays.counts[entry])
            position += 1 + (length + 7) // 8

    def encode(
        self,
        text: NDArray[np.uint8],
        begin: int,
        end: int,
        classes: NDArray[np.uint8],
        stop_at_words: int,
        state: NDArray[np.uint64],
    ) -> tuple[int, NDArray[np.int32], NDArray[np.int64]]:
        """Count and encode some of ``text[begin:end]``; see the kernel of the same name.

        Returns where the next call goes on, the ids and where each sentence ends in them; both
        arrays are views that the next call overwrites.
        """
        position = kernels.encode(
            text,
            begin,
            end,
            classes,
            stop_at_words,
            self.arrays,
            self.limits,
            state,
            self._tokens,
            self._ids,
            self._sentence_ends,
            self._used,
        )
        n_ids, n_sentences = int(self._used[0]), int(self._used[1])
        return position, self._ids[:n_ids], self._sentence_ends[:n_sentences]

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of all that :meth:`restore` needs, row counts excepted."""
        arrays = self.arrays
        candidates = slice(self.max_rows, self.max_rows + self._number(kernels.N_CANDIDATES))
        return {
            "arena": arrays.arena[: self._number(kernels.ARENA_END)].copy(),
            "candidate_counts": arrays.counts[candidates].copy(),
            "free_candidates": arrays.free[: self._number(kernels.N_FREE)].copy(),
            "numbers": arrays.numbers.copy(),
        }

    def restore(self, state: dict[str, NDArray[np.generic]], row_counts: NDArray[np.int64]) -> None:
        """Take over a saved state; ``row_counts`` is int64 by row."""
        arrays = self.arrays
        arrays.numbers[:] = state["numbers"]
        arrays.arena[: len(state["arena"])] = state["arena"]
        arrays.counts[: len(row_counts)] = row_counts
        candidate_counts = state["candidate_counts"]
        arrays.counts[self.max_rows : self.max_rows + len(candidate_counts)] = candidate_counts
        arrays.free[: len(state["free_candidates"])] = state["free_candidates"]
        live = len(self) + self.candidates
        bits = max(_MIN_TABLE_BITS, int(2 * (live + 1) - 1).bit_length())
        kernels.rebuild(arrays, bits)
