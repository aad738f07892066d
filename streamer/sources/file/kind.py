"""Files among the sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamer.config.settings import RunSettings
from streamer.sources.base import Share, Source, SourceKind
from streamer.sources.file import reports
from streamer.sources.file.source import FileSource
from streamer.sources.splitting import make_splitter


class FileKind(SourceKind):
    """Files and rotated logs; a piece is a log."""

    events = reports.EVENTS

    def title(self, settings: RunSettings) -> str:
        """See :class:`SourceKind`."""
        return ", ".join(settings.path)

    def is_endless(self, settings: RunSettings) -> bool:
        """See :class:`SourceKind`."""
        return settings.follow

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
        return FileSource(
            settings.path,
            follow=settings.follow,
            make_splitter=lambda: make_splitter(settings),
            position=position,
            log=log,
            wake_descriptor=wake,
            logs=None if share is None else frozenset(Path(piece.name) for piece in share),
        )
