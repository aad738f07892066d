"""The words of a snapshot where they lie: looked up in its files, none of them read before.

``words.txt`` is text for everyone; beside it lie the place of every word and a hash table of them.
A list and a dictionary of a million strings take a second to make, and most readers ask for a few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from operator import index
from pathlib import Path
from typing import Any, overload

from w2v_online.errors import SnapshotError
from w2v_online.snapshots.block_sums import CheckedArray

_FNV_OFFSET, _FNV_PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1

_REMEMBERED = 1 << 16
"""Words whose rows are remembered: some megabytes."""


def fnv1a(word: bytes) -> int:
    """FNV-1a, 64 bits: what a word's place in the hash table comes from."""
    hashed = _FNV_OFFSET
    for byte in word:
        hashed = ((hashed ^ byte) * _FNV_PRIME) & _MASK
    return hashed


class WordList(Sequence[str]):
    """The words in the order of their rows; slices are lists.

    Parameters
    ----------
    file
        Where ``text`` is from, for messages.
    text
        uint8[bytes]: the words, a line feed after each.
    starts
        int64[V + 1]: where each word begins, and the end.

    """

    def __init__(self, file: Path, text: CheckedArray, starts: CheckedArray) -> None:
        self._file = file
        self._text = text
        self._starts = starts
        if not len(starts) or starts.row(0) != 0 or starts.row(len(starts) - 1) != len(text):
            raise self._damaged()

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, row: int) -> str: ...

    @overload
    def __getitem__(self, row: slice) -> list[str]: ...

    def __getitem__(self, row: int | slice) -> str | list[str]:
        if isinstance(row, slice):
            rows = range(len(self))[row]
            if rows.step == 1 and len(rows):
                return self._between(rows.start, rows.stop)
            return [self[i] for i in rows]
        place = index(row)
        if not -len(self) <= place < len(self):
            raise IndexError("there are not so many words")
        return self._decode(self.encoded(place % len(self)))

    def __iter__(self) -> Iterator[str]:
        return iter(self[:])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WordList | list | tuple):
            return NotImplemented
        return len(self) == len(other) and self[:] == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self):,} words of {self._file}>"

    def encoded(self, row: int) -> bytes:
        """A word in UTF-8, whatever stands there."""
        begin, end = self._starts.part(row, row + 2).tolist()
        if not 0 <= begin < end <= len(self._text):
            raise self._damaged()
        word = self._text.part(begin, end).tobytes()
        if word.find(b"\n") != len(word) - 1:
            raise self._damaged()
        return word[:-1]

    def _between(self, first: int, stop: int) -> list[str]:
        begin, end = self._starts.row(first).item(), self._starts.row(stop).item()
        if not 0 <= begin < end <= len(self._text):
            raise self._damaged()
        words = self._decode(self._text.part(begin, end).tobytes()).split("\n")
        if len(words) != stop - first + 1 or words.pop():
            raise self._damaged()
        return words

    def _decode(self, text: bytes) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise SnapshotError(f"{self._file} cannot be read: {error}") from error

    def _damaged(self) -> SnapshotError:
        return SnapshotError(f"{self._file} is damaged: words are not where its index has them")


class WordIndex(Mapping[str, int]):
    """The row of each word, by the hash table ``places`` (int32[T], T a power of two; -1 is none).

    A word is looked for from place ``fnv1a(word) % T`` on, up to the first place that has none.
    """

    def __init__(self, words: WordList, places: CheckedArray, name: Path) -> None:
        size = len(places)
        if size <= len(words) or size & (size - 1):
            raise SnapshotError(f"{name} is damaged: {size} places for {len(words)} words")
        self._words = words
        # Whoever looks up texts meets the same words again and again. What is remembered does not
        # lead back here: the files are closed as soon as nobody holds the index.
        self._find = lru_cache(_REMEMBERED)(partial(_row_of, words, places, name))

    def __len__(self) -> int:
        return len(self._words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __getitem__(self, word: str) -> int:
        row = self._find(word) if isinstance(word, str) else -1
        if row < 0:
            raise KeyError(word)
        return row

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._find(word) >= 0

    def get(self, word: str, default: Any = None) -> Any:
        """The word's row, or the default."""
        row = self._find(word) if isinstance(word, str) else -1
        return default if row < 0 else row


def _row_of(words: WordList, places: CheckedArray, name: Path, word: str) -> int:
    """The row of a word, -1 if it has none."""
    try:
        encoded = word.encode()
    except UnicodeEncodeError:
        return -1  # a lone surrogate, which no file in UTF-8 holds
    size = len(places)
    place = fnv1a(encoded) & (size - 1)
    for _ in range(size):
        row = int(places.row(place))
        if row < 0:
            return -1
        if row >= len(words):
            raise SnapshotError(f"{name} is damaged: there is no row {row}")
        if words.encoded(row) == encoded:
            return row
        place = (place + 1) & (size - 1)
    return -1


def as_dict(words: Sequence[str]) -> dict[str, int]:
    """The row of each word in memory, for those who will ask for most of them."""
    return {word: row for row, word in enumerate(words)}
