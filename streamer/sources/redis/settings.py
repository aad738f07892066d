"""Options of Redis streams as a source."""

from __future__ import annotations

import re
from urllib.parse import unquote

from pydantic import Field, SecretStr, model_validator

from streamer.config.fields import section
from streamer.config.types import Values
from streamer.sources.settings import SourceSettings

_PASSWORD = re.compile("//[^?]*:[^?]*@|//[^/]*:[^/]*@")
"""Before the host, also with signs that should be written as %XX."""

_PARAMETER = re.compile("[?&](ssl_)?password=", re.IGNORECASE)


class RedisSettings(SourceSettings):
    """The server, its streams, and the field that holds the text."""

    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="Redis server to read from; rediss:// for TLS.",
        json_schema_extra=section("redis", "URL"),
    )
    redis_password: SecretStr | None = Field(
        None,
        description="Password for Redis; only from the environment or the configuration file.",
        json_schema_extra=section("redis", "SECRET"),
    )
    redis_stream: Values = Field(
        (),
        description="Redis stream to read; comma-separated or repeated.",
        json_schema_extra=section("redis", "STREAM"),
    )
    redis_field: str = Field(
        "message",
        description="Field of a stream's entries that holds the text.",
        json_schema_extra=section("redis", "FIELD"),
    )

    @model_validator(mode="after")
    def _check_redis(self) -> RedisSettings:
        if self.source == "redis" and not self.redis_stream:
            raise ValueError("Redis needs a stream to read: add --redis-stream STREAM")
        if _PASSWORD.search(self.redis_url) or _PARAMETER.search(unquote(self.redis_url)):
            raise ValueError(
                "--redis-url must hold no password, which every user of this machine could see: "
                "set W2V_STREAM_REDIS_PASSWORD"
            )
        if not re.match("(redis|rediss|unix)://", self.redis_url):
            raise ValueError("--redis-url must begin with redis://, rediss:// or unix://")
        return self
