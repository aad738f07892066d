"""The thread with the consumer: polls whatever the pipeline does, so the group never waits for it.

The buffer is bounded: when it is full the partitions are paused, and polling goes on. Offsets are
committed when a checkpoint is durable. Before partitions are let go, what is buffered of them is
dropped (the position says so), and the pipeline is asked for a checkpoint.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.structs import TopicPartition

from streamer.config.settings import StartTime
from streamer.errors import ConfigurationError, SourceError
from streamer.sources.kafka import start
from streamer.sources.kafka.clientlog import REPEAT_SECONDS, ClientLog, reason_of
from streamer.sources.kafka.commits import COMMIT_SECONDS, Commits
from streamer.sources.kafka.connection import FATAL, connect, unreachable
from streamer.sources.kafka.figures import Figures
from streamer.sources.kafka.handover import Chunk, Handover
from streamer.sources.kafka.values import Values

BUFFER_BYTES = 8 << 20
"""Text buffered at most, half a second of training; one poll's records may come on top."""

POLL_SECONDS = 0.25
"""At least twice ``retry_backoff_ms``. With a pattern the client asks for metadata anew before it
joins the group, and gives up for now if they are not there within the poll: in one as long as the
pause between two such requests they come just too late, again and again."""

MAX_POLL_SECONDS = 2.0
PAUSED_SECONDS = 0.02
LOOKUP_SECONDS = 10.0
REJOIN_SECONDS = 10.0
"""What is left of max.poll.interval.ms, the group's patience, to join again after a checkpoint."""

_BACKOFF_SECONDS = (0.5, 10.0)


@dataclass(frozen=True)
class Subscription:
    """What to read and where to begin."""

    topics: tuple[str, ...]
    pattern: str | None
    partitions: Mapping[str, tuple[int, ...]]  # by topic; the group assigns if there are none
    start: StartTime
    expired: str
    daemon: str  # the identity that commits carry


class Poller(threading.Thread):
    """Owns the consumer; everything it learns goes into the :class:`Handover`."""

    def __init__(
        self, config: dict[str, Any], subscription: Subscription, handover: Handover, log: Any
    ) -> None:
        super().__init__(name="kafka-poll", daemon=True)
        self._config = config
        self._wanted = subscription
        self._handover = handover
        self._log = log
        self._client_log = ClientLog(log)
        self._consumer: Any = None
        self._closing = threading.Event()
        self._to_begin: set[TopicPartition] = set()
        self._known_topics = {partition.topic for partition in handover.positions}
        self._paused = False
        self._backoff = _BACKOFF_SECONDS[0]
        self._said: dict[str, float] = {}
        limits = {**KafkaConsumer.DEFAULT_CONFIG, **config}
        self._release_seconds = max(
            limits["session_timeout_ms"] / 1000,
            limits["max_poll_interval_ms"] / 1000 - REJOIN_SECONDS,
        )
        twice = 2 * limits["retry_backoff_ms"] / 1000
        self._poll_seconds = max(POLL_SECONDS, min(twice, MAX_POLL_SECONDS))
        self.figures = Figures()
        self.is_connected = False
        """Whether a broker has a connection to us."""
        self._commits = Commits(subscription.daemon, handover, self.figures, log)

    # --- the thread ---

    def run(self) -> None:
        """Connect, poll until closed, commit and leave the group."""
        try:
            self._connect()
            while not self._closing.is_set():
                self._guarded(self._step)
            if self._consumer is not None:
                self._guarded(self._commits.finish)
        except (ConfigurationError, SourceError) as error:
            self._handover.fail(error)
        except Exception as error:
            self._handover.fail(SourceError(f"the Kafka consumer failed: {reason_of(error)}"))
        finally:
            self._leave()

    def close(self, seconds: float) -> None:
        """Commit what is durable, leave the group and end, within about so many seconds."""
        self._closing.set()
        self.join(seconds)

    def _connect(self) -> None:
        while self._consumer is None and not self._closing.is_set():
            try:
                self._consumer = connect(self._config, self._wanted.topics, self._client_log)
            except kafka_errors.KafkaError as error:
                self._wait_after(error, "kafka_unreachable", **unreachable(self._config))
        if self._consumer is None:
            return
        self._backoff = _BACKOFF_SECONDS[0]
        self._commits.consumer = self._consumer
        wanted = self._wanted
        listener = _Listener(self)
        if wanted.pattern is not None:
            self._consumer.subscribe(pattern=f"(?:{wanted.pattern})$", listener=listener)
        elif not wanted.partitions:
            self._consumer.subscribe(topics=list(wanted.topics), listener=listener)
        self._log.info("kafka_connected", group=self._config["group_id"])

    def _guarded(self, action: Any) -> None:
        """Do one thing; what may pass is logged and waited out."""
        try:
            action()
            self._backoff = _BACKOFF_SECONDS[0]
        except (kafka_errors.OffsetOutOfRangeError, kafka_errors.LogTruncationError) as error:
            gone = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            self.hold(set(gone) or self._consumer.assignment())
        except FATAL as error:
            raise SourceError(f"Kafka refuses: {reason_of(error)}") from error
        except kafka_errors.KafkaError as error:
            self.figures.errors += 1
            self._wait_after(error, "kafka_error")

    def _wait_after(self, error: Exception, event: str, **details: Any) -> None:
        self._log.warning(event, reason=reason_of(error), retry_seconds=self._backoff, **details)
        self._closing.wait(self._backoff)
        self._backoff = min(2 * self._backoff, _BACKOFF_SECONDS[1])

    def _step(self) -> None:
        if self._wanted.partitions and not self._consumer.assignment():
            self._assign()
        if self._to_begin:
            self._begin()
        self._pause_or_resume()
        self._poll()
        self._commits.step()
        connections = self._consumer._client._manager._conns.values()
        self.is_connected = any(connection.connected for connection in list(connections))
        self._say_unknown_topics()

    def _poll(self) -> None:
        turns = self._handover.turns()
        began = time.monotonic()
        seconds = PAUSED_SECONDS if self._paused else self._poll_seconds
        polled = self._consumer.poll(timeout_ms=int(1000 * seconds))
        figures = self.figures
        figures.polls += 1
        figures.poll_seconds += time.monotonic() - began
        chunks = []
        for partition, records in polled.items():
            for record in records:
                values: Values = record.value
                figures.messages += values.count
                figures.bytes += len(values)
                chunks.append(Chunk(partition, values, record.offset + 1))
        if chunks:
            self._handover.put(chunks, turns)
        for partition in turns:
            if self._consumer._subscription.is_assigned(partition):
                end = self._consumer.highwater(partition)
                if end is not None:
                    figures.ends[partition] = end

    def _pause_or_resume(self) -> None:
        buffered = self._handover.buffered_bytes
        if not self._paused and buffered >= BUFFER_BYTES:
            self._paused = True
            self._consumer.pause(*self._consumer.assignment())
        elif self._paused and buffered <= BUFFER_BYTES // 2:
            self._paused = False
            self._consumer.resume(*self._consumer.assignment() - self._to_begin)

    def _say_unknown_topics(self) -> None:
        if self._wanted.pattern is not None:
            return
        for topic in self._wanted.topics:
            if topic not in self._known_topics and self._is_time_to_say(topic):
                # What the client knows: asking would wait until the topic is made.
                if self._consumer._cluster.partitions_for_topic(topic):
                    continue
                self._log.warning(
                    "kafka_topic_unknown", topic=topic, note="waiting for it to be made"
                )

    def _is_time_to_say(self, what: str) -> bool:
        now = time.monotonic()
        if now - self._said.get(what, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._said[what] = now
        return True

    # --- where partitions begin ---

    def _assign(self) -> None:
        """Take the partitions that were asked for, once they exist."""
        wanted = []
        for topic, numbers in self._wanted.partitions.items():
            existing = self._consumer.partitions_for_topic(topic)
            missing = set(numbers) - existing
            if missing:
                if existing:
                    raise SourceError(
                        f"topic {topic} has no partition {min(missing)}: it has {len(existing)}; "
                        "change --kafka-partitions"
                    )
                self._say_unknown_topics()
                return
            wanted += [TopicPartition(topic, number) for number in numbers]
        self._consumer.assign(wanted)
        self.hold(set(wanted))

    def hold(self, partitions: set[TopicPartition]) -> None:
        """Fetch nothing of these until it is known where they begin."""
        for partition in partitions:
            self._consumer.pause(partition)
            self._consumer.seek(partition, self._handover.next_to_fetch(partition) or 0)
        self._to_begin |= partitions

    def _begin(self) -> None:
        """Find out where the partitions on hold begin, and begin."""
        partitions = sorted(self._to_begin & self._consumer.assignment())
        positions = {p: self._handover.next_to_fetch(p) for p in partitions}
        known = start.look_up(
            self._consumer, positions, self._wanted.start, self._known_topics, LOOKUP_SECONDS
        )
        for partition in partitions:
            begin = start.choose(
                known[partition], self._wanted.daemon, self._wanted.start, self._wanted.expired
            )
            if begin is None:
                raise SourceError(
                    f"message {positions[partition]} of {partition.topic}/"
                    f"{partition.partition} does not exist any more, and --kafka-expired is stop"
                )
            self._say_begin(partition, begin)
            self._known_topics.add(partition.topic)
            committed = known[partition].committed
            self._commits.begin(partition, begin.offset, committed.offset if committed else None)
            self._handover.begin(partition, begin.offset)
            self._consumer.seek(partition, begin.offset)
            if not self._paused:
                self._consumer.resume(partition)
        self._to_begin -= set(partitions)
        self._to_begin &= self._consumer.assignment()

    def _say_begin(self, partition: TopicPartition, begin: start.Start) -> None:
        self.figures.lost_messages += begin.lost
        where = {"topic": partition.topic, "partition": partition.partition, "offset": begin.offset}
        if begin.reason == "expired":
            self._log.error("kafka_messages_expired", lost=begin.lost, **where)
        elif begin.reason == "beyond":
            self._log.error("kafka_topic_shorter", note="the topic was cut or made anew", **where)
        else:
            self._log.info("kafka_partition_begun", reason=begin.reason, **where)

    # --- commits and rebalances ---

    async def release(self, partitions: set[TopicPartition], *, can_commit: bool) -> None:
        """Let go: drop what is buffered, wait for a checkpoint, tell the group."""
        began = time.monotonic()
        begun = partitions & self._handover.fetching
        offsets = self._handover.drop(partitions)
        self._to_begin -= partitions
        if not partitions:
            return
        self.figures.rebalances += not self._closing.is_set()
        complete = self._handover.is_durable(offsets)
        if not complete and can_commit and not self._closing.is_set():
            self._handover.want_checkpoint()
            deadline = began + self._release_seconds
            while not (complete or self._handover.is_checkpoint_refused):
                if time.monotonic() > deadline or self._closing.is_set():
                    break
                await self._consumer._net.sleep(0.01)
                complete = self._handover.is_durable(offsets)
        if can_commit:
            await self._commits.release(begun)
        for partition in partitions:
            self.figures.ends.pop(partition, None)
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

    def _leave(self) -> None:
        if self._consumer is None:
            return
        try:
            self._consumer.close(autocommit=False, timeout_ms=int(1000 * COMMIT_SECONDS))
        except Exception as error:
            self._log.warning(
                "kafka_error", reason=reason_of(error), note="while leaving the group"
            )


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    """Called in kafka-python's own thread; awaiting keeps heartbeats going."""

    def __init__(self, poller: Poller) -> None:
        self._poller = poller

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._poller.release(set(revoked), can_commit=True)

    async def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        await self._poller.release(set(lost), can_commit=False)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._poller.hold(set(assigned))
