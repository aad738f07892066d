"""Which records are worth an alert: those below a share of records, or so many an hour."""

from __future__ import annotations

import time
from collections.abc import Callable

from streamer.config.alert_at import AlertAt

_MEMORY_SECONDS = 600.0
"""How far back the rate of records is averaged."""


class Rule:
    """Turns ``--alert-at`` into the largest p-value that is worth an alert now."""

    def __init__(self, at: AlertAt, clock: Callable[[], float] = time.monotonic) -> None:
        self._at = at
        self._clock = clock
        self._records = 0.0
        self._seconds = 0.0
        self._counted_at: float | None = None

    def count(self, records: int) -> None:
        """So many records came since the last call."""
        now = self._clock()
        elapsed = 0.0 if self._counted_at is None else now - self._counted_at
        self._counted_at = now
        kept = max(0.0, 1.0 - elapsed / _MEMORY_SECONDS)
        self._records = kept * self._records + records
        self._seconds = kept * self._seconds + elapsed

    @property
    def largest_p(self) -> float:
        """Records with a p-value up to this are worth an alert; 0 while a rate is unknown."""
        if self._at.kind == "p":
            return self._at.value
        if not self._records or not self._seconds:
            return 0.0
        return min(1.0, self._at.value * self._seconds / self._records)
