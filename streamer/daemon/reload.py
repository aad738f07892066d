"""SIGHUP: the configuration is read again, and options that can change in a running daemon do.

These are the log level, how often snapshots are written and which are retained. Other changes are
logged as needing a restart; a wrong configuration changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from streamer.config.settings import RunSettings
from streamer.config.types import Interval
from streamer.errors import ConfigurationError
from streamer.telemetry.log import LogLevel
from w2v_online.snapshots.retention import Retention

RELOADABLE = (
    "log_level",
    "snapshot_every",
    "vectors_every",
    "keep",
    "keep_hourly",
    "keep_daily",
    "keep_vectors",
)


class Reload:
    """Applies what ``reread`` returns to a daemon that runs with ``settings``."""

    def __init__(
        self,
        settings: RunSettings,
        reread: Callable[[], RunSettings],
        level: LogLevel,
        log: Any,
    ) -> None:
        self._settings = settings
        self._reread = reread
        self._level = level
        self._log = log

    def apply(self, change: Callable[[Interval, Retention, Interval | None], None]) -> None:
        """Read the configuration again; ``change`` sets schedule and retention."""
        try:
            wanted = self._reread()
        except (ConfigurationError, click.ClickException) as error:
            reason = error.format_message() if isinstance(error, click.ClickException) else error
            self._log.error("reload_failed", reason=str(reason), note="nothing was changed")
            return
        changed = [
            name
            for name in type(self._settings).model_fields
            if getattr(wanted, name) != getattr(self._settings, name)
        ]
        reloaded = {name: getattr(wanted, name) for name in changed if name in RELOADABLE}
        self._settings = self._settings.model_copy(update=reloaded)
        self._level.name = wanted.log_level
        change(wanted.snapshot_every, wanted.retention, wanted.vectors_every)
        self._log.info("reloaded", **{name: str(value) for name, value in reloaded.items()})
        if remaining := [name for name in changed if name not in RELOADABLE]:
            self._log.warning("restart_needed", options=",".join(remaining))
