"""What driver and workers tell each other. Ray carries it; plain data, nothing that acts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from streamer.checkpoints.written import Written
from streamer.cluster.assignment import Share
from w2v_online.snapshots.retention import Retention
from w2v_online.stats import BatchStats


@dataclass(frozen=True)
class Beginning:
    """Where a worker begins an epoch."""

    epoch: int
    share: Share
    readers: int
    """Workers that have a share of the stream; the others only listen."""

    snapshot: str | None
    """The checkpoint that model and positions are of; None for a new model."""

    positions: dict[str, Any] = field(default_factory=dict)
    """All positions of that checkpoint, by source; those of others' pieces too."""


@dataclass(frozen=True)
class Begun:
    """An actor that is ready: where it is, and the ceiling of its memory."""

    place: str
    max_bytes: int


@dataclass(frozen=True)
class Held:
    """A worker at a barrier: it has learned what is before ``position`` and sent all of it."""

    position: dict[str, Any]
    """Of its own pieces."""

    invalid_records: int
    """That it could not decode, since its epoch began."""


@dataclass(frozen=True)
class Checkpoint:
    """What worker 0 is to write, with all that was learned before ``position``."""

    position: dict[str, Any]
    """Of all pieces."""

    invalid_records: int
    keep: Retention
    """Which of the older ones stay."""

    is_last: bool = False
    """Nothing comes after it: it may be written at once."""


@dataclass(frozen=True)
class Report:
    """A worker as it is now; sums are of its epoch."""

    stats: BatchStats = field(default_factory=BatchStats)
    read_bytes: int = 0
    invalid_records: int = 0
    failed_tokenizer: int = 0
    total_words: int = 0
    """Words of the whole stream that its model has, by its own learning and by exchange."""

    vocabulary: int = 0
    source: dict[str, float] = field(default_factory=dict)
    """The source's figures."""

    is_connected: bool = True
    is_stalled: bool = False
    has_ended: bool = False
    """Whether its share of the stream is at its end."""

    failure: str = ""
    """Why it cannot go on with its share, in a line; what it has learned is whole."""

    breakdown: str = ""
    """Why it stands still and has to begin again, in a line."""

    exchanges: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    waited_seconds: float = 0.0
    """Time that learning stood still because an exchange was still under way."""

    staleness_seconds: float = 0.0
    """Since what it last had from the others was asked for."""

    written: Written = field(default_factory=Written)
    """Worker 0's checkpoints."""

    events: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    """What it has to say since the last report: level, event, values."""
