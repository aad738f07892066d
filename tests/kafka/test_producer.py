"""Messages that must be stored, while they cannot be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from kafka.errors import KafkaTimeoutError

from streamer.cluster.worker_log import WorkerLog
from streamer.sources.kafka import producer
from streamer.sources.kafka.producer import StoredMessages


class _Producer:
    """A producer to a topic that does not exist until it is made."""

    DEFAULT_CONFIG: ClassVar[dict[str, Any]] = {}
    has_topic = False
    attempts = 0
    stored: ClassVar[list[bytes]] = []

    def __init__(self, **_config: object) -> None: ...

    def send(self, _topic: str, *, value: bytes, **_options: object) -> Any:
        """In the real one, each attempt without a topic takes ten seconds."""
        type(self).attempts += 1
        if not self.has_topic:
            raise KafkaTimeoutError("Failed to update metadata after 10.0 secs.")
        self.stored.append(value)
        return SimpleNamespace(get=lambda timeout: None)

    def close(self, **_options: object) -> None: ...


def test_a_topic_that_does_not_exist_is_waited_for_once_not_by_each_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a daemon with many bad messages goes on learning, and can be stopped."""
    monkeypatch.setattr(producer, "KafkaProducer", _Producer)
    log, is_stopping = WorkerLog(), True
    messages = StoredMessages(
        {}, "letters", log, lambda: is_stopping, failed="failed", waits="waits"
    )
    values = [b"%d" % i for i in range(500)]
    for value in values:
        messages.send(value)
    assert _Producer.attempts == 1
    assert not messages.settle()
    (_, _, said), *_ = log.take()
    assert said["reason"].endswith("Does the topic exist?")
    is_stopping = False
    monkeypatch.setattr(producer, "_BACKOFF_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(messages, "_pause", lambda _: setattr(
        _Producer, "has_topic", _Producer.attempts > 2
    ))  # fmt: skip
    assert messages.settle()
    assert _Producer.attempts == 3 + len(values)
    assert (_Producer.stored, messages.sent) == (values, 500)
