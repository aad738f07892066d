"""Logs of container runtimes: what a container wrote, with long lines joined again.

The kubelet's runtimes (CRI) write ``TIME STREAM F TEXT``, Docker's json-file
``{"log":TEXT,"stream":STREAM,"time":TIME}``; both cut a long line into parts of 16 KiB. What is
read is TEXT; Docker's documents stay whole if the user wants their ``log`` field.
"""

from __future__ import annotations

import copy
import re
from collections import deque
from dataclasses import dataclass
from typing import Self

import orjson

from streamer.text.records import RecordSplitter

_CRI = re.compile(
    rb"\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d) (stdout|stderr) ([FP])(?::\S*)?(?: (.*))?",
    re.DOTALL,
)
_DOCKER = b'{"log":"'
_FIRST_BYTES = frozenset(b"0123456789{")
"""How a line of a container runtime can begin."""

DOCKER_FIELDS = frozenset({"log", "stream", "time", "attrs"})
"""The fields of a document of Docker's."""


@dataclass
class _Line:
    """A line of a stream whose end may still come."""

    stream: bytes
    parts: list[bytes]
    is_whole: bool
    document: dict[str, object] | None = None

    @property
    def is_verbatim(self) -> bool:
        """Whether it is what the file has."""
        return not self.stream


def _cri(line: bytes) -> _Line | None:
    match = _CRI.fullmatch(line)
    return match and _Line(match[1], [match[3] or b""], match[2] == b"F")


def _docker(line: bytes) -> _Line | None:
    if not line.startswith(_DOCKER):
        return None
    try:
        document = orjson.loads(line)
        text = document["log"]
        stream = str(document["stream"])
    except (orjson.JSONDecodeError, KeyError):
        return None
    if not isinstance(text, str):
        return None
    return _Line(stream.encode(), [text.encode()], text.endswith("\n"), document)


class ContainerSplitter(RecordSplitter):
    """Gives ``inner`` what a container wrote, if the first line is a container runtime's.

    Else it gives it everything as it comes. ``keeps_documents`` if a document of Docker's is a
    record. No more than about ``max_line_bytes`` are held for lines whose end has not come.
    """

    def __init__(
        self, inner: RecordSplitter, max_line_bytes: int, *, keeps_documents: bool = False
    ) -> None:
        self._inner = inner
        self._limit = max_line_bytes
        self._keeps_documents = keeps_documents
        self._is_container: bool | None = None
        self._begun = b""
        self._is_in_long_line = False
        self._held: list[_Line] = []
        self._held_bytes = 0
        self._given: deque[tuple[int, int, bool]] = deque()
        self._given_bytes = 0

    @property
    def pending_bytes(self) -> int:
        """Bytes taken in that no record has been made of yet."""
        pending = self._inner.pending_bytes
        if self._is_container:
            pending = self._taken_for(pending)
        return len(self._begun) + self._held_bytes + pending

    @property
    def goes_on(self) -> bool:
        """See :class:`RecordSplitter`."""
        if self._begun or self._is_in_long_line:
            return False
        return bool(self._held) or self._inner.goes_on

    def copied(self) -> Self:
        """See :class:`RecordSplitter`."""
        other = copy.copy(self)
        other._inner = self._inner.copied()
        other._held = copy.deepcopy(self._held)
        other._given = self._given.copy()
        return other

    def _taken_for(self, pending: int) -> int:
        """How many bytes were taken in for the last ``pending`` ones that were given on.

        Of text that was given as it is in the file, part may be pending; of other text all or
        nothing is.
        """
        taken = given = 0
        for taken_bytes, given_bytes, is_verbatim in reversed(self._given):
            if given >= pending:
                break
            taken += min(taken_bytes, pending - given) if is_verbatim else taken_bytes
            given += given_bytes
        return taken

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return the records they complete, each ended by a line feed."""
        if self._is_container is False:
            return self._inner.feed(data)
        if self._is_container is None and not self._begun and data and data[0] not in _FIRST_BYTES:
            # Decided at once: a long line must not be put together again with each piece.
            self._is_container = False
            return self._inner.feed(data)
        data = self._begun + data
        if self._is_container is None:
            end = data.find(b"\n")
            if end < 0 and len(data) <= self._limit:
                self._begun = data
                return b""
            self._is_container = any(form(data[: max(0, end)]) for form in (_cri, _docker))
        self._begun = b""
        return self._feed_lines(data) if self._is_container else self._inner.feed(data)

    def _feed_lines(self, data: bytes) -> bytes:
        records = []
        *lines, self._begun = data.split(b"\n")
        for line in lines:
            if self._is_in_long_line:
                self._is_in_long_line = False
                records.append(self._give(line + b"\n"))
            else:
                records.append(self._take(line))
        if self._is_in_long_line or len(self._begun) > self._limit:
            records += [self._release(), self._give(self._begun)]
            self._begun, self._is_in_long_line = b"", True
        return b"".join(records)

    def _take(self, raw: bytes) -> bytes:
        """A whole line of the file."""
        self._held_bytes += len(raw) + 1
        line = _cri(raw) or _docker(raw) or _Line(b"", [raw], is_whole=True)
        begun = next(
            (held for held in self._held if not held.is_whole and held.stream == line.stream), None
        )
        if begun is None:
            self._held.append(line)
        else:
            begun.parts += line.parts
            begun.is_whole = line.is_whole
        if all(held.is_whole for held in self._held) or self._held_bytes > self._limit:
            return self._release()
        return b""

    def _release(self) -> bytes:
        """Give on what is held: a place in a stream is behind all of it or before all of it."""
        held, self._held = self._held, []
        taken, self._held_bytes = self._held_bytes, 0
        text = b"".join(map(self._text, held))
        if all(line.is_verbatim for line in held):
            return self._give(text) if text else b""
        return self._give(text, taken)

    def _text(self, line: _Line) -> bytes:
        text = b"".join(line.parts)
        if line.document is not None and self._keeps_documents:
            return orjson.dumps(line.document | {"log": text.decode()}) + b"\n"
        return text if text.endswith(b"\n") else text + b"\n"

    def _give(self, text: bytes, taken: int | None = None) -> bytes:
        """Give on what ``taken`` bytes of the file became; None if it is these bytes."""
        is_verbatim = taken is None
        self._given.append((len(text) if taken is None else taken, len(text), is_verbatim))
        self._given_bytes += len(text)
        records = self._inner.feed(text)
        if not is_verbatim and 0 < self._inner.pending_bytes < len(text):
            records += self._inner.release()  # no place in the file is between the two
        pending = self._inner.pending_bytes
        while self._given and self._given_bytes - self._given[0][1] >= pending:
            self._given_bytes -= self._given.popleft()[1]
        return records

    def release(self) -> bytes:
        """See :class:`RecordSplitter`."""
        return self._release() + self._inner.release()

    def flush(self) -> bytes:
        """The last record, though nothing shows that it is complete."""
        records = self._inner.feed(self._begun) if not self._is_container else b""
        if self._is_container:
            records = self._take(self._begun) if self._begun else b""
            records += self._release()
        self._begun, self._is_in_long_line = b"", False
        records += self._inner.flush()
        self._given.clear()
        self._given_bytes = 0
        return records

    def cut_lines(self, lines: bytes) -> bytes:
        """Complete lines with the over-long ones cut; nothing of them is kept for later."""
        return self._inner.cut_lines(lines)
