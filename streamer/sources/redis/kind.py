"""Redis streams among the sources."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any

from streamer.errors import ConfigurationError
from streamer.finding import Finding
from streamer.sources.base import Opening, Source, SourceKind
from streamer.sources.redis import reports
from streamer.sources.redis.settings import RedisSettings


class RedisKind(SourceKind[RedisSettings]):
    """Redis streams, which one process reads."""

    settings = RedisSettings
    noun = "Redis streams"
    given_by = "--redis-stream"
    has_lines = False
    events = reports.EVENTS
    figures = reports.FIGURES

    def is_named(self, values: Mapping[str, Any]) -> bool:
        """See :class:`SourceKind`."""
        return bool(values.get("redis_stream"))

    def title(self, settings: RedisSettings) -> str:
        """See :class:`SourceKind`."""
        return f"Redis ({', '.join(settings.redis_stream)})"

    def endless(self, settings: RedisSettings) -> str:
        """See :class:`SourceKind`."""
        return "a Redis stream has no end"

    def findings(self, settings: RedisSettings, log: Any) -> Iterator[Finding]:
        """See :class:`SourceKind`."""
        _check_installed()
        from streamer.sources.redis.checks import check

        return check(settings)

    def open(self, settings: RedisSettings, opening: Opening) -> Source:
        """See :class:`SourceKind`."""
        _check_installed()
        from streamer.sources.redis.source import RedisSource

        return RedisSource(settings, opening.position, opening.log)


def _check_installed() -> None:
    if importlib.util.find_spec("redis") is None:
        raise ConfigurationError(
            "--redis-stream needs the extra redis: pip install 'w2v-stream[redis]'"
        )


KIND = RedisKind()
