"""The state of a daemon as the page shows it: figures, the source, warnings with advice.

:mod:`streamer.telemetry.observer` makes a :class:`Status` of a running daemon; what shows it needs
to know nothing of the daemon's parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Concern:
    """A warning: what is wrong, and what to do about it, in a sentence each."""

    text: str
    advice: str


@dataclass(frozen=True)
class Status:
    """The state at one moment; unknown figures are nan or None."""

    phase: str
    """What the daemon is doing, in a word or two."""
    source: str = ""
    """Where text comes from and whether any arrives, in a sentence."""
    words: int | None = None
    """Words of the stream that the model has learned."""
    words_per_second: float = math.nan
    loss: float = math.nan
    """Recent loss per positive pair."""
    vocabulary: int | None = None
    surprise: float = math.nan
    """With --alerts, mean surprise of recent records in nats."""
    lag: float | None = None
    """Messages waiting in the source, for sources that know."""
    snapshot_age: float | None = None
    """Seconds since the newest snapshot was written."""
    next_snapshot: float | None = None
    """Seconds until the next snapshot is due, if snapshots are due by time."""
    uptime: float | None = None
    """Seconds since learning began in this process."""
    memory_bytes: int | None = None
    """Resident memory of this process."""
    options: dict[str, str] = field(default_factory=dict)
    """Options that differ from their defaults, by flag; secrets are masked."""
    warnings: list[Concern] = field(default_factory=list)
    alerts: dict[str, Any] | None = None
    """With --alerts, ``latest`` ones, the newest first, and ``muted`` kinds."""


def spell_seconds(seconds: float) -> str:
    """A span of time in words: ``40 seconds``, ``12 minutes``, ``3 hours``."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} seconds"
