"""The logs that there are to read, for a cluster that shares them among its workers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from streamer.errors import ConfigurationError
from streamer.sources.base import Piece
from streamer.sources.file.search import find_logs, is_named
from streamer.sources.file.settings import FileSettings


class LogPieces:
    """Logs that match a pattern, and those of the checkpoint that would match it."""

    def __init__(self, settings: FileSettings, known: Iterable[str]) -> None:
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
