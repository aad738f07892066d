"""Assigned partitions, from the moment they are given until they are let go.

A partition that was given is held: nothing is fetched of it until brokers and group have told where
it begins. Before it is let go, what is buffered of it is dropped (the position says so), and the
pipeline is asked for a checkpoint.

The client's own thread gives and takes partitions while the polling thread begins them, so what is
held has a lock; a partition that was taken and given again meanwhile is looked up again.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.structs import TopicPartition

from streamer.config.types import StartTime
from streamer.errors import SourceError
from streamer.sources.kafka import start
from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.clientlog import REPEAT_SECONDS
from streamer.sources.kafka.commits import Commits
from streamer.sources.kafka.figures import Figures
from streamer.sources.kafka.handover import Handover
from streamer.sources.kafka.positions import Place, Places

LOOKUP_SECONDS = 10.0
"""Longest wait for an answer about where partitions begin."""

REJOIN_SECONDS = 10.0
"""What is left of max.poll.interval.ms, the group's patience, to join again after a checkpoint."""


@dataclass(frozen=True)
class Subscription:
    """What to read and where to begin."""

    topics: tuple[str, ...]
    pattern: str | None  # None if topics are named
    partitions: Mapping[str, tuple[int, ...]]  # by topic; the group assigns if there are none
    start: StartTime
    expired: str
    daemon: str  # the identity that commits carry
    frame: str = "none"  # what is taken off messages, one of values.FRAMES
    excluded: str | None = None  # a topic that is never read, though the pattern may match it

    @property
    def regex(self) -> str | None:
        """What kafka-python matches at the beginning of topics' names; None if they are named."""
        if self.pattern is None:
            return None
        but = "" if self.excluded is None else f"(?!{re.escape(self.excluded)}$)"
        return f"{but}(?:{self.pattern})$"


class Partitions:
    """Holds, begins and releases partitions; ``consumer`` is to be set first.

    ``is_closing`` tells that the process is about to end.
    """

    def __init__(
        self,
        config: dict[str, Any],
        subscription: Subscription,
        handover: Handover,
        commits: Commits,
        figures: Figures,
        is_closing: Callable[[], bool],
        log: Any,
    ) -> None:
        self.consumer: Consumer
        self._wanted = subscription
        self._handover = handover
        self._commits = commits
        self._figures = figures
        self._is_closing = is_closing
        self._log = log
        self._lock = threading.Lock()
        self._held: dict[TopicPartition, int] = {}
        self._holds = 0
        self._left_out_at = -REPEAT_SECONDS
        self.known_topics = {partition.topic for partition in handover.positions}
        """Topics that were read before: what is new in them is read from its beginning."""
        limits = {**KafkaConsumer.DEFAULT_CONFIG, **config}
        self._release_seconds = max(
            limits["session_timeout_ms"] / 1000,
            limits["max_poll_interval_ms"] / 1000 - REJOIN_SECONDS,
        )

    @property
    def held(self) -> set[TopicPartition]:
        """Those that are given and have not begun."""
        with self._lock:
            return set(self._held)

    def hold(self, partitions: set[TopicPartition]) -> None:
        """Fetch nothing of these until it is known where they begin."""
        partitions = {partition for partition in partitions if self.consumer.is_assigned(partition)}
        for partition in partitions:
            place = self._handover.next_to_fetch(partition)
            self.consumer.pause(partition)
            self.consumer.seek(partition, 0 if place is None else place.offset)
        with self._lock:
            self._holds += 1
            self._held |= dict.fromkeys(partitions, self._holds)

    def recreated(self, partitions: Iterable[TopicPartition]) -> set[TopicPartition]:
        """Those that have begun in a topic that was deleted since, and made again."""
        found = set()
        for partition in partitions:
            place = self._handover.next_to_fetch(partition)
            if place is not None and not place.is_in(self.consumer.topic_id(partition.topic)):
                found.add(partition)
        return found

    def begin(self, *, paused: bool) -> int:
        """Find out where those on hold begin, and begin, unless ``paused`` to be fetched.

        Returns how many have begun. Raises KafkaError if brokers or group do not answer.
        """
        with self._lock:
            held = dict(self._held)
        positions = {p: self._handover.next_to_fetch(p) for p in sorted(held)}
        looked_up = start.look_up(
            self.consumer, positions, self._wanted.start, self.known_topics, LOOKUP_SECONDS
        )
        self._say_left_out(held.keys() - looked_up.keys())
        begins = {
            partition: self._choose(partition, known) for partition, known in looked_up.items()
        }
        # All in one: after half of them the topic would be known, and the rest read from its start.
        daemon = self._wanted.daemon
        places = {p: Place(begin.offset, looked_up[p].topic_id) for p, begin in begins.items()}
        self._commits.begin({
            p: (place, looked_up[p].committed_offset(daemon)) for p, place in places.items()
        })  # fmt: skip
        for partition, place in places.items():
            with self._lock:
                if self._held.get(partition) != held[partition]:
                    continue  # taken meanwhile, and perhaps given again
                del self._held[partition]
                self.known_topics.add(partition.topic)
                self._handover.begin(partition, place)
                self.consumer.seek(partition, place.offset)
                if not paused:
                    self.consumer.resume(partition)
            self._say_begin(partition, begins[partition])
        return len(looked_up)

    def _say_left_out(self, partitions: Set[TopicPartition]) -> None:
        now = time.monotonic()
        if not partitions or now - self._left_out_at < REPEAT_SECONDS:
            return
        self._left_out_at = now
        names = ", ".join(f"{topic}/{number}" for topic, number in sorted(partitions)[:10])
        self._log.warning(
            "kafka_error",
            reason=f"{len(partitions)} partitions have no leader or do not exist now: {names}",
            note="each is read as soon as it has one",
        )

    def _choose(self, partition: TopicPartition, known: start.Known) -> start.Start:
        wanted = self._wanted
        begin = start.choose(known, wanted.daemon, wanted.start, wanted.expired)
        if begin is None:
            raise SourceError(
                f"message {known.position and known.position.offset} of {partition.topic}/"
                f"{partition.partition} does not exist any more, and --kafka-expired is stop"
            )
        return begin

    def _say_begin(self, partition: TopicPartition, begin: start.Start) -> None:
        self._figures.lost_messages += begin.lost
        where = {"topic": partition.topic, "partition": partition.partition, "offset": begin.offset}
        if begin.reason == "expired":
            self._log.error("kafka_messages_expired", lost=begin.lost, **where)
        elif begin.reason == "beyond":
            self._log.error("kafka_topic_shorter", note="messages were cut off its end", **where)
        else:
            if begin.reason == "recreated":
                self._log.warning(
                    "kafka_topic_recreated",
                    note="the topic was deleted and created again; it is read from its start",
                    **where,
                )
            self._log.info("kafka_partition_begun", reason=begin.reason, **where)

    async def release(self, partitions: set[TopicPartition], *, can_commit: bool) -> None:
        """Let go: drop what is buffered, wait for a checkpoint, tell the group."""
        began = time.monotonic()
        begun = partitions & self._handover.fetching
        places = self.drop(partitions)
        if not partitions:
            return
        self._figures.rebalances += not self._is_closing()
        complete = self._handover.is_durable(places)
        if not complete and can_commit and not self._is_closing():
            self._handover.want_checkpoint()
            deadline = began + self._release_seconds
            while not (complete or self._handover.is_checkpoint_refused):
                if time.monotonic() > deadline or self._is_closing():
                    break
                await self.consumer.sleep(0.01)
                complete = self._handover.is_durable(places)
        if can_commit:
            await self._commits.release(begun)
        seconds = round(time.monotonic() - began, 3)
        if complete:
            self._log.info("kafka_partitions_released", count=len(partitions), seconds=seconds)
        else:
            self._log.warning(
                "kafka_partitions_lost",
                count=len(partitions),
                seconds=seconds,
                note="what was learned since the last checkpoint is read again by their new owner",
            )

    def drop(self, partitions: set[TopicPartition]) -> Places:
        """Throw away what is buffered of these; return the positions of what was handed over."""
        with self._lock:
            for partition in partitions:
                self._held.pop(partition, None)
                self._figures.ends.pop(partition, None)
            return self._handover.drop(partitions)

    def ends_at(self, ends: Mapping[TopicPartition, int]) -> None:
        """Where partitions end, as brokers tell.

        Of one that was let go while they were asked it is not kept: its messages are no lag of
        this daemon, and it does not wait for them.
        """
        with self._lock:
            begun = self._handover.fetching
            self._figures.ends |= {p: end for p, end in ends.items() if p in begun}


class Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    """Called in kafka-python's own thread; awaiting keeps heartbeats going."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """The group takes partitions, and still listens."""
        await self._partitions.release(set(revoked), can_commit=True)

    async def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        """The group has taken partitions, and takes no commit any more."""
        await self._partitions.release(set(lost), can_commit=False)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """The group gives partitions."""
        self._partitions.hold(set(assigned))
