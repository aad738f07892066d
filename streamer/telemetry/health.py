"""Whether the daemon is alive and ready: told by its main thread, asked by health checks.

Alive means that the loop runs. Ready means that kernels are loaded, the source is connected and
snapshots are written as often as they should be. It does not mean that text arrives: a quiet
stream is no problem.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from streamer.problems import LOADING, STOPPING, STUCK, Problem

STUCK_SECONDS = 300.0
"""A loop that has not turned for this long hangs: a batch takes a fraction of a second, a snapshot
that learning waits for (when a partition is lost) as long as the disk needs."""

Checks = Mapping[Problem, Callable[[], bool]]
"""Problems, each with a function that returns whether it is there now."""


class Health:
    """The state of one daemon. ``beat`` is called by its loop at least every few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat_at: float | None = None
        self._checks: Checks = {}
        self._phase: Problem | None = LOADING

    def began(self, checks: Checks, *, has_loop: bool = True) -> None:
        """The loop begins: ready from now on, except while one of these problems is there.

        Where nothing loops, as under ``serve``, nothing can hang, and nobody has to ``beat``.
        """
        self._checks = checks
        self._phase = None
        if has_loop:
            self.beat()

    def beat(self) -> None:
        """The loop has turned."""
        self._beat_at = self._clock()

    def ending(self) -> None:
        """The loop is over: what remains may take as long as it needs."""
        self._phase = STOPPING
        self._beat_at = None

    def is_alive(self) -> bool:
        """Whether the loop runs, or does not have to: before its start and after its end."""
        return self._beat_at is None or self._clock() - self._beat_at < STUCK_SECONDS

    def problems(self) -> list[Problem]:
        """Why the daemon is not ready; empty if it is."""
        if self._phase is not None:
            return [self._phase]
        problems = [problem for problem, is_there in self._checks.items() if is_there()]
        return problems if self.is_alive() else [*problems, STUCK]
