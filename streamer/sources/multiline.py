"""Records of several lines, such as stack traces: a pattern tells which lines begin one.

The lines of a record are joined by spaces, so that it is a line like any other for whoever comes
next. Whether a record is complete shows only when the next one begins, or at the end.
"""

from __future__ import annotations

import re

from streamer.sources.records import RecordSplitter


class MultilineSplitter(RecordSplitter):
    """Like :class:`RecordSplitter`, but a record goes on until a line matches ``start``.

    ``start`` is matched at a line's beginning. A record that would be longer than
    ``max_line_bytes`` ends before the line that makes it so.
    """

    def __init__(
        self, max_line_bytes: int, max_token_bytes: int, start: str, *, keep_runs: bool = False
    ) -> None:
        super().__init__(max_line_bytes, max_token_bytes, keep_runs=keep_runs)
        self._start = re.compile(start.encode())
        self._held = b""

    @property
    def pending_bytes(self) -> int:
        """Bytes taken in that no record has been made of yet."""
        return super().pending_bytes + len(self._held)

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return the records they complete, each ended by a line feed."""
        before = super().pending_bytes + len(data)
        lines = super().feed(data)
        records = self._join(lines)
        if before - super().pending_bytes != len(lines):
            # Something was cut: what is held must be as long as it was in the stream.
            records += self._release()
        return records

    def flush(self) -> bytes:
        """The last record, though nothing shows that it is complete."""
        return self._join(super().flush()) + self._release()

    def _join(self, lines: bytes) -> bytes:
        """Complete lines to complete records; what may go on is held."""
        records: list[bytes] = []
        held = [self._held] if self._held else []
        size = len(self._held)
        for line in _lines(lines):
            if held and (self._start.match(line) or size + len(line) > self._max_line_bytes + 1):
                records.append(_joined(held))
                held, size = [], 0
            held.append(line)
            size += len(line)
        self._held = b"".join(held)
        return b"".join(records)

    def _release(self) -> bytes:
        records = _joined([self._held]) if self._held else b""
        self._held = b""
        return records


def _lines(text: bytes) -> list[bytes]:
    return [line + b"\n" for line in text[:-1].split(b"\n")] if text else []


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(lines)[:-1].replace(b"\n", b" ") + b"\n"
