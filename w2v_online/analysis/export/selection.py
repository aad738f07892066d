"""The words of a table that a format can hold, and why the others are left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.reading.subwords import SubwordTable
from w2v_online.reading.table import VectorTable

BLOCK_ROWS = 8192
"""Rows that are written at once."""


class Reason(Enum):
    """Why a format cannot hold a word; the value completes "words with"."""

    SPACE = "a space"
    LINE_FEED = "a line feed"
    TAB = "a tab"
    CARRIAGE_RETURN = "a carriage return"
    ENDS_IN_NUL = "NUL at the end"
    NUL = "NUL"
    NOT_UTF8 = "bytes that are not UTF-8"

    def applies(self, word: str) -> bool:
        """Whether it keeps this word out."""
        if self is Reason.ENDS_IN_NUL:
            return word.endswith("\0")
        if self is Reason.NOT_UTF8:
            return any("\ud800" <= letter <= "\udfff" for letter in word)
        return _LETTERS[self] in word


_LETTERS = {
    Reason.SPACE: " ",
    Reason.LINE_FEED: "\n",
    Reason.TAB: "\t",
    Reason.CARRIAGE_RETURN: "\r",
    Reason.NUL: "\0",
}


@dataclass(frozen=True)
class Selection:
    """Rows of a table in ascending order; ``rows`` is None if all are chosen."""

    table: VectorTable
    words: list[str]
    rows: NDArray[np.int64] | None
    left_out: dict[str, int]
    subwords: SubwordTable | None = None
    """The n-grams of the words; None where there are none."""

    @classmethod
    def of(
        cls,
        table: VectorTable,
        cannot_hold: tuple[Reason, ...],
        subwords: SubwordTable | None = None,
    ) -> Selection:
        """All words but those that one of the reasons applies to, which are counted."""
        words = list(table.words)
        left_out: dict[str, int] = {}
        kept = []
        for row, word in enumerate(words):
            reason = next((reason for reason in cannot_hold if reason.applies(word)), None)
            if reason is None:
                kept.append(row)
            else:
                left_out[reason.value] = left_out.get(reason.value, 0) + 1
        if not left_out:
            return cls(table, words, None, {}, subwords)
        rows = np.array(kept, np.int64)
        return cls(table, [words[row] for row in kept], rows, left_out, subwords)

    def __len__(self) -> int:
        return len(self.words)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[n, D], of all words at once."""
        return self.table.vectors if self.rows is None else self.table.take(self.rows)

    @property
    def counts(self) -> NDArray[Any]:
        """The counts of all words; zeros where they are unknown."""
        return self.table.counts if self.rows is None else self.table.counts[self.rows]

    @property
    def ids(self) -> NDArray[np.int64]:
        """The ids of all words; see :func:`w2v_online.reading.words.word_id`."""
        return self.table.ids if self.rows is None else self.table.ids[self.rows]

    def blocks(self) -> Iterator[tuple[list[str], NDArray[np.float32], NDArray[Any]]]:
        """Words, vectors and counts, BLOCK_ROWS at a time."""
        counts = self.counts
        for first in range(0, len(self), BLOCK_ROWS):
            end = min(first + BLOCK_ROWS, len(self))
            rows = np.arange(first, end) if self.rows is None else self.rows[first:end]
            yield self.words[first:end], self.table.take(rows), counts[first:end]
