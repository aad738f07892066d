"""What a start would meet at Redis: an answer, credentials, the streams."""

from __future__ import annotations

from collections.abc import Iterator

from redis.exceptions import RedisError

from streamer.finding import Finding
from streamer.sources.redis.settings import RedisSettings
from streamer.sources.redis.source import connect


def check(settings: RedisSettings) -> Iterator[Finding]:
    """Address, credentials and streams. Raises ConfigurationError."""
    client = connect(settings)
    try:
        client.ping()
        yield Finding("ok", "redis", f"{settings.redis_url} answers")
        for stream in settings.redis_stream:
            if client.type(stream) == b"stream":
                entries = f"{client.xlen(stream):,} entries"
                yield Finding("ok", "redis-stream", f"stream {stream} has {entries}")
            elif client.exists(stream):
                yield Finding("failure", "redis-stream", f"{stream} is no stream")
            else:
                told = f"stream {stream} does not exist yet; run waits for it"
                yield Finding("warning", "redis-stream", told)
    except RedisError as error:
        yield Finding("failure", "redis", f"{settings.redis_url}: {error}")
    finally:
        client.close()
