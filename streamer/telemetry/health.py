"""Whether the daemon lives and is ready: written by its main thread, asked by probes.

Alive means that the loop turns. Ready means that kernels are warm, the source is connected and a
checkpoint is recent: not that text arrives, for a quiet stream is no fault.
"""

from __future__ import annotations

import time
from collections.abc import Callable

STUCK_SECONDS = 300.0
"""A loop that has not turned for so long hangs: a batch takes a fraction of a second, a snapshot
that learning waits for (when a partition is lost) as long as the disk needs."""


class Health:
    """The state of one daemon. ``beat`` is called by its loop at least every few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beat_at: float | None = None
        self._checks: dict[str, Callable[[], bool]] = {}
        self._phase = "the kernels are being loaded"

    def began(self, **checks: Callable[[], bool]) -> None:
        """The loop begins: ready from now on unless a check fails; its name says what is wrong."""
        self._checks = checks
        self._phase = ""
        self.beat()

    def beat(self) -> None:
        """The loop has turned."""
        self._beat_at = self._clock()

    def ending(self) -> None:
        """The loop is over: what remains may take as long as it needs."""
        self._phase = "the daemon is stopping"
        self._beat_at = None

    def is_alive(self) -> bool:
        """Whether the loop turns, or need not yet or no more."""
        return self._beat_at is None or self._clock() - self._beat_at < STUCK_SECONDS

    def problems(self) -> list[str]:
        """Why it is not ready; empty if it is."""
        if self._phase:
            return [self._phase]
        problems = [name.replace("_", " ") for name, holds in self._checks.items() if not holds()]
        return problems if self.is_alive() else [*problems, "the loop hangs"]
