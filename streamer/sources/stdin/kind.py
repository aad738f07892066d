"""Standard input among the sources."""

from __future__ import annotations

import sys
from typing import Any

from streamer.config.settings import RunSettings
from streamer.sources.base import Share, Source, SourceKind
from streamer.sources.splitting import make_splitter
from streamer.sources.stdin import reports
from streamer.sources.stdin.source import StdinSource, check_stdin


class StdinKind(SourceKind):
    """Standard input, which cannot be shared."""

    events = reports.EVENTS

    def title(self, settings: RunSettings) -> str:
        """See :class:`SourceKind`."""
        return "standard input"

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
        check_stdin()
        if sys.stdin.isatty():
            log.info("reading_terminal", note="type text and end it with Ctrl-D")
        return StdinSource(
            make_splitter(settings),
            log=log,
            wake_descriptor=wake,
            known=position if settings.stdin_skip_known else None,
        )
