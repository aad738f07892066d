"""Sums over blocks of a snapshot's files: what is used is checked when it is first used.

A checksum of a whole file costs reading the whole file. With a sum for every block of 64 KiB a
reader checks what it touches, once, at the speed of memory. Such a sum finds every flipped bit, and
blocks that are cut, blank or another's; it is no digest, which the manifest has for each file.
Knows bytes and arrays, nothing of what they mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError

BLOCK_BYTES = 65_536
_WORD = np.dtype("<u8")
_AT_ONCE = 64
"""Blocks that are summed by one call: four megabytes."""


def count_blocks(size: int) -> int:
    """Blocks of a file of so many bytes, the last one possibly short."""
    return -(-size // BLOCK_BYTES)


def block_sums(data: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """uint64[blocks]: sums modulo 2^64 of little-endian 64-bit numbers, zeros behind the end."""
    whole = len(data) // BLOCK_BYTES
    sums = np.zeros(count_blocks(len(data)), np.uint64)
    blocks = data[: whole * BLOCK_BYTES].view(_WORD).reshape(whole, BLOCK_BYTES // 8)
    for first in range(0, whole, _AT_ONCE):
        part = blocks[first : first + _AT_ONCE]
        np.add.reduce(part, axis=1, out=sums[first : first + len(part)])
    rest = data[whole * BLOCK_BYTES :]
    if len(rest):
        padded = np.zeros(-len(rest) % 8 + len(rest), np.uint8)
        padded[: len(rest)] = rest
        sums[whole] = np.add.reduce(padded.view(_WORD))
    return sums


class BlockSummer:
    """The sums of a file that comes in pieces."""

    def __init__(self) -> None:
        self._sums: list[NDArray[np.uint64]] = []
        self._rest = np.empty(0, np.uint8)

    def add(self, piece: bytes | memoryview) -> None:
        """Take the next piece."""
        data = np.frombuffer(piece, np.uint8)
        if len(self._rest):
            missing = BLOCK_BYTES - len(self._rest)
            self._rest = np.concatenate([self._rest, data[:missing]])
            data = data[missing:]
            if len(self._rest) < BLOCK_BYTES:
                return
            self._sums.append(block_sums(self._rest))
        whole = len(data) // BLOCK_BYTES * BLOCK_BYTES
        if whole:
            self._sums.append(block_sums(data[:whole]))
        self._rest = data[whole:].copy()

    def finish(self) -> NDArray[np.uint64]:
        """The sums of all blocks."""
        return np.concatenate([np.empty(0, np.uint64), *self._sums, block_sums(self._rest)])


class CheckedBlocks:
    """The content of a file, uint8[bytes], whose blocks are compared with ``sums`` on demand."""

    def __init__(self, file: Path, data: NDArray[np.uint8], sums: NDArray[np.uint64]) -> None:
        if len(sums) != count_blocks(len(data)):
            raise SnapshotError(f"{file} has {len(data)} bytes but sums of {len(sums)} blocks")
        self._file = file
        self._data = data
        self._sums = sums
        self._is_checked = bytearray(len(sums))

    def check(self, begin: int, end: int) -> None:
        """Compare the blocks that bytes [begin, end) lie in; SnapshotError names the file."""
        first, last = begin // BLOCK_BYTES, count_blocks(end)
        if self._is_checked.find(0, first, last) < 0:
            return
        found = block_sums(self._data[first * BLOCK_BYTES : last * BLOCK_BYTES])
        if not np.array_equal(found, self._sums[first:last]):
            raise SnapshotError(f"{self._file} is damaged: it does not match its checksums")
        # Threads that meet here find the same.
        self._is_checked[first:last] = b"\1" * (last - first)

    def check_places(self, begins: NDArray[np.int64], length: int) -> None:
        """Compare the blocks of ``length`` bytes from each of ``begins`` on."""
        checked = np.frombuffer(self._is_checked, np.uint8)
        firsts, lasts = begins // BLOCK_BYTES, (begins + (length - 1)) // BLOCK_BYTES
        for i in np.flatnonzero((checked[firsts] == 0) | (checked[lasts] == 0)).tolist():
            self.check(int(begins[i]), int(begins[i]) + length)


class CheckedArray:
    """An array in such a file; without ``blocks`` it is taken as it is.

    ``offset`` is where in the file its numbers begin. ``shown`` is the same array in other memory,
    for foreign hands: :meth:`show` and :meth:`show_row` give that.
    """

    def __init__(
        self,
        array: NDArray[Any],
        blocks: CheckedBlocks | None = None,
        offset: int = 0,
        shown: NDArray[Any] | None = None,
    ) -> None:
        self._array = array.view()
        self._array.flags.writeable = False
        self._shown = self._array if shown is None else shown
        self._blocks = blocks
        self._offset = offset
        self.row_bytes = array.itemsize * int(np.prod(array.shape[1:]))

    def __len__(self) -> int:
        return len(self._array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The array's."""
        return self._array.dtype

    def part(self, first: int, end: int) -> NDArray[Any]:
        """Rows [first, end), a view; ValueError if there are not so many."""
        if not 0 <= first <= end <= len(self):
            raise ValueError(f"rows {first} to {end} are out of range: there are {len(self)}")
        if self._blocks is not None and end > first:
            begin = self._offset + first * self.row_bytes
            self._blocks.check(begin, self._offset + end * self.row_bytes)
        return self._array[first:end]

    def row(self, row: int) -> Any:
        """One row, a view."""
        return self.part(row, row + 1)[0]

    def show(self) -> NDArray[Any]:
        """All rows, a read-only view for foreign hands."""
        self.part(0, len(self))
        return self._shown

    def show_row(self, row: int) -> NDArray[Any]:
        """One row, the same; IndexError if there is none."""
        found: NDArray[Any] = self._shown[row]
        if self._blocks is not None:
            begin = self._offset + row * self.row_bytes
            self._blocks.check(begin, begin + self.row_bytes)
        return found

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Some rows in this order, a copy."""
        if self._blocks is not None and self.row_bytes:
            self._blocks.check_places(self._offset + rows * self.row_bytes, self.row_bytes)
        return self._array[rows]

    def whole(self) -> NDArray[Any]:
        """All rows, a view."""
        return self.part(0, len(self))
