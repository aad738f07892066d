"""Where a partition begins: the checkpoint, then the group, then what was asked for.

The checkpoint wins where it knows the partition. One thing is newer than it: what another daemon
of the group has learned since, which it says with its commit. Those messages are in that daemon's
model and are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from kafka.structs import TopicPartition

from streamer.config.types import StartTime

OURS = "w2v-stream "
"""How the note begins that a daemon leaves with its commits; its identity follows."""


@dataclass(frozen=True)
class Committed:
    """What the group has committed of a partition, and the note beside it."""

    offset: int
    note: str = ""

    def is_of_another(self, daemon: str) -> bool:
        """Whether another daemon than ``daemon`` has learned what came before."""
        return self.note.startswith(OURS) and self.note != OURS + daemon


@dataclass(frozen=True)
class Start:
    """Where to begin and why; ``lost`` is how many offsets before it do not exist any more."""

    offset: int
    reason: Literal["checkpoint", "group", "another daemon", "start", "new", "expired", "beyond"]
    lost: int = 0


@dataclass(frozen=True)
class Known:
    """What is known of a partition when it is assigned."""

    beginning: int  # the first offset that exists
    end: int  # the next that will
    position: int | None = None  # the next to learn, from the checkpoint or from this process
    committed: Committed | None = None
    is_new: bool = False  # it came to a topic that was read before
    at_time: int | None = None  # the first offset of the time asked for


def look_up(
    consumer: Any,
    positions: Mapping[TopicPartition, int | None],
    start: StartTime,
    known_topics: Set[str],
    seconds: float,
) -> dict[TopicPartition, Known]:
    """Ask brokers and group about partitions; ``positions`` is what this process knows of them.

    Raises KafkaError if an answer takes longer than so many seconds.
    """
    partitions, timeout = list(positions), int(1000 * seconds)
    if not partitions:
        return {}
    beginnings = consumer.beginning_offsets(partitions, timeout_ms=timeout)
    ends = consumer.end_offsets(partitions, timeout_ms=timeout)
    times: dict[TopicPartition, Any] = {}
    if isinstance(start, datetime):
        wanted = dict.fromkeys(partitions, int(start.timestamp() * 1000))
        times = consumer.offsets_for_times(wanted, timeout_ms=timeout)
    known = {}
    for partition in partitions:
        committed = consumer.committed(partition, metadata=True, timeout_ms=timeout)
        at_time = times.get(partition)
        known[partition] = Known(
            beginnings[partition],
            ends[partition],
            positions[partition],
            Committed(committed.offset, committed.metadata or "") if committed else None,
            partition.topic in known_topics,
            at_time.offset if at_time else None,
        )
    return known


def choose(known: Known, daemon: str, start: StartTime, expired: str) -> Start | None:
    """Where to begin; None if the offset to begin at is gone and ``expired`` is ``stop``."""
    wanted = _wanted(known, daemon, start)
    if known.beginning <= wanted.offset <= known.end:
        return wanted
    if wanted.reason == "start":  # nothing was read, so nothing is lost
        return Start(min(max(wanted.offset, known.beginning), known.end), "start")
    if expired == "stop":
        return None
    offset = known.end if expired == "latest" else known.beginning
    if wanted.offset > known.end:
        return Start(offset, "beyond")
    return Start(offset, "expired", lost=offset - wanted.offset)


def _wanted(known: Known, daemon: str, start: StartTime) -> Start:
    committed = known.committed
    if known.position is not None:
        if committed and committed.offset > known.position and committed.is_of_another(daemon):
            return Start(committed.offset, "another daemon")
        return Start(known.position, "checkpoint")
    if committed is not None:
        return Start(committed.offset, "group")
    if known.is_new or start == "earliest":
        return Start(known.beginning, "new" if known.is_new else "start")
    if isinstance(start, datetime) and known.at_time is not None:
        return Start(known.at_time, "start")
    return Start(known.end, "start")
