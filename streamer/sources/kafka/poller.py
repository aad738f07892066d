"""The thread with the consumer: polls whatever the pipeline does, so the group never waits for it.

The buffer is bounded: when it is full the partitions are paused, and polling goes on. Offsets are
committed when a checkpoint is durable. What ``partitions`` are given and let go, and where they
begin, is told there; a ``watchdog`` notices when nothing is read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.structs import TopicPartition

from streamer.errors import ConfigurationError, SourceError
from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.clientlog import REPEAT_SECONDS, ClientLog, reason_of
from streamer.sources.kafka.commits import COMMIT_SECONDS, Commits
from streamer.sources.kafka.connection import FATAL, connect, unreachable
from streamer.sources.kafka.figures import Figures
from streamer.sources.kafka.handover import Chunk, Handover
from streamer.sources.kafka.partitions import Listener, Partitions, Subscription
from streamer.sources.kafka.stalls import Stalls
from streamer.sources.kafka.values import Values
from streamer.sources.kafka.watchdog import Action

BUFFER_BYTES = 8 << 20
"""Text buffered at most, half a second of training; one poll's records may come on top."""

POLL_SECONDS = 0.25
"""At least twice ``retry_backoff_ms``. With a pattern the client asks for metadata anew before it
joins the group, and gives up for now if they are not there within the poll: in one as long as the
pause between two such requests they come just too late, again and again."""

MAX_POLL_SECONDS = 2.0
PAUSED_SECONDS = 0.02

RETRY_SECONDS = (0.5, 10.0)
"""Shortest and longest pause before something is tried again."""


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
        self._consumer: Consumer | None = None
        self._has_connected = False
        self._closing = threading.Event()
        self._paused = False
        self._backoff = RETRY_SECONDS[0]
        self._begin_after = 0.0
        self._begin_pause = RETRY_SECONDS[0]
        self._said: dict[str, float] = {}
        limits = {**KafkaConsumer.DEFAULT_CONFIG, **config}
        twice = 2 * limits["retry_backoff_ms"] / 1000
        self._poll_seconds = max(POLL_SECONDS, min(twice, MAX_POLL_SECONDS))
        self.figures = Figures()
        self.is_connected = False
        """Whether a broker has a connection to us."""
        self._commits = Commits(subscription.daemon, handover, self.figures, log)
        self._partitions = Partitions(
            config, subscription, handover, self._commits, self.figures, self._closing.is_set, log
        )
        self.stalls = Stalls(config, subscription, handover, self._partitions, self.figures, log)

    # --- the thread ---

    def run(self) -> None:
        """Connect, poll until closed, commit and leave the group."""
        try:
            while not self._closing.is_set():
                if self._consumer is None:
                    self._guarded(self._connect, "kafka_unreachable", unreachable(self._config))
                    continue
                self._guarded(self._begin)
                self._guarded(self._step)
                self._watch()
            if self._consumer is not None:
                self._guarded(self._commits.finish)
        except ConfigurationError as error:  # of use until something was read, which is saved
            self._handover.fail(SourceError(str(error)) if self._has_connected else error)
        except SourceError as error:
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
        wanted = self._wanted
        consumer = connect(self._config, wanted.topics, self._client_log, wanted.frame)
        self._consumer, self._has_connected = consumer, True
        self._commits.consumer = self._partitions.consumer = consumer
        self._paused = False
        listener = Listener(self._partitions)
        if wanted.regex is not None:
            consumer.subscribe(pattern=wanted.regex, listener=listener)
        elif not wanted.partitions:
            consumer.subscribe(topics=list(wanted.topics), listener=listener)
        self._log.info("kafka_connected", group=self._config["group_id"])

    def _guarded(
        self, action: Any, event: str = "kafka_error", details: dict[str, Any] | None = None
    ) -> None:
        """Do one thing; what may pass is logged and waited out."""
        try:
            action()
            self._backoff = RETRY_SECONDS[0]
        except (kafka_errors.OffsetOutOfRangeError, kafka_errors.LogTruncationError) as error:
            gone = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            self._partitions.hold(set(gone) or self._assignment())
        except kafka_errors.FencedInstanceIdError as error:
            raise SourceError(
                f"another member of group {self._config['group_id']} has the same "
                f"group_instance_id, {self._config.get('group_instance_id')}, and has taken this "
                "one's place: give each daemon its own"
            ) from error
        except FATAL as error:
            raise SourceError(f"Kafka refuses: {reason_of(error)}") from error
        except kafka_errors.KafkaError as error:
            self.figures.errors += self._consumer is not None
            self._log.warning(
                event, reason=reason_of(error), retry_seconds=self._backoff, **(details or {})
            )
            self._closing.wait(self._backoff)
            self._backoff = min(2 * self._backoff, RETRY_SECONDS[1])

    def _step(self) -> None:
        consumer = self._the_consumer
        if self._wanted.partitions and not consumer.assignment():
            self._assign()
        self._pause_or_resume()
        self._poll()
        self._commits.step()
        self.is_connected = consumer.is_connected
        self._say_unknown_topics()

    def _begin(self) -> None:
        """Begin what is on hold; after a failure not at once, so that the rest is polled."""
        if not self._partitions.held or time.monotonic() < self._begin_after:
            return
        pause = 0.0
        try:
            self.stalls.progress += self._partitions.begin(paused=self._paused)
            pause = RETRY_SECONDS[0] if self._partitions.held else 0.0
        except kafka_errors.KafkaError:
            pause = min(2 * self._begin_pause, RETRY_SECONDS[1])
            raise
        finally:
            self._begin_pause = max(pause, RETRY_SECONDS[0])
            self._begin_after = time.monotonic() + pause

    @property
    def _the_consumer(self) -> Consumer:
        assert self._consumer is not None  # noqa: S101 for mypy: there is one once connected
        return self._consumer

    def _assignment(self) -> set[TopicPartition]:
        return set(self._the_consumer.assignment())

    def _poll(self) -> None:
        consumer, figures = self._the_consumer, self.figures
        turns = self._handover.turns()
        began = time.monotonic()
        seconds = PAUSED_SECONDS if self._paused else self._poll_seconds
        polled = consumer.poll(timeout_ms=int(1000 * seconds))
        figures.polls += 1
        figures.poll_seconds += time.monotonic() - began
        recreated = self._partitions.recreated(turns)
        if recreated:
            self._partitions.hold(recreated)
        chunks = []
        for partition, records in polled.items():
            place = self._handover.next_to_fetch(partition)
            if partition in recreated or place is None:
                continue  # offsets are those of a topic that is gone, or it was taken away
            for record in records:
                values: Values = record.value
                figures.messages += values.count
                figures.bytes += len(values)
                chunks.append(Chunk(partition, values, place.at(record.offset + 1)))
        if chunks:
            self._handover.put(chunks, turns)
        passed = list(self._passed(turns.keys() - recreated))
        if passed:
            self._handover.put(passed, turns)
        self.stalls.progress += len(chunks) + len(passed)
        ends = {partition: consumer.end_of(partition) for partition in turns}
        self._partitions.ends_at({p: end for p, end in ends.items() if end is not None})

    def _passed(self, partitions: Iterable[TopicPartition]) -> Iterator[Chunk]:
        """Chunks without messages, where the client has gone past offsets that hold none.

        Such are the markers of transactions, and what was aborted.
        """
        for partition in partitions:
            position = self._the_consumer.position_of(partition)
            place = self._handover.next_to_fetch(partition)
            if position is not None and place is not None and position > place.offset:
                yield Chunk(partition, Values.of_messages([]), place.at(position))

    def _pause_or_resume(self) -> None:
        buffered = self._handover.buffered_bytes
        if not self._paused and buffered >= BUFFER_BYTES:
            self._paused = True
            self._the_consumer.pause(*self._assignment())
        elif self._paused and buffered <= BUFFER_BYTES // 2:
            self._paused = False
            self._the_consumer.resume(*self._assignment() - self._partitions.held)

    def _assign(self) -> None:
        """Take the partitions that were asked for, once they exist."""
        consumer = self._the_consumer
        wanted = []
        for topic, numbers in self._wanted.partitions.items():
            existing = consumer.known_partitions(topic)
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
        consumer.assign(wanted)
        self._partitions.hold(set(wanted))

    def _say_unknown_topics(self) -> None:
        if self._wanted.pattern is not None:
            return
        for topic in self._wanted.topics:
            if topic not in self._partitions.known_topics and self._is_time_to_say(topic):
                if self._the_consumer.known_partitions(topic):
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

    # --- when nothing is read, and at the end ---

    def _watch(self) -> None:
        action = self.stalls.look(self._the_consumer, paused=self._paused)
        if action is Action.REJOIN:
            self._the_consumer.rejoin()
        elif action is Action.RECONNECT:
            self._leave()

    def _leave(self) -> None:
        """Give the partitions back, leave the group and disconnect."""
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        self.is_connected = False
        try:
            consumer.close(autocommit=False, timeout_ms=int(1000 * COMMIT_SECONDS))
        except Exception as error:
            self._log.warning(
                "kafka_error", reason=reason_of(error), note="while leaving the group"
            )
        if not self._closing.is_set():
            self._partitions.drop(self._handover.fetching | self._partitions.held)
