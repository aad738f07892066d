"""SIGHUP: the configuration is read again, and what can change in a running daemon changes.

That is the log's level, how often snapshots are written and which stay. Everything else is said to
need a restart, and a configuration that is wrong changes nothing.
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
    """Brings a daemon with ``settings`` in line with what ``reread`` gives."""

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
        """Read again and change what can be changed: schedule and retention by ``change``."""
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
