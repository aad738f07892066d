"""Notices that nothing is read although there is something to read, whatever the cause.

Knows no client: the polling thread tells what it sees, and is told what to do about it. Joining the
group again helps a member that was forgotten; a new connection helps against everything that a
client may have got wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

UNASSIGNED_SECONDS = 10.0
"""Without a partition for so long, a member asks the group who has them, and joins again."""

QUIET_SECONDS = 30.0
"""Without progress for so long, a reader that has partitions connects anew."""

STALLED_SECONDS = 30.0
"""Without progress for so long, the source says that it is stalled."""

REJOINS = 2
"""A member joins so often before it connects anew."""

MAX_PAUSE_SECONDS = 300.0
"""Longest pause between two attempts; each pause is twice the one before."""


class Cause(Enum):
    """Why nothing is read."""

    UNASSIGNED = "the group assigned no partition, and there are partitions that nobody has"
    NOT_BEGUN = "it is not known where assigned partitions begin"
    NOTHING_COMES = "there are messages to read, and none comes"
    NO_ANSWER = "brokers do not answer"


class Action(Enum):
    """What to do about it."""

    REJOIN = "rejoin"
    RECONNECT = "reconnect"


class Watchdog:
    """Tells what to do when nothing is read, and since when that is so."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = 0.0
        self._next = 0.0
        self._attempts = 0
        self._pause = 0.0
        self.cause: Cause | None = None
        """Why nothing is read as far as was seen, None if all is well."""

    def see(self, cause: Cause | None, *, progress: bool = False) -> None:
        """Take in what is seen now; ``progress``: something was read since the last time."""
        now = self._clock()
        if cause is None or self.cause is None or progress:
            self._since = now
        if cause is None or cause is not self.cause or progress:
            self.cause = cause
            self._attempts = 0
            self._pause = UNASSIGNED_SECONDS if cause is Cause.UNASSIGNED else QUIET_SECONDS
            self._next = now + self._pause

    def is_due(self) -> bool:
        """Whether it is time to do something; :meth:`act` or :meth:`wait` is to follow."""
        return self.cause is not None and self._clock() >= self._next

    def act(self) -> Action:
        """What to do now."""
        self._attempts += 1
        if self.cause is Cause.UNASSIGNED and self._attempts <= REJOINS:
            self._next = self._clock() + self._pause
            return Action.REJOIN
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
        self._next = self._clock() + self._pause
        return Action.RECONNECT

    def wait(self) -> None:
        """Do nothing now: what is seen may pass by itself; look again soon."""
        self._next = self._clock() + UNASSIGNED_SECONDS

    @property
    def seconds(self) -> float:
        """For how long nothing was read although there was something to read, else 0."""
        return 0.0 if self.cause is None else self._clock() - self._since

    @property
    def is_stalled(self) -> bool:
        """Whether that lasts for so long that somebody should know."""
        return self.seconds >= STALLED_SECONDS
