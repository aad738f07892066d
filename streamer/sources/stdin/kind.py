"""Standard input among the sources."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from streamer.sources.base import Opening, Source, SourceKind
from streamer.sources.stdin import reports
from streamer.sources.stdin.settings import StdinSettings


class StdinKind(SourceKind[StdinSettings]):
    """Standard input, which cannot be shared; ``-`` as a file's name stands for it."""

    settings = StdinSettings
    noun = "standard input"
    given_by = "-"
    events = reports.EVENTS

    def is_named(self, values: Mapping[str, Any]) -> bool:
        """See :class:`SourceKind`."""
        return values.get("path") in ("-", ("-",), ["-"])

    def completed(self, values: dict[str, Any]) -> dict[str, Any]:
        """See :class:`SourceKind`."""
        return values | {"path": ()}

    def title(self, settings: StdinSettings) -> str:
        """See :class:`SourceKind`."""
        return "standard input"

    def is_typed(self) -> bool:
        """See :class:`SourceKind`."""
        return sys.stdin is not None and sys.stdin.isatty()

    def open(self, settings: StdinSettings, opening: Opening) -> Source:
        """See :class:`SourceKind`."""
        from streamer.sources.stdin.source import StdinSource, check_stdin

        check_stdin()
        if sys.stdin.isatty():
            opening.log.info("reading_terminal", note="type text and end it with Ctrl-D")
        return StdinSource(
            opening.make_splitter(),
            log=opening.log,
            wake_descriptor=opening.wake,
            known=opening.position if settings.stdin_skip_known else None,
        )


KIND = StdinKind()
