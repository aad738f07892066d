"""The logs that there are to read, for a cluster that shares them among its workers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.sources.base import Piece
from streamer.sources.file.names import path_from_text, text_of_path
from streamer.sources.file.search import find_logs, is_named
from streamer.sources.file.settings import FileSettings


class LogPieces:
    """Logs that match a pattern, and those of a checkpoint that would match it."""

    def __init__(self, settings: FileSettings) -> None:
        self._patterns = settings.path
        self._known: set[Path] = set()
        if not settings.follow and not find_logs(self._patterns, ()):
            raise ConfigurationError(f"--path {' '.join(self._patterns)}: there is no such file")

    def find(self, position: Mapping[str, Any]) -> dict[Piece, float]:
        """Weights are bytes; names are those that positions have, so that they can be cut up."""
        # A log may have been rotated meanwhile; its worker finds it by what was read.
        ours = {path for path in map(path_from_text, position) if is_named(path, self._patterns)}
        logs = find_logs(self._patterns, self._known | ours)
        self._known |= ours | logs.keys()
        pieces = {Piece(text_of_path(path)): 0.0 for path in ours}
        for log, files in logs.items():
            pieces[Piece(text_of_path(log))] = float(sum(map(_bytes, files)))
        return pieces

    def close(self) -> None:
        """Nothing to close."""


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # rotated just now
