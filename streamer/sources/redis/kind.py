"""Redis streams among the sources."""

from __future__ import annotations

from typing import Any

from streamer.config.settings import RunSettings
from streamer.errors import ConfigurationError
from streamer.sources.base import Share, Source, SourceKind
from streamer.sources.redis import reports


class RedisKind(SourceKind):
    """Redis streams, which one process reads."""

    events = reports.EVENTS
    figures = reports.FIGURES

    def title(self, settings: RunSettings) -> str:
        """See :class:`SourceKind`."""
        return f"Redis ({', '.join(settings.redis_stream)})"

    def is_endless(self, settings: RunSettings) -> bool:
        """See :class:`SourceKind`."""
        return True

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
            position,
            log,
        )
