"""Records of several lines, such as stack traces: a pattern tells which lines begin one.

The lines of a record are joined by spaces, so that it is a line like any other for what comes
next. Whether a record is complete shows only when the next one begins, or at the end.
"""

from __future__ import annotations

import re
from typing import Self

from streamer.text.cleaning import clean
from streamer.text.records import RecordSplitter


class MultilineSplitter(RecordSplitter):
    """Like :class:`RecordSplitter`, but a record goes on until a line matches ``start``.

    ``start`` is matched at a line's beginning: text, without control sequences of terminals, whose
    bytes are characters of their own where they are not UTF-8. A record that would be longer than
    ``max_line_bytes`` ends before the line that makes it so, and one behind a line that had to be
    cut where there is no whitespace.
    """

    def __init__(
        self, max_line_bytes: int, max_token_bytes: int, start: str, *, keep_runs: bool = False
    ) -> None:
        super().__init__(max_line_bytes, max_token_bytes, keep_runs=keep_runs)
        self._start = re.compile(start)
        self._held = bytearray()

    @property
    def pending_bytes(self) -> int:
        """Bytes taken in that no record has been made of yet."""
        return super().pending_bytes + len(self._held)

    @property
    def goes_on(self) -> bool:
        """See :class:`RecordSplitter`."""
        return bool(self._held) and not super().pending_bytes

    def copied(self) -> Self:
        """See :class:`RecordSplitter`."""
        other = super().copied()
        other._held = bytearray(self._held)
        return other

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return the records they complete, each ended by a line feed."""
        records = []
        for lines, is_whole in self._feed(data):
            records.append(self._join(lines))
            if not is_whole:  # what is held must be as long as it was in the stream
                records.append(self.release())
        return b"".join(records)

    def flush(self) -> bytes:
        """The last record, though nothing shows that it is complete."""
        return self._join(super().flush()) + self.release()

    def _join(self, lines: bytes) -> bytes:
        """Complete lines to complete records; what may go on is held."""
        records: list[bytes] = []
        held, limit = self._held, self._max_line_bytes + 1
        for line in _lines(lines):
            if held and (len(held) + len(line) > limit or self._begins(line)):
                records.append(self.release())
            held += line
        return b"".join(records)

    def _begins(self, line: bytes) -> bool:
        return self._start.match(clean(line).decode(errors="surrogateescape")) is not None

    def release(self) -> bytes:
        """See :class:`RecordSplitter`."""
        record = self._held[:-1].replace(b"\n", b" ") + b"\n" if self._held else b""
        self._held.clear()
        return bytes(record)


def _lines(text: bytes) -> list[bytes]:
    return [line + b"\n" for line in text[:-1].split(b"\n")] if text else []
