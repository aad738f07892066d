"""Bytes to records: a record a line, over-long lines cut, whatever the chunks they come in."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Self

import numpy as np

_SEPARATORS = b" \t\r\v\f"
_SEPARATOR = re.compile(rb"[ \t\r\v\f]")
_TOKEN_END = re.compile(rb"[ \t\r\v\f\n]")
_MARKS = [mark.encode() for mark in "\u3002\uff01\uff1f\uff1b\uff0c\u3001.!?;,)]}>\"'=&/|"]
"""Where a line without spaces is cut, if it can be: hardly a word goes on behind them."""


class RecordSplitter:
    """Cuts a byte stream into records; how depends on the bytes alone, not on their chunks.

    A line longer than ``max_line_bytes`` becomes several records, cut at whitespace. Where a whole
    record has none, it is one token too long to learn, and is cut to ``max_token_bytes + 1`` bytes,
    or up to three more to end with a character, so that the vocabulary still drops a long token.
    ``max_line_bytes`` is at least ``max_token_bytes + 4``. With ``keep_runs``, for tokenizers that
    find words in it, it is cut behind a mark or else a character instead, and nothing is lost.
    Memory is bounded.
    """

    def __init__(
        self, max_line_bytes: int, max_token_bytes: int, *, keep_runs: bool = False
    ) -> None:
        self._max_line_bytes = max_line_bytes
        self._keep_runs = keep_runs
        self._token_bytes = max_token_bytes + 1
        self._tail = bytearray()
        self._swallowed_bytes = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes taken in that no record has been made of yet."""
        return len(self._tail) + self._swallowed_bytes

    @property
    def goes_on(self) -> bool:
        """Whether whole lines are held as a record that later lines, of another file too, end."""
        return False

    def copied(self) -> Self:
        """A splitter in the same state, which goes on by itself."""
        other = copy.copy(self)
        other._tail = bytearray(self._tail)
        return other

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return the records they complete, each ended by a line feed."""
        return b"".join(records for records, _ in self._feed(data))

    def release(self) -> bytes:
        """The records of whole lines that are held; a line that was begun stays begun."""
        return b""

    def flush(self) -> bytes:
        """The last record, though no line feed ended it."""
        return self._end_line()

    def _feed(self, data: bytes) -> Iterator[tuple[bytes, bool]]:
        """What :meth:`feed` returns, some records at a time.

        With them comes whether they are as long as they were in the stream: a record that was cut
        where there is no whitespace is not, and comes alone. All must be taken.
        """
        if self._swallowed_bytes:
            end = _TOKEN_END.search(data)
            if end is None:
                self._swallowed_bytes += len(data)
                return
            data = data[end.end() :]
            yield self._end_line(), False
        end_of_lines = data.rfind(b"\n") + 1
        if end_of_lines:
            yield from self._cut_lines(bytes(self._tail) + data[:end_of_lines])
            self._tail.clear()
        self._tail += data[end_of_lines:]
        yield from self._cut_tail()

    def _end_line(self) -> bytes:
        records = bytes(self._tail) + b"\n" if self._tail else b""
        self._tail, self._swallowed_bytes = bytearray(), 0
        return records

    def cut_lines(self, lines: bytes) -> bytes:
        """Complete lines with the over-long ones cut; nothing of them is kept for later."""
        return b"".join(records for records, _ in self._cut_lines(lines))

    def _cut_lines(self, lines: bytes) -> Iterator[tuple[bytes, bool]]:
        if len(lines) <= self._max_line_bytes or self._longest(lines) <= self._max_line_bytes:
            yield lines, True
            return
        for line in lines[:-1].split(b"\n"):
            rest: bytes | None = line
            while rest is not None and len(rest) > self._max_line_bytes:
                record, rest, is_whole = self._cut(rest)
                yield record + b"\n", is_whole
            if rest is not None:
                yield rest + b"\n", True

    @staticmethod
    def _longest(lines: bytes) -> int:
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
        return int(np.diff(ends, prepend=-1).max()) - 1

    def _cut_tail(self) -> Iterator[tuple[bytes, bool]]:
        while len(self._tail) > self._max_line_bytes:
            record, rest, is_whole = self._cut(bytes(self._tail))
            if rest is None:
                self._swallowed_bytes = len(self._tail) - len(record)
                self._tail = bytearray(record)
                return
            self._tail = bytearray(rest)
            yield record + b"\n", is_whole

    def _cut(self, line: bytes) -> tuple[bytes, bytes | None, bool]:
        """An over-long line's first record and the rest, None if one token fills all of it.

        And whether they were cut at whitespace, which the record's line feed takes the place of.
        """
        limit = self._max_line_bytes + 1
        inside = max(line.rfind(byte, 0, limit) for byte in _SEPARATORS)
        if inside >= 0:
            return line[:inside], line[inside + 1 :], True
        if self._keep_runs:
            end = _run_end(line, limit - 1)
            return line[:end], line[end:], False
        after = _SEPARATOR.search(line, limit)
        rest = line[after.end() :] if after else None
        end = _character_end(line, range(self._token_bytes, self._token_bytes + 4))
        return line[:end], rest, False


def count_lines(text: bytes) -> int:
    """How many line feeds there are; several times as fast as ``text.count`` in a large text."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord("\n")))


def _run_end(line: bytes, limit: int) -> int:
    """Where to cut a longer line without whitespace: ``limit`` or a little before it."""
    marks = [at + len(mark) for mark in _MARKS if (at := line.rfind(mark, 0, limit)) >= 0]
    if marks:
        return max(marks)
    return _character_end(line, range(limit, limit - 4, -1))


def _character_end(line: bytes, ends: range) -> int:
    """The first of four ``ends`` that is not inside a character; if there is none, the first."""
    # UTF-8: bytes 10xxxxxx go on with a character, three at most.
    return next((end for end in ends if line[end] >> 6 != 0b10), ends[0])
