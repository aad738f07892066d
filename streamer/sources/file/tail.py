"""One file that is read to its end as it grows, and how to know it again.

A place in a file is marked by the file's device and inode and by a checksum of what lies at the
file's beginning and just before the place. So a file is found again under another name, in a copy
and compressed, and one that was truncated and written anew is not taken for the old one.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from streamer.sources.batching import READ_BYTES
from streamer.sources.file.content import Content, Plain
from streamer.sources.file.mark import Mark
from streamer.sources.file.names import text_of_path
from streamer.sources.file.opened import KNOWN_BYTES, OpenFile
from streamer.text.batch import Origin
from streamer.text.compression import RefusedError
from streamer.text.origins import UNKNOWN_LINES, Origins, Stretch, TracedStream
from streamer.text.records import RecordSplitter, count_lines

_ALL = 1 << 62


class ChangedError(Exception):
    """A file no longer holds what was read from it: it was truncated."""


class Tail(OpenFile):
    """A file that is read from some place on; records as far as they are complete.

    ``places`` gives what is told where records come from. OSError if it cannot be opened, or is no
    file but a pipe, a device or a folder.
    """

    def __init__(
        self, path: Path, splitter: RecordSplitter, places: Callable[[], Origins] = Origins
    ) -> None:
        self.splitter = splitter
        self._places = places
        self._traced = TracedStream()
        self._lines = 0
        super().__init__(path)
        self._first_inode = self.identity[1]
        self._read_bytes = 0
        self._head = b""
        self._recent = b""
        self._modified_ns = self.state[1]
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
            text_of_path(self.place),
            bytes=self._size if self.is_at_end else -1,
            lines=self._lines,
            first_inode=self._first_inode,
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

    def was_touched(self) -> bool:
        """Whether the file was written to, or cut, since the last read that found something."""
        try:
            return self.state[1] != self._modified_ns
        except OSError:
            return True

    def begins_like(self, other: Tail) -> bool:
        """Whether both files hold the same as far as both go; False if one of them is empty."""
        try:
            mine, its = self._open(), other._open()
            if mine is None or its is None:
                return False
            return _agree(mine, its, mine.text_bytes(other._read_bytes))
        except (OSError, RefusedError):
            return False

    def is_copy_of(self, other: Tail) -> bool:
        """Whether all that is there, not compressed, is the beginning of ``other``."""
        try:
            mine, its = self._open(), other._open()
            if its is None or not isinstance(mine, Plain):
                return False
            return _agree(mine, its, self.state[0])
        except (OSError, RefusedError):
            return False

    def go_to(self, mark: Mark) -> None:
        """Read on at a mark that this file holds."""
        self._skip_to(mark.offset)
        self._first_inode = mark.first_inode
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
        self.path, self.place, self.identity = other.path, other.place, other.identity
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
        self._first_inode = other._first_inode

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
        known = min(offset, KNOWN_BYTES)
        content = self._open()
        if content is not None:
            self._head = content.read(0, known)
            self._recent = content.read(offset - known, known)
        self._read_bytes = offset
        self._lines = UNKNOWN_LINES if offset else 0

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
        source: Origin = {"file": text_of_path(self.path), "inode": self._first_inode}
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
        self._recent = (self._recent + data)[-KNOWN_BYTES:]
        if len(self._head) < KNOWN_BYTES:
            self._head = (self._head + data)[:KNOWN_BYTES]

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
        """Whether the file still holds what was read from it, as far as that can be seen."""
        content = self._content
        begin = self._read_bytes - len(self._recent)
        try:
            if not isinstance(content, Plain):
                return content is None or content.is_unchanged()
            return (
                os.pread(self._descriptor, len(self._head), 0) == self._head
                and os.pread(self._descriptor, len(self._recent), begin) == self._recent
            )
        except OSError:
            return True

    def aside(self) -> Mark:
        """The mark of a file that is not read any more, or came from somewhere else."""
        return replace(self.mark, is_aside=True)


def _agree(one: Content, other: Content, size: int) -> bool:
    """Whether two files hold the same up to ``size``, by their beginnings and what is before."""
    known = min(size, KNOWN_BYTES)
    return known > 0 and all(
        one.read(at, known) == other.read(at, known) for at in (0, size - known)
    )
