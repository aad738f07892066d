"""Messages that cannot be decoded, kept in a Kafka topic with the reason and where they came from.

Stored at least once: topic, partition and offset in a message's headers tell which are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamer.sources.kafka.producer import StoredMessages
from streamer.sources.kafka.values import NO_SCHEMA, framed
from streamer.text.batch import Origin

SCHEMA = "schema_id"
"""In a message's origin, the schema's id that was before its text."""


class DeadLetters:
    """Sends letters to a topic; ``is_stopping`` tells that the process is about to end."""

    def __init__(
        self,
        consumer_config: dict[str, Any],
        topic: str,
        log: Any,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._messages = StoredMessages(
            consumer_config,
            topic,
            log,
            is_stopping,
            failed="dead_letter_failed",
            waits="dead_letters_wait",
        )

    @property
    def sent(self) -> int:
        """Letters that are stored."""
        return self._messages.sent

    def send(self, value: bytes, origin: Origin, reason: str) -> None:
        """Send a message on as it came, with ``reason`` and its origin as headers."""
        value = framed(value, int(origin.get(SCHEMA, NO_SCHEMA)))
        headers = [(key, str(text).encode()) for key, text in {"reason": reason, **origin}.items()]
        self._messages.send(value, headers=headers)

    def settle(self) -> bool:
        """Wait until all are stored; False if the process stops before."""
        return self._messages.settle()

    def close(self) -> None:
        """Let go of the connection; what is not stored is not covered by a checkpoint either."""
        self._messages.close()
