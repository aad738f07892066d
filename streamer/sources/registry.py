"""The sources, by the name that ``--source`` and manifests have for them: a line for each."""

from __future__ import annotations

from streamer.sources.base import SourceKind
from streamer.sources.file.kind import FileKind
from streamer.sources.kafka.kind import KafkaKind
from streamer.sources.redis.kind import RedisKind
from streamer.sources.stdin.kind import StdinKind

KINDS: dict[str, SourceKind] = {
    "stdin": StdinKind(),
    "file": FileKind(),
    "kafka": KafkaKind(),
    "redis": RedisKind(),
}
