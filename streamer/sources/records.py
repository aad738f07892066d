"""Bytes to records: a record a line, over-long lines cut, whatever the chunks they come in."""

from __future__ import annotations

import re

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
    enough for whoever drops long tokens to see one. With ``keep_runs``, for tokenizers that find
    words in it, it is cut behind a mark or else a character instead, and all of it comes out.
    Memory is bounded whatever comes.
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

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return the records they complete, each ended by a line feed."""
        records = b""
        if self._swallowed_bytes:
            end = _TOKEN_END.search(data)
            if end is None:
                self._swallowed_bytes += len(data)
                return b""
            data = data[end.end() :]
            records = self._end_line()
        end_of_lines = data.rfind(b"\n") + 1
        if end_of_lines:
            records += self.cut_lines(bytes(self._tail) + data[:end_of_lines])
            self._tail.clear()
        self._tail += data[end_of_lines:]
        return records + self._cut_tail()

    def flush(self) -> bytes:
        """The last record, though no line feed ended it."""
        return self._end_line()

    def _end_line(self) -> bytes:
        records = bytes(self._tail) + b"\n" if self._tail else b""
        self._tail, self._swallowed_bytes = bytearray(), 0
        return records

    def cut_lines(self, lines: bytes) -> bytes:
        """Complete lines with the over-long ones cut; nothing of them is kept for later."""
        if len(lines) <= self._max_line_bytes:
            return lines
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
        if np.diff(ends, prepend=-1).max() - 1 <= self._max_line_bytes:
            return lines
        records = []
        for line in lines[:-1].split(b"\n"):
            rest = line
            while len(rest) > self._max_line_bytes:
                record, rest_or_none = self._cut(rest)
                records.append(record)
                if rest_or_none is None:
                    break
                rest = rest_or_none
            else:
                records.append(rest)
        return b"\n".join(records) + b"\n"

    def _cut_tail(self) -> bytes:
        records = b""
        while len(self._tail) > self._max_line_bytes:
            record, rest = self._cut(bytes(self._tail))
            if rest is None:
                self._swallowed_bytes = len(self._tail) - len(record)
                self._tail = bytearray(record)
                break
            records += record + b"\n"
            self._tail = bytearray(rest)
        return records

    def _cut(self, line: bytes) -> tuple[bytes, bytes | None]:
        """An over-long line's first record and the rest, None if one token fills all of it."""
        limit = self._max_line_bytes + 1
        inside = max(line.rfind(byte, 0, limit) for byte in _SEPARATORS)
        if inside >= 0:
            return line[:inside], line[inside + 1 :]
        if self._keep_runs:
            end = _run_end(line, limit - 1)
            return line[:end], line[end:]
        after = _SEPARATOR.search(line, limit)
        rest = line[after.end() :] if after else None
        return line[: self._token_bytes], rest


def _run_end(line: bytes, limit: int) -> int:
    """Where to cut a longer line without whitespace: ``limit`` or a little before it."""
    marks = [at + len(mark) for mark in _MARKS if (at := line.rfind(mark, 0, limit)) >= 0]
    if marks:
        return max(marks)
    # UTF-8: bytes 10xxxxxx go on with a character, three at most.
    return next((end for end in range(limit, limit - 4, -1) if line[end] >> 6 != 0b10), limit)
