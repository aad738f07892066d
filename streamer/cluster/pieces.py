"""The pieces of the stream that exist, found by the driver: logs and partitions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from streamer.cluster.assignment import Piece
from streamer.config.cluster_settings import ClusterSettings
from streamer.errors import ConfigurationError
from streamer.sources.file.search import find_logs, is_named

RETRY_SECONDS = 2.0
"""Pause between two attempts to reach a broker at the start."""


class Pieces(Protocol):
    """Finds pieces of the stream."""

    def find(self) -> dict[Piece, float]:
        """Those that exist now, with their weights: how much there is to read, if known."""

    def close(self) -> None:
        """Close connections."""


class LogPieces:
    """Logs that match a pattern, and those of the checkpoint that would match it."""

    def __init__(self, settings: ClusterSettings, known: Iterable[str]) -> None:
        self._patterns = settings.path
        self._known = [path for path in known if is_named(Path(path), self._patterns)]
        if not settings.follow and not find_logs(self._patterns):
            raise ConfigurationError(f"--path {' '.join(self._patterns)}: there is no such file")

    def find(self) -> dict[Piece, float]:
        """Weights are bytes."""
        # It may have been rotated; the worker finds the file by what was read.
        pieces = {Piece(path): 0.0 for path in self._known}
        for log, files in find_logs(self._patterns).items():
            pieces[Piece(str(log))] = float(sum(map(_bytes, files)))
        return pieces

    def close(self) -> None:
        """Nothing to close."""


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # rotated just now


class PartitionPieces:
    """Partitions of the topics that the settings name.

    Waits until a broker answers, unless ``is_stopping``; ConfigurationError if it refuses.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        config: dict[str, Any],
        is_stopping: Callable[[], bool],
        log: Any,
    ) -> None:
        # Imported here, as everywhere: Kafka's client takes a third of a second.
        from kafka.errors import KafkaError

        from streamer.sources.kafka.clientlog import ClientLog, reason_of
        from streamer.sources.kafka.connection import connect, unreachable

        self._settings = settings
        self._log = log
        self._reason_of = reason_of
        self._consumer: Any = None
        client_log = ClientLog(log)
        config = config | {"group_id": None}
        while self._consumer is None and not is_stopping():
            try:
                self._consumer = connect(config, settings.kafka_topic, client_log)
            except KafkaError as error:
                reason = reason_of(error)
                log.warning("kafka_unreachable", reason=reason, **unreachable(config))
                time.sleep(RETRY_SECONDS)

    def find(self) -> dict[Piece, float]:
        """All have the same weight; empty if no broker answers now."""
        from kafka.errors import KafkaError

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
            found = {topic: self._consumer.partitions_for_topic(topic) or () for topic in topics}
        except KafkaError as error:
            self._log.warning("kafka_error", reason=self._reason_of(error))
            return {}
        wanted = set(settings.kafka_partitions)
        return {
            Piece(topic, number): 1.0
            for topic, numbers in found.items()
            for number in numbers
            if not wanted or number in wanted
        }

    def close(self) -> None:
        """Close the connections."""
        if self._consumer is not None:
            self._consumer.close(autocommit=False)


def open_pieces(
    settings: ClusterSettings,
    config: dict[str, Any],
    positions: dict[str, Any],
    is_stopping: Callable[[], bool],
    log: Any,
) -> Pieces:
    """The pieces of the configured source; ``positions`` are the checkpoint's."""
    if settings.source == "kafka":
        return PartitionPieces(settings, config, is_stopping, log)
    return LogPieces(settings, positions.get("file", {}))
