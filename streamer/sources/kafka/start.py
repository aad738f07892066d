"""Where a partition begins: the checkpoint, then the group, then what was asked for.

The checkpoint wins where it knows the partition. One thing is newer than it: what another daemon
of the group has learned since, which it says with its commit. Those messages are in that daemon's
model and are not read again.

What checkpoint or group know of a topic that was deleted since is of no use: one that was made
again under its name, which its id tells, is read from its beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from kafka.structs import TopicPartition

from streamer.config.types import StartTime
from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.positions import Place

_OURS = "w2v-stream"
"""How a daemon's note beside its commits begins; its identity and the topic's follow."""


def note_of(daemon: str, topic_id: str) -> str:
    """What a daemon says with its commit: who has read, and of which topic."""
    return f"{_OURS} {daemon} {topic_id}".rstrip()


@dataclass(frozen=True)
class Committed:
    """What the group has committed of a partition, and the note beside it."""

    offset: int
    note: str = ""

    @property
    def daemon(self) -> str:
        """The daemon that committed it, empty if it was something else."""
        name, _, rest = self.note.partition(" ")
        return rest.partition(" ")[0] if name == _OURS else ""

    @property
    def topic_id(self) -> str:
        """The id of the topic that it is of, empty if the note does not tell."""
        return self.note.split(" ")[2] if self.daemon and self.note.count(" ") > 1 else ""


@dataclass(frozen=True)
class Start:
    """Where to begin and why; ``lost`` is how many offsets before it do not exist any more."""

    offset: int
    reason: Literal[
        "checkpoint", "group", "another daemon", "start", "new", "recreated", "expired", "beyond"
    ]
    lost: int = 0


@dataclass(frozen=True)
class Known:
    """What is known of a partition when it is assigned."""

    beginning: int  # the first offset that exists
    end: int  # the next that will
    position: Place | None = None  # the next to learn, from the checkpoint or from this process
    committed: Committed | None = None
    is_new: bool = False  # it came to a topic that was read before
    at_time: int | None = None  # the first offset of the time asked for
    topic_id: str = ""  # of the topic as it is now
    log_end: int = 0  # behind the end there may be transactions that are still open, up to here

    @property
    def is_recreated(self) -> bool:
        """Whether the position is of another topic, which had the same name."""
        return self.position is not None and not self.position.is_in(self.topic_id)

    def commit_of_this_topic(self, daemon: str) -> Committed | None:
        """What was committed, if it is of the topic as it is now.

        A commit of ``daemon`` that does not tell its topic is of the one that its position is of.
        """
        committed = self.committed
        if committed is None or not Place(committed.offset, committed.topic_id).is_in(
            self.topic_id
        ):
            return None
        is_untold = committed.daemon == daemon and not committed.topic_id
        return None if self.is_recreated and is_untold else committed

    def committed_offset(self, daemon: str) -> int | None:
        """The offset of :meth:`commit_of_this_topic`."""
        committed = self.commit_of_this_topic(daemon)
        return None if committed is None else committed.offset


def look_up(
    consumer: Consumer,
    positions: Mapping[TopicPartition, Place | None],
    start: StartTime,
    known_topics: Set[str],
    seconds: float,
) -> dict[TopicPartition, Known]:
    """Ask brokers and group about partitions; ``positions`` is what this process knows of them.

    Those that do not exist now, or that no broker leads, are left out. Raises KafkaError if an
    answer takes longer than so many seconds.
    """
    consumer.refresh_topics(seconds)
    partitions = [p for p in positions if p.partition in consumer.led_partitions(p.topic)]
    if not partitions:
        return {}
    timeout = int(1000 * seconds)
    beginnings = consumer.beginning_offsets(partitions, timeout_ms=timeout)
    ends = consumer.end_offsets(partitions, timeout_ms=timeout)
    log_ends = consumer.log_ends(partitions, timeout_ms=timeout)
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
            consumer.topic_id(partition.topic),
            log_ends[partition],
        )
    return known


def choose(known: Known, daemon: str, start: StartTime, expired: str) -> Start | None:
    """Where to begin; None if the offset to begin at is gone and ``expired`` is ``stop``."""
    wanted = _wanted(known, daemon, start)
    if known.beginning <= wanted.offset <= max(known.end, known.log_end):
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
    committed, position = known.commit_of_this_topic(daemon), known.position
    if position is not None and not known.is_recreated:
        is_another = committed is not None and committed.daemon not in ("", daemon)
        if committed is not None and committed.offset > position.offset and is_another:
            return Start(committed.offset, "another daemon")
        return Start(position.offset, "checkpoint")
    if committed is not None:
        return Start(committed.offset, "group")
    if known.is_recreated:
        return Start(known.beginning, "recreated")
    if known.is_new or start == "earliest":
        return Start(known.beginning, "new" if known.is_new else "start")
    if isinstance(start, datetime) and known.at_time is not None:
        return Start(known.at_time, "start")
    return Start(known.end, "start")
