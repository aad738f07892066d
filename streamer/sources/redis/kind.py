"""Redis streams among the sources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamer.errors import ConfigurationError
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

    def open(self, settings: RedisSettings, opening: Opening) -> Source:
        """See :class:`SourceKind`."""
        try:
            from streamer.sources.redis.source import RedisSource
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                "--redis-stream needs the extra redis: pip install 'w2v-stream[redis]'"
            ) from error
        password = settings.redis_password
        return RedisSource(
            settings.redis_url,
            None if password is None else password.get_secret_value(),
            settings.redis_stream,
            settings.redis_field,
            opening.position,
            opening.log,
        )


KIND = RedisKind()
