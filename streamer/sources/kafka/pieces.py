"""The partitions that there are to read, for whoever deals them out himself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from kafka.errors import KafkaError

from streamer.sources.base import Piece
from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.clientlog import ClientLog, reason_of
from streamer.sources.kafka.config import consumer_config
from streamer.sources.kafka.connection import connect, unreachable
from streamer.sources.kafka.settings import KafkaSettings

RETRY_SECONDS = 2.0
"""Pause between two attempts to reach a broker at the start."""


class PartitionPieces:
    """Partitions of the topics that the settings name.

    Waits until a broker answers, unless ``is_stopping``; ConfigurationError if it refuses.
    """

    def __init__(self, settings: KafkaSettings, is_stopping: Callable[[], bool], log: Any) -> None:
        self._settings = settings
        self._log = log
        self._consumer: Consumer | None = None
        client_log = ClientLog(log)
        config = consumer_config(settings) | {"group_id": None}
        while self._consumer is None and not is_stopping():
            try:
                self._consumer = connect(config, settings.kafka_topic, client_log)
            except KafkaError as error:
                log.warning("kafka_unreachable", reason=reason_of(error), **unreachable(config))
                time.sleep(RETRY_SECONDS)

    def find(self, position: Mapping[str, Any]) -> dict[Piece, float]:
        """All have the same weight; empty if no broker answers now.

        None is known from ``position`` alone: a partition is read as long as it exists.
        """
        if self._consumer is None:
            return {}
        settings = self._settings
        try:
            topics = self._consumer.topics()
            if settings.kafka_topic_pattern is not None:
                pattern = re.compile(settings.kafka_topic_pattern)
                topics = {topic for topic in topics if pattern.fullmatch(topic)}
                topics -= {settings.kafka_dead_letter_topic}
            else:
                topics &= set(settings.kafka_topic)
        except KafkaError as error:
            self._log.warning("kafka_error", reason=reason_of(error))
            return {}
        wanted = set(settings.kafka_partitions)
        return {
            Piece(topic, number): 1.0
            for topic in topics
            for number in self._consumer.known_partitions(topic)
            if not wanted or number in wanted
        }

    def close(self) -> None:
        """Close the connections."""
        if self._consumer is not None:
            self._consumer.close(autocommit=False)
