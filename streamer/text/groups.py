"""Lines that share a key, such as a request's or a block's, as one record.

A record is complete when no line with its key has come for a while; its lines are joined by spaces
in their order. Lines without a key are records by themselves. What is not complete is part of each
checkpoint, so that every line is in exactly one record, whenever the process ends.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from streamer.text.batch import Origin

MAX_HELD_CHARACTERS = 1 << 24
"""Text that is held at most; more ends the record that has waited longest."""

STATE = "groups"
"""Name of the array that holds, as JSON, what is not complete."""


@dataclass
class _Group:
    """A record that may still grow."""

    lines: list[str]
    characters: int
    """Of its lines, with a space between them."""
    origin: Origin
    """Of its first line."""
    number: int
    """That of its last line among all that were taken."""
    seen_at: float
    """When that came, in seconds on the grouper's clock."""


class Grouped:
    """Records as text, and where each began."""

    def __init__(self) -> None:
        self._records: list[str] = []
        self._origins: list[Origin] = []

    def add(self, record: str, origin: Origin) -> None:
        """The next record."""
        self._records.append(record)
        self._origins.append(origin)

    @property
    def text(self) -> bytes:
        """All of them, each ended by a line feed."""
        return "".join(f"{record}\n" for record in self._records).encode()

    def origin(self, record: int) -> Origin:
        """Where a record's first line came from."""
        return self._origins[record]


class Grouper:
    """Joins lines by what ``pattern`` finds in them: its first group, or all that it matches.

    A record ends when ``seconds`` have passed since its last line, when ``lines`` others have come
    (0: never), or when it would have more than ``max_characters``. Without a pattern nothing is
    joined any more.
    """

    def __init__(
        self,
        pattern: str,
        *,
        seconds: float,
        lines: int,
        max_characters: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pattern = re.compile(pattern) if pattern else None
        self._seconds = seconds if pattern else 0.0
        self._most_lines = lines
        self._max_characters = max_characters
        self._clock = clock
        self._open: OrderedDict[str, _Group] = OrderedDict()
        self._held = 0
        self._lines = 0

    def __len__(self) -> int:
        """How many records are not complete."""
        return len(self._open)

    def take(self, text: bytes, origin: Callable[[int], Origin] = lambda _: {}) -> Grouped:
        """The records that are complete by now, of these lines and of earlier ones.

        ``origin`` tells where a line of the text came from, by its number from 0 on.
        """
        found = Grouped()
        now = self._clock()
        while self._open and now >= self._oldest.seen_at + self._seconds:
            self._end_oldest(found)
        for number, line in enumerate(text.decode().split("\n")[:-1]):
            self._lines += 1
            match = self._pattern.search(line) if self._pattern is not None else None
            if match is None:
                found.add(line, origin(number))
            else:
                key = match[1] if match.re.groups else match[0]
                self._join(key or "", line, partial(origin, number), now, found)
            while self._open and self._is_due:
                self._end_oldest(found)
        return found

    def _join(
        self, key: str, line: str, origin: Callable[[], Origin], now: float, found: Grouped
    ) -> None:
        group = self._open.pop(key, None)
        if group is not None and group.characters + 1 + len(line) > self._max_characters:
            self._end(group, found)
            group = None
        if group is None:
            group = _Group([line], len(line), origin(), self._lines, now)
            self._held += len(line)
        else:
            group.lines.append(line)
            group.characters += 1 + len(line)
            group.number, group.seen_at = self._lines, now
            self._held += 1 + len(line)
        self._open[key] = group  # at the end: they are in the order of their last lines

    @property
    def _oldest(self) -> _Group:
        return next(iter(self._open.values()))

    @property
    def _is_due(self) -> bool:
        has_waited = 0 < self._most_lines <= self._lines - self._oldest.number
        return has_waited or self._held > MAX_HELD_CHARACTERS

    def _end_oldest(self, found: Grouped) -> None:
        self._end(self._open.popitem(last=False)[1], found)

    def _end(self, group: _Group, found: Grouped) -> None:
        self._held -= group.characters
        found.add(" ".join(group.lines), group.origin)

    def end(self) -> Grouped:
        """Nothing more comes: all records are complete."""
        found = Grouped()
        while self._open:
            self._end_oldest(found)
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint holds: the records that are not complete."""
        groups = [asdict(group) | {"key": key} for key, group in self._open.items()]
        state = orjson.dumps({"lines": self._lines, "groups": groups})
        return {STATE: np.frombuffer(state, np.uint8)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what a checkpoint holds; the time that has passed since then does not count."""
        saved = orjson.loads(np.asarray(state[STATE], np.uint8).tobytes())
        self._lines = int(saved["lines"])
        now = self._clock()
        for group in saved["groups"]:
            key = group.pop("key")
            self._open[key] = _Group(**{**group, "seen_at": now})
            self._held += group["characters"]
