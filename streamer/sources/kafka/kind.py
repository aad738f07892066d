"""Kafka among the sources. kafka-python is imported only to open one: that takes a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamer.config.settings import RunSettings
from streamer.sources.base import Share, Source, SourceKind, StoredLetters
from streamer.sources.kafka import reports


class KafkaKind(SourceKind):
    """Kafka topics; a piece is a partition."""

    events = reports.EVENTS
    figures = reports.FIGURES

    def title(self, settings: RunSettings) -> str:
        """See :class:`SourceKind`."""
        return f"Kafka ({settings.kafka_topic_pattern or ', '.join(settings.kafka_topic)})"

    def is_endless(self, settings: RunSettings) -> bool:
        """See :class:`SourceKind`."""
        return True

    def open(
        self,
        settings: RunSettings,
        position: dict[str, Any],
        log: Any,
        *,
        wake: int | None = None,
        share: Share | None = None,
    ) -> Source:
        """See :class:`SourceKind`."""
        from streamer.sources.kafka.config import consumer_config
        from streamer.sources.kafka.source import KafkaSource

        topics, pattern = settings.kafka_topic, settings.kafka_topic_pattern
        partitions: dict[str, tuple[int, ...]] = {}
        if share is not None:
            for topic, number in sorted(share):
                partitions[topic] = (*partitions.get(topic, ()), number)
            topics, pattern = tuple(partitions), None
        elif settings.kafka_partitions:
            partitions = dict.fromkeys(topics, settings.kafka_partitions)
        return KafkaSource(
            consumer_config(settings),
            position,
            log,
            topics=topics,
            pattern=pattern,
            partitions=partitions,
            start=settings.kafka_start,
            expired=settings.kafka_expired,
            frame=settings.kafka_frame,
            excluded=settings.kafka_dead_letter_topic,
        )

    def open_dead_letters(
        self, settings: RunSettings, is_stopping: Callable[[], bool], log: Any
    ) -> StoredLetters | None:
        """See :class:`SourceKind`; with --kafka-dead-letter-topic."""
        if settings.kafka_dead_letter_topic is None:
            return None
        from streamer.sources.kafka.config import consumer_config
        from streamer.sources.kafka.dead_letters import DeadLetters

        return DeadLetters(
            consumer_config(settings), settings.kafka_dead_letter_topic, log, is_stopping
        )
