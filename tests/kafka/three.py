"""Three real brokers on this machine: every partition on all of them, two of which must store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from tests.kafka.broker import Broker, free_ports

WAIT_SECONDS = 120.0


class ThreeBrokers:
    """A cluster that survives any one of its brokers."""

    def __init__(self, folder: Path) -> None:
        ports = dict(zip((1, 2, 3), free_ports(3), strict=True))
        self.brokers = {node: Broker(folder / str(node), node, ports) for node in ports}
        self.bootstrap_servers = ",".join(b.bootstrap_servers for b in self.brokers.values())

    def start(self) -> None:
        """Start all; a broker takes connections once there is a quorum."""
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(Broker.start, self.brokers.values()))
        self.wait_until(lambda: len(self._admin_brokers()) == 3)

    def stop(self) -> None:
        """End all at once."""
        for broker in self.brokers.values():
            broker.kill()

    def _admin_brokers(self) -> list[object]:
        with KafkaAdminClient(bootstrap_servers=self.bootstrap_servers) as admin:
            return list(admin.describe_cluster()["brokers"])

    @staticmethod
    def wait_until(holds: Callable[[], bool]) -> None:
        """Wait for something that may be refused meanwhile."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                if holds():
                    return
            except KafkaError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.2)

    def topic(self, name: str, partitions: int = 1) -> str:
        """A new topic on all brokers."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap_servers) as admin:
            admin.create_topics([NewTopic(name, partitions, 3)])
        self.wait_until(
            lambda: all(self.leader(name, p) in self.brokers for p in range(partitions))
        )
        return name

    def leader(self, topic: str, partition: int = 0) -> int:
        """The node that leads a partition now, -1 if none does."""
        found = {p["partition_index"]: int(p["leader_id"]) for p in self._described(topic)}
        return found.get(partition, -1)  # of a topic that was just made none may be told yet

    def is_in_sync(self, topic: str) -> bool:
        """Whether all brokers have all messages of a topic."""
        return all(len(partition["isr_nodes"]) == 3 for partition in self._described(topic))

    def _described(self, topic: str) -> list[dict[str, Any]]:
        with KafkaAdminClient(bootstrap_servers=self.bootstrap_servers) as admin:
            partitions: list[dict[str, Any]] = admin.describe_topics([topic])[0]["partitions"]
        return partitions

    def move(self, topic: str, partitions: int) -> None:
        """Take each partition from the broker that leads it, and give it back a replica there."""
        for count in (2, 3):
            leaders = {number: self.leader(topic, number) for number in range(partitions)}
            orders = {
                TopicPartition(topic, number): [n for n in self.brokers if n != leader or count > 2]
                for number, leader in leaders.items()
            }
            with KafkaAdminClient(bootstrap_servers=self.bootstrap_servers) as admin:
                admin.alter_partition_reassignments(orders)
            self.wait_until(
                lambda count=count: all(
                    len(p["isr_nodes"]) == len(p["replica_nodes"]) == count
                    for p in self._described(topic)
                )
            )

    @contextmanager
    def producer(self) -> Iterator[Callable[[str, list[bytes], int], None]]:
        """Sends messages over so many partitions, each once though brokers fail, and waits."""
        producer = KafkaProducer(
            bootstrap_servers=self.bootstrap_servers, acks="all", enable_idempotence=True,
            delivery_timeout_ms=180_000, request_timeout_ms=10_000, linger_ms=5,
        )  # fmt: skip

        def send(topic: str, messages: list[bytes], partitions: int) -> None:
            futures = [
                producer.send(topic, message, partition=number % partitions)
                for number, message in enumerate(messages)
            ]
            producer.flush()
            for future in futures:
                future.get(timeout=180)

        yield send
        producer.close()
