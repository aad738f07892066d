"""A Kafka cluster as tests and benchmarks use it: topics, messages, offsets."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata, TopicPartition

from tests.kafka.broker import Broker


class Cluster:
    """Brokers at ``bootstrap_servers``; ``broker`` is the process if it is ours."""

    def __init__(self, bootstrap_servers: str, broker: Broker | None = None) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.broker = broker
        # How soon a killed member is missed; others' brokers allow no less than six seconds.
        self.session_milliseconds = 6000 if broker is None else 2000

    def _admin(self) -> KafkaAdminClient:
        """A client for one request.

        One that is kept counts the restarts of the broker that happen while it is idle as failed
        connections of its own and then refuses to send for a while.
        """
        return KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)

    def topic(self, partitions: int = 1, name: str | None = None, **config: str) -> str:
        """A new topic with a name of its own."""
        name = name or f"t-{uuid.uuid4().hex[:12]}"
        dotted = {key.replace("_", "."): value for key, value in config.items()}
        with self._admin() as admin:
            admin.create_topics([NewTopic(name, partitions, 1, topic_configs=dotted)])
        return name

    def recreate(self, topic: str, partitions: int = 1) -> None:
        """Delete a topic and make another one with its name."""
        with self._admin() as admin:
            admin.delete_topics([topic])
        deadline = time.monotonic() + 60
        while True:
            try:
                self.topic(partitions, name=topic)
                return
            except TopicAlreadyExistsError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def transactional_producer(self, name: str) -> KafkaProducer:
        """A producer with transactions of this name, ready to begin one."""
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap_servers, transactional_id=name, acks="all"
        )
        producer.init_transactions()
        return producer

    def add_partitions(self, topic: str, total: int) -> None:
        with self._admin() as admin:
            admin.create_partitions({topic: NewPartitions(total)})

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Make messages expire."""
        with self._admin() as admin:
            admin.delete_records({TopicPartition(topic, partition): offset})

    def produce(
        self, topic: str, messages: Iterable[bytes | None], partition: int | None = None,
        **config: Any,
    ) -> None:  # fmt: skip
        """Send messages, round robin over the partitions unless one is named, and wait."""
        options = {"linger_ms": 10, "batch_size": 1 << 15, **config}
        producer = KafkaProducer(bootstrap_servers=self.bootstrap_servers, **options)
        numbers = sorted(producer.partitions_for(topic))
        futures = [
            producer.send(
                topic, message, key=b"key",
                headers=[("header", b"x")] if i % 2 else [],
                partition=numbers[i % len(numbers)] if partition is None else partition,
            )
            for i, message in enumerate(messages)
        ]  # fmt: skip
        producer.flush()
        for future in futures:
            future.get(timeout=240)
        producer.close()

    def read(self, topic: str) -> list[Any]:
        """All records of a topic."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap_servers, group_id=None)
        partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning()
        records = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for some in consumer.poll(timeout_ms=200).values():
                records += some
        consumer.close()
        return records

    def committed(self, group: str, topic: str) -> dict[int, int]:
        """The group's offsets."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap_servers, group_id=group, enable_auto_commit=False
        )
        partitions = consumer.partitions_for_topic(topic)
        offsets = {p: consumer.committed(TopicPartition(topic, p)) for p in partitions}
        consumer.close()
        return {p: offset for p, offset in offsets.items() if offset is not None}

    def commit(self, group: str, topic: str, offset: int, partition: int = 0) -> None:
        """Set a group's offset from outside, as an operator would."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.bootstrap_servers, group_id=group, enable_auto_commit=False
        )
        where = TopicPartition(topic, partition)
        consumer.assign([where])
        consumer.commit({where: OffsetAndMetadata(offset, "", -1)})
        consumer.close()
