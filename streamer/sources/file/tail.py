"""One file that is read to its end as it grows, plain or gzip, and how to know it again.

A place in a file is marked by the file's device and inode and by a checksum of what lies at the
file's beginning and just before the place. So a file is found again under another name, in a copy
and compressed, and one that was truncated and written anew is not taken for the old one.
"""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from streamer.text.records import RecordSplitter

READ_BYTES = 1 << 18
_KNOWN_BYTES = 1024
"""Bytes at a file's beginning, and before a place, that its content is known by."""

_GZIP_MAGIC = b"\x1f\x8b"


class ChangedError(Exception):
    """A file no longer holds what was read from it: it was truncated."""


class DamagedError(Exception):
    """A compressed file cannot be read any further."""


@dataclass(frozen=True)
class Mark:
    """A place in a file: the next record begins at ``offset``, ``read_bytes`` were looked at."""

    device: int
    inode: int
    offset: int
    read_bytes: int
    checksum: int
    modified_ns: int

    def to_json(self) -> dict[str, int]:
        """The mark as it stands in a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Any) -> Mark:
        """The reverse; ValueError or TypeError if it is none."""
        mark = cls(**document)
        if any(not isinstance(value, int) or value < 0 for value in asdict(mark).values()):
            raise ValueError("a file's position must be whole numbers")
        return mark


class _Content(Protocol):
    """Bytes of a file as they were before it was compressed."""

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset`` on, fewer at the end."""

    def close(self) -> None:
        """Let go of what is held besides the descriptor."""


class _Plain:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self._descriptor, size, offset)

    def close(self) -> None:
        pass


class _Compressed:
    def __init__(self, descriptor: int) -> None:
        self._raw = os.fdopen(os.dup(descriptor), "rb")
        self._file = gzip.GzipFile(fileobj=self._raw)

    def read(self, offset: int, size: int) -> bytes:
        try:
            if self._file.seek(offset) < offset:
                return b""
            return self._file.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DamagedError(str(error)) from error

    def close(self) -> None:
        self._file.close()
        self._raw.close()


class Tail:
    """A file that is read from some place on; records as far as they are complete."""

    def __init__(self, path: Path, splitter: RecordSplitter) -> None:
        self.path = path
        self.splitter = splitter
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.is_compressed = os.pread(self._descriptor, 2, 0) == _GZIP_MAGIC
        self._content: _Content = (
            _Compressed(self._descriptor) if self.is_compressed else _Plain(self._descriptor)
        )
        self._read_bytes = 0
        self._head = b""
        self._recent = b""
        self._modified_ns = os.fstat(self._descriptor).st_mtime_ns
        self.is_at_end = False
        """Whether the last read found nothing more."""

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        found = os.fstat(self._descriptor)
        return found.st_dev, found.st_ino

    @property
    def mark(self) -> Mark:
        """The next record to read."""
        found = os.fstat(self._descriptor)
        return Mark(
            found.st_dev,
            found.st_ino,
            self._read_bytes - self.splitter.pending_bytes,
            self._read_bytes,
            zlib.crc32(self._recent, zlib.crc32(self._head)),
            self._modified_ns,
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read so far."""
        return self._read_bytes == 0

    def was_touched(self) -> bool:
        """Whether the file was written to, or cut, since the last read that found something."""
        return os.fstat(self._descriptor).st_mtime_ns != self._modified_ns

    def holds(self, mark: Mark) -> bool:
        """Whether this file begins with what had been read when ``mark`` was made."""
        known = min(mark.read_bytes, _KNOWN_BYTES)
        if not known:
            return self.identity == (mark.device, mark.inode)
        try:
            head = self._content.read(0, known)
            recent = self._content.read(mark.read_bytes - known, known)
        except DamagedError:
            return False
        return len(recent) == known and zlib.crc32(recent, zlib.crc32(head)) == mark.checksum

    def go_to(self, mark: Mark) -> None:
        """Read on at a mark that this file holds."""
        self._skip_to(mark.offset)

    def go_on_from(self, other: Tail) -> None:
        """Read on where ``other``, which began with the same bytes, has stopped."""
        self.splitter = other.splitter
        self._skip_to(other._read_bytes)

    def _skip_to(self, offset: int) -> None:
        known = min(offset, _KNOWN_BYTES)
        self._head = self._content.read(0, known)
        self._recent = self._content.read(offset - known, known)
        self._read_bytes = offset

    def read(self) -> bytes:
        """What has come, as complete records; ``b""`` at the end, or as long as none is complete.

        Raises ChangedError if the file was truncated, DamagedError, OSError.
        """
        modified_ns = os.fstat(self._descriptor).st_mtime_ns
        data = self._content.read(self._read_bytes, READ_BYTES)
        # Looked at after reading: what is still the same now was the same then.
        if not self.is_compressed and not self._is_unchanged():
            raise ChangedError
        self.is_at_end = not data
        if not data:
            return b""
        self._modified_ns = modified_ns
        self._read_bytes += len(data)
        self._recent = (self._recent + data)[-_KNOWN_BYTES:]
        if len(self._head) < _KNOWN_BYTES:
            self._head = (self._head + data)[:_KNOWN_BYTES]
        return self.splitter.feed(data)

    def _is_unchanged(self) -> bool:
        begin = self._read_bytes - len(self._recent)
        return (
            os.pread(self._descriptor, len(self._head), 0) == self._head
            and os.pread(self._descriptor, len(self._recent), begin) == self._recent
        )

    def close(self) -> None:
        """Let go of the file."""
        self._content.close()
        os.close(self._descriptor)
