"""What a source hands over: complete records and the position behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Origin = dict[str, str | int]
"""Where a message came from, as a person would look for it."""


@dataclass(frozen=True)
class Batch:
    """Complete records, each ended by a line feed, and the position of the next record to read.

    A checkpoint taken after this batch was learned resumes *after* it: ``position`` never names a
    record that ``records`` holds. With ``checkpoint`` the source asks for one as soon as this
    batch is learned, because it is about to lose what it reads from.

    Where a stream consists of messages and not of lines, ``messages`` are what ``records`` was
    made of, in order, each as it came: a message is decoded as a whole and may be several records.
    Where it consists of lines, ``place`` tells where a record stands, by its index among them and
    its bytes; to be asked before the next batch is taken.
    """

    records: bytes
    position: dict[str, Any] = field(default_factory=dict)
    checkpoint: bool = False
    messages: Iterable[tuple[Origin, bytes]] | None = None
    place: Callable[[int, bytes], str] | None = None
