"""Records that cannot be decoded: counted, and a warning while they are a large share of all.

A misspelt field or a wrong encoding makes every record invalid. That should not be found out from
an empty model.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

WINDOW_RECORDS = 100
"""The share is taken of so many records at least,"""

WINDOW_SECONDS = 5.0
"""or of fewer, if no more have come for so long."""

SHARE = 0.1
"""A larger share of invalid records is worth a warning."""

REPEAT_SECONDS = 60.0
"""Pause between two warnings."""


class InvalidRecords:
    """Counts invalid records from ``total`` on, and warns in ``log`` if there are too many."""

    def __init__(
        self, total: int = 0, log: Any = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self.first_reason = ""
        """Why the first one could not be decoded."""
        self._log = log
        self._clock = clock
        self._warned_at: float | None = None
        self._restart()

    def _restart(self) -> None:
        self._began = self._clock()
        self._records = 0
        self._invalid = 0
        self._reason = ""

    def add(self, error: Exception) -> None:
        """Count one that could not be decoded."""
        self.total += 1
        self._invalid += 1
        self._reason = self._reason or str(error)
        self.first_reason = self.first_reason or self._reason

    def seen(self, records: int) -> None:
        """So many records have come, those counted as invalid included."""
        self._records += records
        waited = self._clock() - self._began
        if self._records >= WINDOW_RECORDS or waited >= WINDOW_SECONDS:
            self.conclude()

    def conclude(self) -> None:
        """Warn, if need be, of what has come since the last time."""
        if self._invalid > SHARE * self._records and self._is_time():
            self._warned_at = self._clock()
            self._log.warning(
                "records_invalid",
                invalid=self._invalid,
                records=self._records,
                reason=self._reason,
                total_invalid=self.total,
            )
        self._restart()

    def _is_time(self) -> bool:
        if self._log is None:
            return False
        return self._warned_at is None or self._clock() - self._warned_at >= REPEAT_SECONDS
