"""Where records of a stream of lines came from: the byte and the line at which each began.

Records are split from stretches of text as they are read. Mostly they are the text itself, byte by
byte, which makes this cheap; where they are not (lines that were cut, logs of containers), the
stretch is split again at the first question about it, once for all its records.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from streamer.text.batch import Origin
from streamer.text.records import RecordSplitter

MAX_KEPT_BYTES = 1 << 22
"""Text of a record that is not complete which is kept to tell where it began."""

UNKNOWN_LINES = -1
"""In the place of a number of lines that nobody has counted."""


@dataclass(frozen=True)
class Stretch:
    """Text that records were split from, beginning where one of them begins."""

    text: bytes
    begin: int
    """Where it begins in the stream, in bytes."""
    lines: int
    """Line feeds up to its end; UNKNOWN_LINES if they were not counted."""
    source: Origin
    """What the stream is."""
    splitter: RecordSplitter | None = None
    """What split it, as it was before, if records are not the text byte by byte."""


@dataclass(frozen=True)
class _Split:
    """Records and the stretch that they were split from.

    All that is found out to answer the first question is kept for the next ones: a batch may be
    asked about every record.
    """

    records: bytes
    stretch: Stretch

    def origin(self, byte: int) -> Origin:
        """Where the record at a byte of the records began."""
        stretch = self.stretch
        offset, index = (byte, 0) if stretch.splitter is None else self._found(byte)
        # A record that began in the file before, and goes on in this one, is here from its begin.
        origin: Origin = {**stretch.source, "byte": max(0, stretch.begin + offset)}
        if stretch.lines != UNKNOWN_LINES:
            ends = self._line_ends
            lines_behind = len(ends) - bisect_left(ends, max(0, offset))
            origin["line"] = max(0, stretch.lines - lines_behind) + 1
        return origin | ({"record": index + 1} if index else {})

    def _found(self, byte: int) -> tuple[int, int]:
        """The record's first byte, and which of those it is that begin there."""
        number = bisect_left(self._record_ends, byte)
        firsts, begins = self._begins
        index = bisect_right(firsts, number) - 1
        return begins[index], number - firsts[index]

    @cached_property
    def _line_ends(self) -> list[int]:
        return _ends(self.stretch.text)

    @cached_property
    def _record_ends(self) -> list[int]:
        return _ends(self.records)

    @cached_property
    def _begins(self) -> tuple[list[int], list[int]]:
        """Numbers of records, ascending, and the byte of the stretch where each of them begins.

        The records up to the next of these begin there, too. Found by splitting the stretch again.
        """
        stretch = self.stretch
        assert stretch.splitter is not None  # noqa: S101 for mypy: the caller has looked
        splitter = stretch.splitter.copied()
        taken = splitter.pending_bytes
        complete = 0
        firsts, begins = [0], [0]
        for line in stretch.text[taken:].splitlines(keepends=True):
            new = splitter.feed(line).count(b"\n")
            taken += len(line)
            complete += new
            if new and taken - splitter.pending_bytes > begins[-1]:
                firsts.append(complete)
                begins.append(taken - splitter.pending_bytes)
        return firsts, begins


def _ends(text: bytes) -> list[int]:
    """Where the line feeds of a text are."""
    ends: list[int] = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")).tolist()
    return ends


class Origins:
    """Where the records of one batch came from; filled in their order."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._splits: list[_Split] = []
        self._bytes = 0

    def add(self, records: bytes, stretch: Stretch) -> None:
        """The next ``records`` of the batch were split from this stretch."""
        if records:
            self._begins.append(self._bytes)
            self._splits.append(_Split(records, stretch))
            self._bytes += len(records)

    def at(self, byte: int) -> Origin:
        """Where the record came from that begins at this byte of the batch's records."""
        index = bisect_right(self._begins, byte) - 1
        return self._splits[index].origin(byte - self._begins[index])


class TracedStream:
    """Splits one stream into records, and remembers what they are split from.

    Of a record that is longer than ``MAX_KEPT_BYTES`` only its place is remembered.
    """

    def __init__(self) -> None:
        self._pending_bytes = 0
        self._pending: list[bytes] | None = []

    def split(
        self,
        splitter: RecordSplitter,
        split: Callable[[RecordSplitter], bytes],
        stretch: Stretch,
        places: Origins,
    ) -> bytes:
        """The records that ``split`` makes of the stretch's text; ``places`` is told of them.

        ``stretch`` is what was read last; its ``begin`` is that of where it ends.
        """
        before = None if self._pending is None else splitter.copied()
        records = split(splitter)
        pending, total = splitter.pending_bytes, self._pending_bytes + len(stretch.text)
        if not records and pending == total:
            # Not put together with each piece: a long line would take time by its square.
            if self._pending is not None:
                self._pending.append(stretch.text)
            self._keep(self._pending, pending)
            return records
        text = None if self._pending is None else b"".join([*self._pending, stretch.text])
        split_bytes = total - pending
        known = stretch.text if text is None else text
        self._keep([known[len(known) - pending :]] if pending <= len(known) else None, pending)
        # The last record of a stream gets a line feed where it had none. So does one that was cut,
        # while more of its line is pending; then those behind it are not where they were.
        is_ended = pending > 0 or known.endswith(b"\n")
        is_verbatim = before is None or len(records) in (split_bytes, split_bytes + (not is_ended))
        places.add(
            records,
            replace(
                stretch,
                text=text or b"",
                begin=stretch.begin - total,
                lines=UNKNOWN_LINES if text is None else stretch.lines,
                splitter=None if is_verbatim else before,
            ),
        )
        return records

    def _keep(self, pending: list[bytes] | None, size: int) -> None:
        self._pending_bytes = size
        self._pending = pending if size <= MAX_KEPT_BYTES else None
