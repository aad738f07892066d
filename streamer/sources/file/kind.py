"""Files among the sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.finding import Finding
from streamer.sources.base import Opening, Source
from streamer.sources.file import reports
from streamer.sources.file.settings import FileSettings
from streamer.sources.shared import Pieces, SharedKind


class FileKind(SharedKind[FileSettings]):
    """Files and rotated logs; a piece is a log."""

    settings = FileSettings
    noun = "files"
    given_by = "FILE"
    events = reports.EVENTS

    def is_named(self, values: Mapping[str, Any]) -> bool:
        """See :class:`SourceKind`; ``-`` is standard input."""
        return bool(values.get("path")) and values["path"] not in ("-", ("-",), ["-"])

    def title(self, settings: FileSettings) -> str:
        """See :class:`SourceKind`."""
        return ", ".join(settings.path)

    def endless(self, settings: FileSettings) -> str:
        """See :class:`SourceKind`."""
        return "--follow waits for more" if settings.follow else ""

    def reads(self, settings: FileSettings, target: str) -> bool:
        """See :class:`SourceKind`."""
        if target == "-" or "://" in target or target.startswith("kafka:"):
            return False
        from streamer.sources.file.search import is_named

        patterns = [*settings.path, *map(os.path.realpath, settings.path)]
        names = Path(target).absolute(), Path(os.path.realpath(target))
        return any(is_named(name, patterns) for name in names)

    def findings(self, settings: FileSettings, log: Any) -> Iterator[Finding]:
        """See :class:`SourceKind`."""
        from streamer.sources.file.checks import check

        return check(settings)

    def refuse(self, settings: FileSettings) -> None:
        """See :class:`SourceKind`."""
        from glob import has_magic

        from streamer.sources.file.search import check_paths, missing

        check_paths(settings.path)
        if settings.follow:
            return
        reasons = missing(settings.path)
        is_nothing = len(reasons) == len(settings.path)
        for path, reason in reasons.items():
            if is_nothing or not has_magic(path):
                raise ConfigurationError(f"{path}: {reason}")

    def open(self, settings: FileSettings, opening: Opening) -> Source:
        """See :class:`SourceKind`."""
        from streamer.sources.file.names import path_from_text
        from streamer.sources.file.source import FileSource

        share = opening.share
        return FileSource(
            settings.path,
            follow=settings.follow,
            make_splitter=opening.make_splitter,
            position=opening.position,
            log=opening.log,
            wake_descriptor=opening.wake,
            logs=None
            if share is None
            else frozenset(path_from_text(piece.name) for piece in share),
        )

    def pieces(self, settings: FileSettings, is_stopping: Callable[[], bool], log: Any) -> Pieces:
        """See :class:`SharedKind`."""
        from streamer.sources.file.pieces import LogPieces

        return LogPieces(settings)

    def absolute(self, settings: FileSettings) -> FileSettings:
        """See :class:`SharedKind`."""
        paths = tuple(str(Path(path).absolute()) for path in settings.path)
        return settings.model_copy(update={"path": paths})


KIND = FileKind()
