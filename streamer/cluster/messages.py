"""What driver and workers send each other through Ray: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streamer.checkpoints.written import Written
from streamer.sources.base import Share
from w2v_online.snapshots.retention import Retention
from w2v_online.stats import BatchStats


@dataclass(frozen=True)
class Beginning:
    """What a worker needs to begin an epoch."""

    epoch: int
    share: Share
    readers: int
    """Workers that have a share of the stream; the others only merge."""

    snapshot: str | None
    """The checkpoint of model and positions; None for a new model."""

    positions: dict[str, Any] = field(default_factory=dict)
    """All positions of that checkpoint, by source, with those of other workers' pieces."""


@dataclass(frozen=True)
class Begun:
    """An actor that is ready: its machine and process, and the ceiling of its memory."""

    place: str
    max_bytes: int


@dataclass(frozen=True)
class Held:
    """A worker at a barrier: it has learned and sent all that precedes ``position``."""

    position: dict[str, Any]
    """Of its own pieces."""

    invalid_records: int
    """Records that it could not decode since its epoch began."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint for worker 0 to write: all that precedes ``position`` was learned."""

    position: dict[str, Any]
    """Of all pieces."""

    invalid_records: int
    keep: Retention
    """Which of the older ones are retained."""

    is_last: bool = False
    """Whether nothing follows, so that it is written at once."""


@dataclass(frozen=True)
class Report:
    """The state of a worker; sums are of its epoch."""

    stats: BatchStats = field(default_factory=BatchStats)
    read_bytes: int = 0
    invalid_records: int = 0
    failed_tokenizer: int = 0
    total_words: int = 0
    """Words of the stream in its model, learned by itself or merged."""

    vocabulary: int = 0
    source: dict[str, float] = field(default_factory=dict)
    """The source's figures."""

    is_connected: bool = True
    is_stalled: bool = False
    has_ended: bool = False
    """Whether its share of the stream has ended."""

    failure: str = ""
    """Why it cannot continue with its share, in a line; what it has learned is consistent."""

    breakdown: str = ""
    """Why it has failed and has to begin again, in a line."""

    exchanges: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    waited_seconds: float = 0.0
    """Time that learning waited for an exchange."""

    staleness_seconds: float = 0.0
    """Age of the newest merged state."""

    written: Written = field(default_factory=Written)
    """Worker 0's checkpoints."""

    events: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    """Events since the last report: level, name, values."""
