"""Kafka topics as a source: batches of messages with the position behind them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from kafka.structs import TopicPartition

from streamer.sources.batching import BATCH_BYTES, IDLE_SECONDS
from streamer.sources.kafka.dead_letters import SCHEMA
from streamer.sources.kafka.handover import Chunk, Handover
from streamer.sources.kafka.partitions import Subscription
from streamer.sources.kafka.poller import Poller
from streamer.sources.kafka.positions import Place, as_json, from_json
from streamer.sources.kafka.values import NO_SCHEMA
from streamer.text.batch import Batch, Origin

CLOSE_SECONDS = 20.0


class KafkaSource:
    """Messages of one or several topics; a message is a record a line.

    ``config`` is KafkaConsumer's. The position is the next offset to learn of every partition
    that was ever read, and the daemon's identity: who has learned what is before it.
    """

    name = "kafka"

    def __init__(
        self,
        config: dict[str, Any],
        position: dict[str, Any],
        log: Any,
        **subscription: Any,
    ) -> None:
        self._daemon = position.get("daemon") or uuid.uuid4().hex
        self._handover = Handover(from_json(position))
        self._poller = Poller(
            config, Subscription(daemon=self._daemon, **subscription), self._handover, log
        )
        self._poller.start()

    @property
    def position(self) -> dict[str, Any]:
        """See the class and :mod:`streamer.sources.kafka.positions`."""
        return as_json(self._daemon, self._handover.positions)

    def next_batch(self) -> Batch | None:
        """What has arrived; see :class:`streamer.sources.base.Source`."""
        chunks, positions, checkpoint = self._handover.take(BATCH_BYTES, IDLE_SECONDS)
        return Batch(
            b"".join([chunk.values.text for chunk in chunks]),
            as_json(self._daemon, positions),
            checkpoint,
            _Messages(chunks),
        )

    def stop(self) -> Batch | None:
        """Nothing: what is buffered is read again by the next run."""
        self._handover.stop()
        return None

    def commit(self, position: dict[str, Any]) -> None:
        """Have the group told; the polling thread does it."""
        self._handover.set_durable(from_json(position))

    def close(self) -> None:
        """Commit the last durable position and leave the group."""
        self._poller.close(CLOSE_SECONDS)

    @property
    def is_connected(self) -> bool:
        """Whether a broker has answered of late; see :class:`Poller`."""
        return self._poller.is_connected

    @property
    def is_stalled(self) -> bool:
        """Whether nothing is read although there is something to read, for half a minute."""
        return self._poller.stalls.is_stalled

    def figures(self) -> dict[str, float]:
        """Messages, lags and rebalances, for the progress event."""
        lags = self.lags()
        return {
            "messages": self._poller.figures.messages,
            "lag_messages": sum(consumed for consumed, _ in lags.values()),
            "lag_checkpointed_messages": sum(checkpointed for _, checkpointed in lags.values()),
            "rebalances": self._poller.figures.rebalances,
            "source_errors": self._poller.figures.errors,
            "lost_messages": self._poller.figures.lost_messages,
            "stalls": self._poller.figures.stalls,
            "stalled_seconds": round(self._poller.stalls.seconds),
            "buffered_bytes": self._handover.buffered_bytes,
        }

    def lags(self) -> dict[TopicPartition, tuple[int, int]]:
        """Messages not learned yet, and not in a checkpoint yet, by partition that is read."""
        positions, durable = self._handover.positions, self._handover.durable
        lags = {}
        for partition, end in dict(self._poller.figures.ends).items():
            learned = positions.get(partition, Place(end))
            safe = durable.get(partition, learned)
            lags[partition] = max(0, end - learned.offset), max(0, end - safe.offset)
        return lags


class _Messages:
    """The messages of a batch, one by one, each with where it came from."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[tuple[Origin, bytes]]:
        for chunk in self._chunks:
            for offset, schema, value in chunk.values:
                yield _origin(chunk, offset, schema), value

    def at(self, byte: int) -> tuple[Origin, int]:
        """See :class:`streamer.text.batch.Messages`."""
        begin = 0
        for chunk in self._chunks:
            values = chunk.values
            if byte < begin + len(values):
                i = int(np.searchsorted(values.starts, byte - begin, "right")) - 1
                origin = _origin(chunk, int(values.offsets[i]), int(values.schemas[i]))
                return origin, begin + int(values.starts[i])
            begin += len(values)
        raise IndexError(byte)


def _origin(chunk: Chunk, offset: int, schema: int) -> Origin:
    topic, number = chunk.partition
    origin: Origin = {"topic": topic, "partition": number, "offset": offset}
    return origin if schema == NO_SCHEMA else {**origin, SCHEMA: schema}
