"""Kafka among the sources. kafka-python is imported where it is needed: that takes a while."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from streamer.finding import Finding
from streamer.sources.base import Opening, Share, Source, StoredLetters
from streamer.sources.kafka import reports
from streamer.sources.kafka.settings import KafkaSettings
from streamer.sources.shared import Pieces, SharedKind


class KafkaKind(SharedKind[KafkaSettings]):
    """Kafka topics; a piece is a partition."""

    settings = KafkaSettings
    noun = "Kafka topics"
    given_by = "--kafka-topic"
    has_lines = False
    events = reports.EVENTS
    figures = reports.FIGURES

    def is_named(self, values: Mapping[str, Any]) -> bool:
        """See :class:`SourceKind`."""
        return bool(values.get("kafka_topic") or values.get("kafka_topic_pattern"))

    def is_hinted(self, values: Mapping[str, Any]) -> bool:
        """See :class:`SourceKind`."""
        return bool(values.get("kafka_bootstrap_servers"))

    def title(self, settings: KafkaSettings) -> str:
        """See :class:`SourceKind`."""
        return f"Kafka ({settings.kafka_topic_pattern or ', '.join(settings.kafka_topic)})"

    def endless(self, settings: KafkaSettings) -> str:
        """See :class:`SourceKind`."""
        return "a Kafka topic has no end"

    def reads(self, settings: KafkaSettings, target: str) -> bool:
        """See :class:`SourceKind`."""
        named = re.fullmatch("kafka:(?://([^/]*)/)?([^/]+)", target)
        if named is None:
            return False
        hosts, topic = named.groups()
        if hosts and not {*hosts.split(",")} & {*settings.kafka_bootstrap_servers}:
            return False
        pattern = settings.kafka_topic_pattern
        return topic in settings.kafka_topic or bool(pattern and re.fullmatch(pattern, topic))

    def findings(self, settings: KafkaSettings, log: Any) -> Iterator[Finding]:
        """See :class:`SourceKind`."""
        from streamer.sources.kafka.checks import check

        return check(settings, log)

    def connections(self, settings: KafkaSettings) -> dict[str, dict[str, Any]]:
        """See :class:`SourceKind`."""
        from streamer.sources.kafka.config import consumer_config

        return {"kafka": consumer_config(settings)}

    def open(self, settings: KafkaSettings, opening: Opening) -> Source:
        """See :class:`SourceKind`."""
        from streamer.sources.kafka.config import consumer_config
        from streamer.sources.kafka.source import KafkaSource

        topics, pattern = settings.kafka_topic, settings.kafka_topic_pattern
        partitions: dict[str, tuple[int, ...]] = {}
        if opening.share is not None:
            for topic, number in sorted(opening.share):
                partitions[topic] = (*partitions.get(topic, ()), number)
            topics, pattern = tuple(partitions), None
        elif settings.kafka_partitions:
            partitions = dict.fromkeys(topics, settings.kafka_partitions)
        return KafkaSource(
            consumer_config(settings),
            opening.position,
            opening.log,
            topics=topics,
            pattern=pattern,
            partitions=partitions,
            start=settings.kafka_start,
            expired=settings.kafka_expired,
            frame=settings.kafka_frame,
            excluded=settings.kafka_dead_letter_topic,
        )

    def open_dead_letters(
        self, settings: KafkaSettings, is_stopping: Callable[[], bool], log: Any
    ) -> StoredLetters | None:
        """See :class:`SourceKind`; with --kafka-dead-letter-topic."""
        if settings.kafka_dead_letter_topic is None:
            return None
        from streamer.sources.kafka.config import consumer_config
        from streamer.sources.kafka.dead_letters import DeadLetters

        return DeadLetters(
            consumer_config(settings), settings.kafka_dead_letter_topic, log, is_stopping
        )

    # --- shared by workers ---

    def pieces(self, settings: KafkaSettings, is_stopping: Callable[[], bool], log: Any) -> Pieces:
        """See :class:`SharedKind`."""
        from streamer.sources.kafka.pieces import PartitionPieces

        return PartitionPieces(settings, is_stopping, log)

    def beginning(self, position: dict[str, Any]) -> dict[str, Any]:
        """See :class:`SharedKind`. One identity for all workers.

        So that the commits of one are not taken for those of another daemon.
        """
        return position if "daemon" in position else {"daemon": uuid.uuid4().hex, "partitions": {}}

    def part_of(self, position: Mapping[str, Any], share: Share) -> dict[str, Any]:
        """See :class:`SharedKind`."""
        from streamer.sources.kafka import positions

        return positions.part_of(position, share)

    def joined(self, parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """See :class:`SharedKind`."""
        from streamer.sources.kafka import positions

        return positions.joined(parts)


KIND = KafkaKind()
