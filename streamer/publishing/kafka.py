"""A compacted Kafka topic: a message's key is the word, its value the vector, none if it has gone.

``kafka://HOST:PORT[,HOST:PORT]/TOPIC[?format=float32|json&partitions=N&replication=N]``. Values are
little-endian float32, or JSON with vector and count. The topic is made if it is not there. Every
message is acknowledged by all replicas before anything counts as sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qs

import numpy as np
import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from numpy.typing import NDArray

from streamer.errors import ConfigurationError
from streamer.publishing.store import StoreError

_SECONDS = 60.0


class KafkaStore:
    """See the module."""

    def __init__(self, url: SplitResult, _vector_size: int) -> None:
        options = {key: values[-1] for key, values in parse_qs(url.query).items()}
        self._topic = url.path.strip("/")
        self._servers = url.netloc.split(",")
        self._as_json = options.get("format", "float32") == "json"
        unknown = options.keys() - {"format", "partitions", "replication"}
        if not self._topic or unknown or options.get("format", "json") not in ("json", "float32"):
            raise ConfigurationError(
                "--to kafka://HOST:PORT/TOPIC takes format=float32 or json, partitions and "
                "replication"
            )
        self._futures: list[Any] = []
        try:
            self._make_topic(int(options.get("partitions", 1)), int(options.get("replication", 1)))
            self._producer = KafkaProducer(
                bootstrap_servers=self._servers,
                acks="all",
                linger_ms=20,
                batch_size=1 << 17,
                max_in_flight_requests_per_connection=1,
            )
        except KafkaError as error:
            raise StoreError(f"kafka: {error}") from error

    def _make_topic(self, partitions: int, replication: int) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self._servers)
        try:
            config = {"cleanup.policy": "compact"}
            admin.create_topics(
                [NewTopic(self._topic, partitions, replication, topic_configs=config)]
            )
        except TopicAlreadyExistsError:
            pass
        finally:
            admin.close()

    def holds(self, word: str) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        return True

    def words(self) -> set[str]:
        """The keys whose newest message has a value."""
        found: set[str] = set()
        try:
            consumer = KafkaConsumer(bootstrap_servers=self._servers, enable_auto_commit=False)
            try:
                numbers = consumer.partitions_for_topic(self._topic) or set()
                partitions = [TopicPartition(self._topic, number) for number in numbers]
                consumer.assign(partitions)
                ends = consumer.end_offsets(partitions)
                consumer.seek_to_beginning(*partitions)
                while any(consumer.position(p) < ends[p] for p in partitions):
                    for messages in consumer.poll(500).values():
                        for message in messages:
                            change = found.discard if message.value is None else found.add
                            change((message.key or b"").decode())
            finally:
                consumer.close()
        except KafkaError as error:
            raise StoreError(f"kafka: {error}") from error
        return found

    def prepare(self, upserts: int, words: int) -> None:
        """Nothing to prepare."""

    def upsert(
        self, words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]
    ) -> int:
        """See :class:`streamer.publishing.store.Store`."""
        sent = 0
        for i, word in enumerate(words):
            if self._as_json:
                document = {"vector": vectors[i], "count": counts[i]}
                value = orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
            else:
                value = vectors[i].astype("<f4").tobytes()
            sent += self._send(word, value)
        return sent

    def delete(self, words: Sequence[str]) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        for word in words:
            self._send(word, None)

    def _send(self, word: str, value: bytes | None) -> int:
        key = word.encode()
        try:
            self._futures.append(self._producer.send(self._topic, key=key, value=value))
        except KafkaError as error:
            raise StoreError(f"kafka: {error}") from error
        return len(key) + len(value or b"")

    def finish(self) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        futures, self._futures = self._futures, []
        try:
            self._producer.flush(timeout=_SECONDS)
            for future in futures:
                future.get(timeout=_SECONDS)
        except KafkaError as error:
            raise StoreError(f"kafka: {error}") from error

    def close(self) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        self._producer.close(timeout=5)
