"""A compacted Kafka topic: a message's key is the word, its value the vector, none if it has gone.

``kafka://HOST:PORT[,HOST:PORT]/TOPIC[?format=float32|json&partitions=N&replication=N]``. Values are
little-endian float32, or JSON with vector and count. The topic is made if it is not there. Every
message is acknowledged by all replicas before anything counts as sent. TLS and SASL are set as for
the source: by ``--kafka-config``, ``--kafka-username`` and a password from a file or environment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, parse_qs

import numpy as np
import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from numpy.typing import NDArray

from streamer.errors import ConfigurationError
from streamer.publishing.store import Access, StoreError
from streamer.sources.kafka.clientlog import ClientLog, reason_of
from streamer.sources.kafka.config import consumer_config, for_client
from streamer.sources.kafka.connection import FATAL, unreachable

_SECONDS = 60.0


class KafkaStore:
    """See the module."""

    def __init__(self, url: SplitResult, _vector_size: int, access: Access) -> None:
        options = {key: values[-1] for key, values in parse_qs(url.query).items()}
        self._topic = url.path.strip("/")
        self._as_json = options.get("format", "float32") == "json"
        unknown = options.keys() - {"format", "partitions", "replication"}
        if "@" in url.netloc:
            raise ConfigurationError("--to kafka:// takes no user: use --kafka-username")
        if not self._topic or unknown or options.get("format", "json") not in ("json", "float32"):
            raise ConfigurationError(
                "--to kafka://HOST:PORT/TOPIC takes format=float32 or json, partitions and "
                "replication"
            )
        self._config = {
            **consumer_config(access.kafka, bootstrap_timeout_ms=30_000),
            "bootstrap_servers": url.netloc.split(","),
            "group_id": None,
            "auto_offset_reset": "earliest",
        }
        self._client_log = ClientLog(access.log)
        self._futures: list[Any] = []
        with self._answers():
            self._make_topic(int(options.get("partitions", 1)), int(options.get("replication", 1)))
            self._producer = KafkaProducer(
                **for_client(KafkaProducer, self._config),
                acks="all",
                linger_ms=20,
                batch_size=1 << 17,
                max_in_flight_requests_per_connection=1,
            )

    @contextmanager
    def _answers(self) -> Iterator[None]:
        """Errors of the client: what does not pass is a ConfigurationError, the rest StoreError."""
        self._client_log.refusal = None
        try:
            yield
        except FATAL as error:
            raise ConfigurationError(f"Kafka refuses: {reason_of(error)}") from error
        except KafkaError as error:
            refusal = self._client_log.refusal
            if refusal is not None:
                raise ConfigurationError(f"Kafka refuses: {reason_of(refusal)}") from error
            note = unreachable(self._config).get("note")
            raise StoreError(
                f"kafka: {reason_of(error)}" + (f"; {note}" if note else "")
            ) from error
        except (ValueError, TypeError, AssertionError, OSError) as error:
            raise ConfigurationError(f"wrong Kafka settings: {reason_of(error)}") from error

    def _admin(self) -> KafkaAdminClient:
        return KafkaAdminClient(**for_client(KafkaAdminClient, self._config))

    def _make_topic(self, partitions: int, replication: int) -> None:
        admin = self._admin()
        try:
            config = {"cleanup.policy": "compact"}
            admin.create_topics(
                [NewTopic(self._topic, partitions, replication, topic_configs=config)]
            )
        except TopicAlreadyExistsError:
            pass
        finally:
            admin.close()

    def _partitions(self) -> list[TopicPartition]:
        """The topic's partitions, as a broker tells; one may not know a new topic yet."""
        until = time.monotonic() + _SECONDS
        admin = self._admin()
        try:
            while True:
                [topic] = admin.describe_topics([self._topic])
                parts = topic["partitions"]
                if not topic["error_code"] and not any(part["error_code"] for part in parts):
                    return [TopicPartition(self._topic, part["partition_index"]) for part in parts]
                if time.monotonic() > until:
                    raise StoreError(f"kafka: no broker knows the topic {self._topic}")
                time.sleep(0.1)
        finally:
            admin.close()

    def holds(self, word: str) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        return True

    def words(self) -> set[str]:
        """The keys whose newest message has a value."""
        found: set[str] = set()
        with self._answers():
            partitions = self._partitions()
            config = {**for_client(KafkaConsumer, self._config), "max_poll_records": 5000}
            consumer = KafkaConsumer(**config)
            try:
                consumer.assign(partitions)
                ends = consumer.end_offsets(partitions)
                consumer.seek_to_beginning(*partitions)
                until = time.monotonic() + _SECONDS
                while any(consumer.position(p) < ends[p] for p in partitions):
                    polled = consumer.poll(500)
                    if polled:
                        until = time.monotonic() + _SECONDS
                    elif time.monotonic() > until:
                        raise StoreError(f"kafka: no answer while {self._topic} was being read")
                    for messages in polled.values():
                        for message in messages:
                            change = found.discard if message.value is None else found.add
                            change((message.key or b"").decode())
            finally:
                consumer.close()
        return found

    def is_empty(self) -> bool:
        """Whether there is no message, as in a topic that was deleted and made again."""
        with self._answers():
            partitions = self._partitions()
            consumer = KafkaConsumer(**for_client(KafkaConsumer, self._config))
            try:
                return bool(
                    consumer.beginning_offsets(partitions) == consumer.end_offsets(partitions)
                )
            finally:
                consumer.close()

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
        with self._answers():
            self._futures.append(self._producer.send(self._topic, key=key, value=value))
        return len(key) + len(value or b"")

    def finish(self) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        futures, self._futures = self._futures, []
        with self._answers():
            self._producer.flush(timeout=_SECONDS)
            for future in futures:
                future.get(timeout=_SECONDS)

    def close(self) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        self._producer.close(timeout=5)
