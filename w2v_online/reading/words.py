"""The words of a snapshot where they lie: looked up in its files, none of them read before.

``words.txt`` is text for everyone; beside it lie the place of every word and a hash table of them.
A list and a dictionary of a million strings take a second to make, and most readers ask for a few.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import index
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import ExportError, SnapshotError
from w2v_online.snapshots import reader
from w2v_online.snapshots.block_sums import CheckedArray

_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x1B3
"""Of FNV-1a with 64 bits, modulo 2^40: a place needs no more bits than the table has."""

_LARGEST_ID = (1 << 63) - 1

_REMEMBERED = 1 << 16
"""Words whose rows are remembered: some megabytes."""


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

    def __reduce__(self) -> tuple[type[list[str]], tuple[list[str]]]:
        return list, (self[:],)

    def encoded(self, row: int) -> bytes:
        """A word in UTF-8, whatever stands there."""
        begin, end = self._starts.part(row, row + 2).tolist()
        if not 0 <= begin < end <= len(self._text):
            raise self._damaged()
        word = self._text.part(begin, end).tobytes()
        if word.find(b"\n") != len(word) - 1:
            raise self._damaged()
        return word[:-1]

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The text and where each word begins in it, checked."""
        return self._text.whole(), self._starts.whole()

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

    A word is looked for from its hash (FNV-1a) modulo T on, up to the first place that has none.
    The first look-up checks the three files; later ones only read memory.
    """

    def __init__(self, words: WordList, places: CheckedArray, name: Path) -> None:
        size = len(places)
        if size <= len(words) or size & (size - 1):
            raise SnapshotError(
                f"{name} is damaged: its index has {size} places for {len(words)} words"
            )
        self._words = words
        self._places = places
        # Whoever looks up texts meets the same words again and again. What is remembered does not
        # lead back here: the files are closed as soon as nobody holds the index.
        self._find = lru_cache(_REMEMBERED)(_HashTable(words, places, name).row_of)

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

    def arrays(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """``words.txt`` as bytes, where each word begins, and the hash table; all checked."""
        return (*self._words.arrays(), self._places.whole())

    def __reduce__(self) -> tuple[Any, tuple[list[str]]]:
        return as_dict, (self._words[:],)


class _HashTable:
    """Finds the rows of words in mapped memory, at a microsecond a word."""

    def __init__(self, words: WordList, places: CheckedArray, name: Path) -> None:
        self._words = words
        self._places = places
        self._name = name
        self._is_open = False

    def _open(self) -> None:
        """Check the files and take their memory: a NumPy scalar costs five times a Python int."""
        self._text, self._starts = (array.data for array in self._words.arrays())
        self._numbers = self._places.whole().data
        self._rows, self._mask = len(self._words), len(self._numbers) - 1
        self._is_open = True

    def row_of(self, word: str) -> int:
        """The row of a word, -1 if it has none."""
        if not self._is_open:
            self._open()
        try:
            encoded = word.encode()
        except UnicodeEncodeError:
            return -1  # a lone surrogate, which no file in UTF-8 holds
        text, starts, places, mask = self._text, self._starts, self._numbers, self._mask
        # Modulo the table's size all along: small integers are the fast ones.
        place = _FNV_OFFSET & mask
        for byte in encoded:
            place = ((place ^ byte) * _FNV_PRIME) & mask
        line = encoded + b"\n"
        for _ in range(mask + 1):
            row: int = places[place]
            if row < 0:
                return -1
            if row >= self._rows:
                raise SnapshotError(f"{self._name} is damaged: there is no row {row}")
            if text[starts[row] : starts[row + 1]] == line:
                # A line break inside is two words' beginning or damage, and nobody's word.
                return -1 if "\n" in word else row
            place = (place + 1) & mask
        return -1


def as_dict(words: Sequence[str]) -> dict[str, int]:
    """The row of each word in memory, for those who will ask for most of them."""
    return {word: row for row, word in enumerate(words)}


def read_words(path: str | Path) -> list[str]:
    """The words of a snapshot, or of a ``words.txt`` that was copied from one, in row order.

    Only a line feed ends a word. Python's ``splitlines`` and text files with universal newlines
    also split at U+2028, U+0085, vertical tabs and others, which words may contain. Raises
    SnapshotError.
    """
    file = Path(path)
    if file.is_dir():
        return reader.read(file).words()
    try:
        return file.read_bytes().decode().split("\n")[:-1]
    except (OSError, UnicodeDecodeError) as error:
        raise SnapshotError(f"{file} cannot be read: {error}") from error


def word_id(word: str) -> int:
    """A number for a word, the same in every snapshot and model: for indexes that want integers.

    The first eight bytes of BLAKE2b with a digest of eight bytes of its UTF-8, little-endian,
    without the highest bit. Among a million words two are alike with a chance of 5 in 100 million;
    :func:`word_ids` refuses such words.
    """
    encoded = word.encode(errors="surrogateescape")
    digest = hashlib.blake2b(encoded, digest_size=8).digest()
    return int.from_bytes(digest, "little") & _LARGEST_ID


def word_ids(words: Iterable[str]) -> NDArray[np.int64]:
    """int64[n]: :func:`word_id` of each word. Raises ExportError if two words have the same."""
    listed = list(words)
    ids = np.fromiter(map(word_id, listed), np.int64, len(listed))
    order = np.argsort(ids, kind="stable")
    same = np.flatnonzero(ids[order[1:]] == ids[order[:-1]])
    if len(same):
        one, other = (listed[order[same[0] + i]] for i in (0, 1))
        raise ExportError(
            f"{len(same)} words have the id of another one: {one!r} and {other!r} have "
            f"{word_id(one)}; tell words apart by the words themselves"
        )
    return ids
