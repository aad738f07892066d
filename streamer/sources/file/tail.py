"""One file that is read to its end as it grows, and how to know it again.

A place in a file is marked by the file's device and inode and by a checksum of what lies at the
file's beginning and just before the place. So a file is found again under another name, in a copy
and compressed, and one that was truncated and written anew is not taken for the old one.
"""

from __future__ import annotations

import errno
import os
import stat
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streamer.sources.file.content import Content, Plain, open_content
from streamer.sources.file.mark import Mark
from streamer.sources.file.names import text_of_path
from streamer.text.batch import Origin
from streamer.text.compression import RefusedError
from streamer.text.origins import UNKNOWN_LINES, Origins, Stretch, TracedStream
from streamer.text.records import RecordSplitter, count_lines

READ_BYTES = 1 << 18
_KNOWN_BYTES = 1024
"""Bytes at a file's beginning, and before a place, that its content is known by."""


_ALL = 1 << 62


class ChangedError(Exception):
    """A file no longer holds what was read from it: it was truncated."""


class Tail:
    """A file that is read from some place on; records as far as they are complete.

    ``places`` gives what is told where records come from. OSError if it cannot be opened, or is no
    file but a pipe, a device or a folder.
    """

    def __init__(
        self, path: Path, splitter: RecordSplitter, places: Callable[[], Origins] = Origins
    ) -> None:
        self.path = path
        self.splitter = splitter
        self._places = places
        self._traced = TracedStream()
        self._lines = 0
        # A pipe would be waited for until somebody writes there.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._descriptor)
            raise OSError(errno.EINVAL, f"is {kind_of(found.st_mode)}, not a file", str(path))
        self.identity = found.st_dev, found.st_ino
        self._content: Content | None = None
        self._read_bytes = 0
        self._head = b""
        self._recent = b""
        self._modified_ns = found.st_mtime_ns
        self._size = -1
        self.is_at_end = False
        """Whether the last read found nothing more."""
        self._before: Tail | None = None
        self._next: Tail | None = None

    @property
    def mark(self) -> Mark:
        """The next record to read."""
        return Mark(
            *self.identity,
            max(0, self._read_bytes - self._pending_bytes),
            self._read_bytes,
            zlib.crc32(self._recent, zlib.crc32(self._head)),
            self._modified_ns,
            text_of_path(self.path),
            bytes=self._size if self.is_at_end else -1,
            lines=self._lines,
        )

    @property
    def _pending_bytes(self) -> int:
        """Bytes of records that are not complete, from the first one here to what was read."""
        lent = self._next._lent_bytes if self._next is not None else 0
        return self.splitter.pending_bytes + lent

    @property
    def _lent_bytes(self) -> int:
        """How many of them are of the file before this one."""
        return max(0, self._pending_bytes - self._read_bytes)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read so far."""
        return self._read_bytes == 0

    @property
    def is_deleted(self) -> bool:
        """Whether the file has no name any more."""
        return os.fstat(self._descriptor).st_nlink == 0

    @property
    def problem(self) -> str:
        """Why no more can be read although there is more, empty if all is well."""
        return self._content.problem if self._content is not None else ""

    @property
    def state(self) -> tuple[int, int]:
        """Size and time of the last change, by which it is seen that a file was written to."""
        found = os.fstat(self._descriptor)
        return found.st_size, found.st_mtime_ns

    def missing_since(self, seconds: float) -> str:
        """What is wrong with a file that ends too early and was not written to for so long."""
        is_late = time.time() - os.fstat(self._descriptor).st_mtime > seconds
        return self._content.incomplete if is_late and self._content is not None else ""

    def was_touched(self) -> bool:
        """Whether the file was written to, or cut, since the last read that found something."""
        return os.fstat(self._descriptor).st_mtime_ns != self._modified_ns

    def holds(self, mark: Mark) -> bool:
        """Whether this file begins with what had been read when ``mark`` was made."""
        known = min(mark.read_bytes, _KNOWN_BYTES)
        if not known:
            return self.identity == mark.identity
        content = self._open()
        if content is None:
            return False
        head = content.read(0, known)
        recent = content.read(mark.read_bytes - known, known)
        return len(recent) == known and zlib.crc32(recent, zlib.crc32(head)) == mark.checksum

    def begins_like(self, other: Tail) -> bool:
        """Whether both files hold the same as far as both go; False if one of them is empty."""
        mine, its = self._open(), other._open()
        if mine is None or its is None:
            return False
        size = mine.text_bytes(other._read_bytes)
        known = min(size, _KNOWN_BYTES)
        return known > 0 and all(
            mine.read(at, known) == its.read(at, known) for at in (0, size - known)
        )

    def go_to(self, mark: Mark) -> None:
        """Read on at a mark that this file holds."""
        self._skip_to(mark.offset)
        content = self._open()
        if mark.lines != UNKNOWN_LINES and content is not None:
            again = content.read(mark.offset, mark.read_bytes - mark.offset)
            self._lines = mark.lines - again.count(b"\n")

    def go_to_end(self) -> None:
        """Pass all that is there now."""
        content = self._open(is_final=True)
        if content is not None:
            self._skip_to(content.text_bytes(_ALL))

    def take_over(self, other: Tail) -> None:
        """Read on through the descriptor of ``other``, which is the same file."""
        self.close()
        self.path, self.identity = other.path, other.identity
        self._descriptor, self._content = other._descriptor, other._content

    def go_on_from(self, other: Tail) -> None:
        """Read on where ``other``, which began with the same bytes, has stopped."""
        self.splitter = other.splitter
        self._before, self._next = other._before, other._next
        if self._before is not None:
            self._before._next = self
        if self._next is not None:
            self._next._before = self
        self._skip_to(other._read_bytes)
        self._traced, self._lines = other._traced, other._lines

    def lend(self, following: Tail, fresh: RecordSplitter) -> bool:
        """Let a record that begins here go on in ``following``, of which nothing was read yet.

        False if that cannot be read. What is still written here begins anew, with ``fresh``.
        """
        try:
            if following._open() is None:
                return False
        except (OSError, RefusedError):
            return False
        following.splitter, self.splitter = self.splitter, fresh
        following._traced, self._traced = self._traced, TracedStream()
        self._next, following._before = following, self
        return True

    def settle(self) -> bytes:
        """End the record that goes on in the file after this one: more has come here, or all."""
        if self._next is None:
            return b""
        following, self._next = self._next, None
        following._before = None
        return following.release() if following._lent_bytes else b""

    def _skip_to(self, offset: int) -> None:
        known = min(offset, _KNOWN_BYTES)
        content = self._open()
        if content is not None:
            self._head = content.read(0, known)
            self._recent = content.read(offset - known, known)
        self._read_bytes = offset
        self._lines = UNKNOWN_LINES if offset else 0

    def _open(self, *, is_final: bool = False) -> Content | None:
        if self._content is None:
            self._content = open_content(self._descriptor, is_final=is_final)
        return self._content

    def read(self) -> bytes:
        """What has come, as complete records; ``b""`` at the end, or as long as none is complete.

        Raises ChangedError if the file was truncated, RefusedError if it is no text, OSError.
        """
        self._size, modified_ns = self.state
        content = self._open()
        if content is None:
            self.is_at_end = True
            return b""
        data = content.read(self._read_bytes, READ_BYTES)
        # Looked at after reading: what is still the same now was the same then.
        if not self.is_unchanged():
            raise ChangedError
        if isinstance(content, Plain) and b"\0" in data[:1] + data[-1:]:
            data = self._without_gap(content, data)
        self.is_at_end = not data
        if not data:
            return b""
        self._modified_ns = modified_ns
        self._take(data)
        return self.settle() + self._split(data, lambda splitter: splitter.feed(data))

    def _split(self, data: bytes, split: Callable[[RecordSplitter], bytes]) -> bytes:
        """Split what was read last, ``data``; note where the records come from."""
        source: Origin = {"file": text_of_path(self.path), "inode": self.identity[1]}
        here = Stretch(data, self._read_bytes, self._lines, source)
        return self._traced.split(self.splitter, split, here, self._places())

    def release(self) -> bytes:
        """The records of whole lines that the splitter holds."""
        return self._split(b"", lambda splitter: splitter.release())

    def flush(self) -> bytes:
        """The record that was begun, because nothing more of it can be read."""
        return self._split(b"", lambda splitter: splitter.flush())

    def _without_gap(self, content: Plain, data: bytes) -> bytes:
        """Data without zeros that nothing follows yet, or that come before a line.

        Zeros within a line are what they are.
        """
        if data[:1] == b"\0" and not self.splitter.pending_bytes:
            end = content.zeros_end(self._read_bytes)
            if end is None:
                return b""
            lines = self._lines
            self._skip_to(end)
            self._lines = lines  # there are none in zeros
            data = content.read(end, READ_BYTES)
        text = data.rstrip(b"\0")
        if len(text) == len(data):
            return data
        ends_line = text.endswith(b"\n") or not (text or self.splitter.pending_bytes)
        if ends_line or content.zeros_end(self._read_bytes + len(text)) is None:
            return text
        return data

    def _take(self, data: bytes) -> None:
        self._read_bytes += len(data)
        if self._lines != UNKNOWN_LINES:
            self._lines += count_lines(data)
        self._recent = (self._recent + data)[-_KNOWN_BYTES:]
        if len(self._head) < _KNOWN_BYTES:
            self._head = (self._head + data)[:_KNOWN_BYTES]

    def end(self) -> tuple[bytes, str]:
        """Nothing more will come: the last record, and what is wrong with the file, if anything.

        Raises RefusedError if it is no text.
        """
        content = self._open(is_final=True)
        assert content is not None  # noqa: S101 for mypy: what is final is told
        rest, problem = content.end(self._read_bytes)
        self._take(rest)
        return self._split(rest, lambda s: s.feed(rest) + s.flush()), problem

    def is_unchanged(self) -> bool:
        """Whether the file still holds what was read from it."""
        content = self._content
        if not isinstance(content, Plain):
            return content is None or content.is_unchanged()
        begin = self._read_bytes - len(self._recent)
        return (
            os.pread(self._descriptor, len(self._head), 0) == self._head
            and os.pread(self._descriptor, len(self._recent), begin) == self._recent
        )

    def aside(self) -> Mark:
        """The mark of a file that is not read any more, or came from somewhere else."""
        return replace(self.mark, is_aside=True)

    def close(self) -> None:
        """Let go of the file."""
        if self._content is not None:
            self._content.close()
        os.close(self._descriptor)


def kind_of(mode: int) -> str:
    """What a thing in a file system is, if it is no file."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
