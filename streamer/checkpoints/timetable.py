"""When something is due that is done at intervals of seconds, or of words of the stream."""

from __future__ import annotations

from collections.abc import Callable

from streamer.config.types import Interval

RETRY_SECONDS = 30.0
"""Delay after a failure, unless the interval is shorter."""

GRACE_SECONDS = 60.0
"""Time beyond twice the interval after which what is due counts as missing."""


class Timetable:
    """Due one interval after the last :meth:`restart`; never, if there is no interval.

    ``clock`` returns seconds, ``words`` the number of words of the stream so far.
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
        """Start a new interval now."""
        seconds, words = (
            (None, None) if self.every is None else (self.every.seconds, self.every.words)
        )
        self._due_at = None if seconds is None else self._clock() + seconds
        self._due_words = None if words is None else self._words() + words

    def change(self, every: Interval | None) -> None:
        """Change the interval; if it is different, a new one starts now."""
        if every != self.every:
            self.every = every
            self.restart()

    def retry(self) -> None:
        """What was due has failed: due again soon."""
        self._has_failed = True
        self.restart()
        retry_at = self._clock() + RETRY_SECONDS
        self._due_at = retry_at if self._due_at is None else min(self._due_at, retry_at)
        self._due_words = None

    def succeeded(self) -> None:
        """What was due is done."""
        self._has_failed = False

    def is_on_time(self, seconds: float) -> bool:
        """Whether things are done on time, if ``seconds`` have passed since they last were.

        An interval of words takes as long as the words take to arrive: then only a failure counts.
        """
        if self.every is None or self.every.seconds is None:
            return not self._has_failed
        return seconds < 2 * self.every.seconds + GRACE_SECONDS

    def due_seconds(self) -> float | None:
        """Seconds until the interval has passed, 0 from then on; None if it is one of words."""
        return None if self._due_at is None else max(0.0, self._due_at - self._clock())

    def is_due(self) -> bool:
        """Whether the interval has passed."""
        if self._due_at is not None and self._clock() >= self._due_at:
            return True
        return self._due_words is not None and self._words() >= self._due_words
