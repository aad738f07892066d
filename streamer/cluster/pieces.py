"""The pieces of the stream that exist, found by the driver: logs and partitions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from streamer.config.cluster_settings import ClusterSettings
from streamer.errors import ConfigurationError
from streamer.sources.base import Piece
from streamer.sources.file.search import find_logs, is_named


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
    """Partitions of topics, as Kafka's source finds them."""

    def __init__(
        self, settings: ClusterSettings, is_stopping: Callable[[], bool], log: Any
    ) -> None:
        # Imported here, as everywhere: Kafka's client takes a third of a second.
        from streamer.sources.kafka.pieces import PartitionPieces as Partitions

        self._partitions = Partitions(settings, is_stopping, log)

    def find(self) -> dict[Piece, float]:
        """All have the same weight; empty if no broker answers now."""
        return {Piece(*found): weight for found, weight in self._partitions.find().items()}

    def close(self) -> None:
        """Close the connections."""
        self._partitions.close()


def open_pieces(
    settings: ClusterSettings,
    positions: dict[str, Any],
    is_stopping: Callable[[], bool],
    log: Any,
) -> Pieces:
    """The pieces of the configured source; ``positions`` are the checkpoint's."""
    if settings.source == "kafka":
        return PartitionPieces(settings, is_stopping, log)
    return LogPieces(settings, positions.get("file", {}))
