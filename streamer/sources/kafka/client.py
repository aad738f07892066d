"""kafka-python's consumer, and the only file that touches private parts of kafka-python.

:class:`Consumer` is a KafkaConsumer with four additions. It returns the values of a record batch in
one go. It waits for a join of the group that has begun. It tells figures that the client keeps to
itself. Calls for a partition that was taken away meanwhile do nothing.

``CHECKED_VERSIONS`` are the versions of kafka-python whose private parts were read and tried; a
test fails with any other, and names what is missing.
"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import (
    FencedInstanceIdError,
    LeaderNotAvailableError,
    UnknownTopicOrPartitionError,
)
from kafka.net.compat import KafkaNetClient
from kafka.record.default_records import DefaultRecord
from kafka.structs import TopicPartition

from streamer.sources.kafka.values import Values

CHECKED_VERSIONS = frozenset({"3.0.12"})

_V2 = 2
"""The format of record batches since Apache Kafka 0.11."""


class Consumer(KafkaConsumer):  # type: ignore[misc]
    """A consumer whose records are :class:`Values`, one for each record batch.

    ``frame`` is one of ``values.FRAMES``, ``config`` KafkaConsumer's. Raises what KafkaConsumer
    raises, and leaves no connection then.
    """

    def __init__(self, frame: str = "none", **config: Any) -> None:
        clients: list[KafkaNetClient] = []

        def make_client(**options: Any) -> KafkaNetClient:
            clients.append(KafkaNetClient(**options))
            return clients[-1]

        try:
            super().__init__(kafka_client=make_client, **config)
        except Exception:
            for client in clients:
                client.close()
            raise
        self._fetcher.PartitionRecords = functools.partial(_BulkRecords, frame)
        self._ends: dict[TopicPartition, int] = {}
        self._doubts: dict[str, float] = {}
        self._fenced: FencedInstanceIdError | None = None
        self._follow_fetches()
        self._follow_heartbeats()
        self._wait_for_joins()

    def _follow_fetches(self) -> None:
        """Keep the offset up to which each partition can be read, as fetches tell it.

        With ``read_committed`` that is the last stable offset: what comes behind it belongs to
        transactions that are still open.

        A fetch that fails may mean that the topic was deleted. What comes after it is thrown away,
        and fetched again, until metadata have told the topic's id: it may be of another topic with
        the same name, which would be read from the middle.
        """
        fetcher = self._fetcher
        parse = fetcher._parse_fetched_data

        def parse_and_note(completed: Any) -> Any:
            data, topic = completed.partition_data, completed.topic_partition.topic
            if data.error_code:
                self._doubts[topic] = time.monotonic()
                self._cluster.request_update()
            elif topic in self._doubts:
                if self._refreshed_at <= self._doubts[topic]:
                    return None  # as if it had not been fetched
                del self._doubts[topic]
            if data.error_code == 0:
                stable = data.last_stable_offset
                is_told = stable is not None and stable >= 0
                end = stable if is_told and self._reads_committed else data.high_watermark
                self._ends[completed.topic_partition] = end
            return parse(completed)

        fetcher._parse_fetched_data = parse_and_note

    def _follow_heartbeats(self) -> None:
        """Note when a heartbeat is answered with a refusal, which the client only logs."""
        coordinator = self._coordinator
        handle = coordinator._handle_heartbeat_response

        def handle_and_note(*args: Any) -> Any:
            try:
                return handle(*args)
            except FencedInstanceIdError as error:
                self._fenced = error
                raise

        coordinator._handle_heartbeat_response = handle_and_note

    def poll(self, **options: Any) -> dict[TopicPartition, list[Any]]:
        """What has arrived. Raises FencedInstanceIdError if another member has taken the place."""
        polled: dict[TopicPartition, list[Any]] = super().poll(**options)
        if self._fenced is not None:
            raise self._fenced
        return polled

    @property
    def _reads_committed(self) -> bool:
        return bool(self.config["isolation_level"] == "read_committed")

    def _wait_for_joins(self) -> None:
        """Let a join of the group that has begun count as needed until it has ended.

        ``need_rejoin`` compares metadata snapshots, and the join itself makes them equal. Where a
        poll ends before the join does, the next poll would not wait for the join: the member would
        never get its partitions, its heartbeats would stay off, and the group would expel it.
        """
        coordinator = self._coordinator
        need_rejoin = coordinator.need_rejoin
        coordinator.need_rejoin = lambda: coordinator.rejoining or need_rejoin()

    def learn_topics(self, topics: Iterable[str], seconds: float) -> None:
        """Ask for the topics' partitions, now and with every later update of the metadata.

        A topic that does not exist is no error. Raises KafkaError if no broker answers in time.
        """
        topics = list(topics)
        asked = self._cluster.set_topics(topics)
        # The first answer may be to a question from before; a topic that is there is in the second.
        for _ in range(2):
            try:
                self._net.run(self._manager.wait_for, asked, 1000 * seconds)
            except (UnknownTopicOrPartitionError, LeaderNotAvailableError):
                pass
            if all(self.known_partitions(topic) for topic in topics):
                break
            asked = self._cluster.request_update()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to a broker."""
        connections = list(self._manager._conns.values())
        return any(connection.connected for connection in connections)

    @property
    def metadata_age_seconds(self) -> float:
        """Time since a broker last told of topics and partitions."""
        return max(0.0, time.monotonic() - self._refreshed_at)

    @property
    def _refreshed_at(self) -> float:
        refreshed: float = self._cluster._last_successful_refresh_ms / 1000
        return refreshed

    def refresh_topics(self, seconds: float) -> None:
        """Ask a broker now for what :meth:`known_partitions` and :meth:`topic_id` tell.

        Raises KafkaError if no broker answers in time.
        """
        for _ in range(3):
            is_older = self._cluster.metadata_refresh_in_progress
            asked = self._cluster.request_update()
            try:
                self._net.run(self._manager.wait_for, asked, 1000 * seconds)
            except (UnknownTopicOrPartitionError, LeaderNotAvailableError):
                pass
            if not is_older:  # else the answer was to a question from before
                return

    def topic_id(self, topic: str) -> str:
        """What tells a topic from one of the same name that was deleted; empty if not known."""
        found = self._cluster.topic_id(topic)
        return str(found) if found is not None and found.int else ""

    def known_partitions(self, topic: str) -> set[int]:
        """The partitions of a topic that the client knows; asks nobody."""
        return self._cluster.partitions_for_topic(topic) or set()

    def led_partitions(self, topic: str) -> set[int]:
        """Those of :meth:`known_partitions` that a broker leads, so that they can be read now."""
        return self._cluster.available_partitions_for_topic(topic) or set()

    def beginning_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: int | None = None
    ) -> dict[TopicPartition, int]:
        """The first offset of each. Raises KafkaError, also if a partition has no leader."""
        return _complete(super().beginning_offsets, partitions, timeout_ms)

    def end_offsets(
        self, partitions: Iterable[TopicPartition], timeout_ms: int | None = None
    ) -> dict[TopicPartition, int]:
        """Where each can be read up to. Raises KafkaError, also if a partition has no leader."""
        return _complete(super().end_offsets, partitions, timeout_ms)

    def log_ends(
        self, partitions: Iterable[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, int]:
        """The offset behind the last message of each, those of open transactions included."""
        fetcher = copy.copy(self._fetcher)
        fetcher._isolation_level = IsolationLevel.READ_UNCOMMITTED
        return _complete(fetcher.end_offsets, partitions, timeout_ms)

    def is_assigned(self, partition: TopicPartition) -> bool:
        """Whether this consumer has the partition now."""
        return bool(self._subscription.is_assigned(partition))

    def end_of(self, partition: TopicPartition) -> int | None:
        """The offset up to which there is something to read, None if no fetch has told it yet."""
        return self._ends.get(partition)

    def position_of(self, partition: TopicPartition) -> int | None:
        """The next offset to return, behind transaction markers and what was aborted.

        None if the partition is not assigned, or has no position yet.
        """
        state = self._subscription.assignment.get(partition)
        position = None if state is None else state.position
        return None if position is None else int(position.offset)

    def pause(self, *partitions: TopicPartition) -> None:
        """Stop fetching those of the partitions that are still assigned."""
        with self._subscription._lock:
            super().pause(*filter(self.is_assigned, partitions))

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch those of the partitions that are still assigned."""
        with self._subscription._lock:
            super().resume(*filter(self.is_assigned, partitions))

    @property
    def member_id(self) -> str:
        """The name that the group gave this member, empty before it has joined."""
        return str(self.group_metadata().member_id or "")

    def rejoin(self) -> None:
        """Join the group again with the next poll."""
        self._coordinator.request_rejoin()

    async def sleep(self, seconds: float) -> None:
        """Wait in the client's own thread, which goes on sending heartbeats."""
        await self._net.sleep(seconds)


def _complete(
    ask: Callable[..., dict[TopicPartition, int]],
    partitions: Iterable[TopicPartition],
    timeout_ms: int | None,
) -> dict[TopicPartition, int]:
    """Offsets of all partitions: of those without a leader kafka-python gets none."""
    try:
        return ask(partitions, timeout_ms=timeout_ms)
    except KeyError as error:
        topic, number = error.args[0]
        raise LeaderNotAvailableError(f"{topic}/{number} has no leader") from error


class _BulkBatch:
    """A record batch that yields one item: a record whose value is the :class:`Values` of all."""

    def __init__(self, batch: Any, first: int, frame: str) -> None:
        self._batch = batch
        self._first = first
        self._frame = frame

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[DefaultRecord]:
        batch = self._batch
        if batch.magic == _V2:
            iter(batch)  # decompresses
            values = Values.of_batch(
                memoryview(batch._buffer)[batch._pos :],
                batch.records_count,
                batch.base_offset,
                self._first,
                self._frame,
            )
            last = batch.last_offset
        else:
            messages = [(record.offset, record.value) for record in batch]
            if not messages:
                return
            values = Values.of_messages(
                [message for message in messages if message[0] >= self._first], self._frame
            )
            last = messages[-1][0]
        yield DefaultRecord(batch.size_in_bytes, last, -1, 0, None, values, [])


class _BulkMemoryRecords:
    """kafka-python's MemoryRecords with :class:`_BulkBatch` in place of its batches."""

    def __init__(self, records: Any, first: int, frame: str) -> None:
        self._records = records
        self._first = first
        self._frame = frame

    def next_batch(self) -> _BulkBatch | None:
        batch = self._records.next_batch()
        return None if batch is None else _BulkBatch(batch, self._first, self._frame)


class _BulkRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
    """What a fetch returned of a partition, an item a batch instead of an item a message."""

    def __init__(
        self, frame: str, fetch_offset: int, tp: Any, records: Any, **options: Any
    ) -> None:
        bulk = _BulkMemoryRecords(records, fetch_offset, frame)
        super().__init__(fetch_offset, tp, bulk, **options)

    def take(self, n: int | None = None) -> list[Any]:
        """The next batches. After an error the rest is fetched again.

        kafka-python would keep what can be read no further, and look for more of it for ever.
        """
        try:
            taken: list[Any] = super().take(n)
        except Exception:
            self.drain()
            raise
        return taken
