"""When something is due that comes every so many seconds, or every so many words of the stream."""

from __future__ import annotations

from collections.abc import Callable

from streamer.config.types import Interval

RETRY_SECONDS = 30.0
"""Wait after a failure, unless the interval is shorter."""

GRACE_SECONDS = 60.0
"""Time for doing what is due, beyond twice the interval, before it counts as missing."""


class Timetable:
    """Due one interval after the last :meth:`restart`; never without an interval.

    ``clock`` gives seconds, ``words`` the length of the stream so far.
    """

    def __init__(
        self, every: Interval | None, clock: Callable[[], float], words: Callable[[], int]
    ) -> None:
        self.every = every
        self._clock = clock
        self._words = words
        self._has_failed = False
        self.restart()

    def restart(self) -> None:
        """Count from now on."""
        seconds, words = (
            (None, None) if self.every is None else (self.every.seconds, self.every.words)
        )
        self._due_at = None if seconds is None else self._clock() + seconds
        self._due_words = None if words is None else self._words() + words

    def change(self, every: Interval | None) -> None:
        """Have another interval, and count from now on if it is another."""
        if every != self.every:
            self.every = every
            self.restart()

    def retry(self) -> None:
        """What was due has failed: soon again."""
        self._has_failed = True
        self.restart()
        retry_at = self._clock() + RETRY_SECONDS
        self._due_at = retry_at if self._due_at is None else min(self._due_at, retry_at)
        self._due_words = None

    def succeeded(self) -> None:
        """What was due is done."""
        self._has_failed = False

    def is_kept(self, seconds: float) -> bool:
        """Whether all comes as it should, where ``seconds`` have passed since it last did.

        What goes by words may take as long as they take to come, and is missing if it has failed.
        """
        if self.every is None or self.every.seconds is None:
            return not self._has_failed
        return seconds < 2 * self.every.seconds + GRACE_SECONDS

    def is_due(self) -> bool:
        """Whether the interval has passed."""
        if self._due_at is not None and self._clock() >= self._due_at:
            return True
        return self._due_words is not None and self._words() >= self._due_words
