"""Entries that were read a while ago, by which a stream is known again.

A server that crashes may come back without the last entries that it gave out, those that were not
on its disk yet. Such a stream looks like one that was deleted and created again; but an entry that
was read some time before is still there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

AGES = (5.0, 60.0, 600.0)
"""How long before the newest one entries were read that are kept, in seconds: servers write to the
disk each second, or a snapshot each few minutes; and old entries may be trimmed."""


class Trail:
    """Ids of entries of one stream; ``ids`` are those of a checkpoint, oldest first."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._read: deque[tuple[float, str]] = deque((float("-inf"), entry) for entry in ids)

    def __bool__(self) -> bool:
        return bool(self._read)

    def note(self, entry: str, now: float) -> None:
        """``entry`` is the last one that was read by now."""
        if self._read and self._read[-1][1] == entry:
            return
        self._read.append((now, entry))
        while len(self._read) > 1 and self._read[1][0] <= now - AGES[-1]:
            self._read.popleft()

    @property
    def ids(self) -> list[str]:
        """The oldest one, and the newest that is as old as each of the ages; oldest first.

        They stay the same as long as nothing is read.
        """
        if not self._read:
            return []
        newest, kept = self._read[-1][0], [self._read[0]]
        for age in reversed(AGES):
            kept += [read for read in self._read if read[0] <= newest - age][-1:]
        return list(dict.fromkeys(entry for _, entry in kept))
