"""What a person who looks at a daemon is told: figures, the source's state, warnings with advice.

A :class:`Status` is one look. :mod:`streamer.telemetry.observer` takes them of a running daemon;
whoever shows them needs to know nothing of its parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Concern:
    """What is wrong, in a sentence, and what to do about it in another."""

    text: str
    advice: str


@dataclass(frozen=True)
class Status:
    """One look; what is not known is nan or None."""

    phase: str
    """What is going on, in a word or two."""
    source: str = ""
    """Where text comes from and whether it does, in a sentence."""
    words: int | None = None
    """Words of the stream that the model has learned."""
    words_per_second: float = math.nan
    loss: float = math.nan
    """Objective per positive pair, of late."""
    vocabulary: int | None = None
    lag: float | None = None
    """Messages that wait in the source, for sources that can tell."""
    snapshot_age: float | None = None
    """Seconds since the newest snapshot was written."""
    warnings: list[Concern] = field(default_factory=list)


def spell_seconds(seconds: float) -> str:
    """A span of time as a person says it: ``40 seconds``, ``12 minutes``, ``3 hours``."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} seconds"
