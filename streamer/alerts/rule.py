"""Which records are worth an alert: those below a share of records, or so many an hour."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from streamer.errors import ConfigurationError

_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}

_MEMORY_SECONDS = 600.0
"""How far back the rate of records is averaged."""


@dataclass(frozen=True)
class AlertAt:
    """The value of ``--alert-at``."""

    kind: Literal["p", "rate"]
    value: float
    """The p-value itself, or alerts a second."""
    text: str

    def __str__(self) -> str:
        return self.text


def parse_alert_at(text: str) -> AlertAt:
    """``p=0.001`` or ``rate=10/hour``; ConfigurationError for anything else."""
    name, _, value = text.strip().partition("=")
    try:
        if name == "p" and 0.0 < float(value) <= 1.0:
            return AlertAt("p", float(value), text)
        if name == "rate":
            number, _, unit = value.partition("/")
            if float(number) > 0.0:
                return AlertAt("rate", float(number) / _SECONDS[unit.removesuffix("s")], text)
    except (ValueError, KeyError):
        pass
    raise ConfigurationError(
        f"--alert-at {text}: give a share of the records such as p=0.001, or a rate such as "
        "rate=10/hour (second, minute, hour or day)"
    )


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
