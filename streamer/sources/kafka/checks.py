"""What a start would meet at the brokers, looked at without joining the group."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka.errors import KafkaError

from streamer.finding import Finding
from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.clientlog import ClientLog, reason_of
from streamer.sources.kafka.config import consumer_config
from streamer.sources.kafka.connection import connect, unreachable
from streamer.sources.kafka.settings import KafkaSettings

CONNECT_SECONDS = 10.0


def check(settings: KafkaSettings, log: Any) -> Iterator[Finding]:
    """Settings, TLS files, credentials, brokers and topics. Raises ConfigurationError."""
    config = consumer_config(settings) | {"group_id": None}
    config["bootstrap_timeout_ms"] = int(1000 * CONNECT_SECONDS)
    try:
        consumer = connect(config, settings.kafka_topic, ClientLog(log))
    except KafkaError as error:
        details = ", ".join(f"{key} {text}" for key, text in unreachable(config).items())
        yield Finding("failure", "kafka", f"no answer, {details}: {reason_of(error)}")
        return
    try:
        yield Finding("ok", "kafka", f"{','.join(config['bootstrap_servers'])} answers")
        yield from _topics(settings, consumer)
    finally:
        consumer.close()


def _topics(settings: KafkaSettings, consumer: Consumer) -> Iterator[Finding]:
    for topic in settings.kafka_topic:
        partitions = consumer.known_partitions(topic)
        missing = sorted(set(settings.kafka_partitions) - partitions)
        if not partitions:
            yield Finding("failure", "kafka-topic", f"topic {topic} does not exist")
        elif missing:
            yield Finding("failure", "kafka-partitions", f"topic {topic} has no {missing}")
        else:
            yield Finding("ok", "kafka-topic", f"topic {topic} has {len(partitions)} partition(s)")
