"""What a source hands over: complete records and the position behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

Origin = dict[str, str | int]
"""Where a message or a line came from, as a person would look for it."""


def in_words(origin: Origin) -> str:
    """An origin as text, ``key value, key value``."""
    return ", ".join(f"{key} {value}" for key, value in origin.items())


class Places(Protocol):
    """Where lines came from."""

    def at(self, byte: int) -> Origin:
        """Where the record came from that begins at this byte of the batch's records."""


class Messages(Protocol):
    """The messages that a batch's records were made of, in order, each as it came."""

    def __iter__(self) -> Iterator[tuple[Origin, bytes]]:
        """Each message, with where it came from."""

    def at(self, byte: int) -> tuple[Origin, int]:
        """The message that this byte of the batch's records is in, and the byte it begins at."""


class MessageList:
    """Messages one by one."""

    def __init__(self, messages: list[tuple[Origin, bytes]]) -> None:
        self._messages = messages
        self.records = b"".join(map(_records, (value for _, value in messages)))
        """All of them as records."""

    def __iter__(self) -> Iterator[tuple[Origin, bytes]]:
        return iter(self._messages)

    def at(self, byte: int) -> tuple[Origin, int]:
        """See :class:`Messages`."""
        begin = 0
        for origin, value in self._messages:
            end = begin + len(_records(value))
            if byte < end:
                return origin, begin
            begin = end
        raise IndexError(byte)


def _records(message: bytes) -> bytes:
    """A message as records, each ended by a line feed."""
    return message if message.endswith(b"\n") else message + b"\n"


@dataclass(frozen=True)
class Batch:
    """Complete records, each ended by a line feed, and the position of the next record to read.

    A checkpoint taken after this batch was learned resumes *after* it: ``position`` never names a
    record that ``records`` holds. With ``checkpoint`` the source asks for one as soon as this
    batch is learned, because it is about to lose what it reads from.

    Where a stream consists of messages and not of lines, ``messages`` are what ``records`` was
    made of, in order, each as it came: a message is decoded as a whole and may be several records.
    Where it consists of lines, ``places`` tells where they stand, if the source keeps it.
    """

    records: bytes
    position: dict[str, Any] = field(default_factory=dict)
    checkpoint: bool = False
    messages: Messages | None = None
    places: Places | None = None
