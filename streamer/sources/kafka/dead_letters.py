"""Messages that cannot be decoded, kept in a Kafka topic with the reason and where they came from.

At least once: a checkpoint is only taken when all letters before it are stored, and after a crash
those since the last checkpoint are sent again; topic, partition and offset tell which are the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from streamer.text.batch import Origin

MAX_WAITING = 1000
"""Letters sent and not confirmed yet; more wait for these."""

SEND_SECONDS = 10.0
"""Longest wait for one answer of a broker."""

_BACKOFF_SECONDS = (0.5, 10.0)


class DeadLetters:
    """Sends letters to a topic; ``is_stopping`` tells that the process is about to end."""

    def __init__(
        self,
        consumer_config: dict[str, Any],
        topic: str,
        log: Any,
        is_stopping: Callable[[], bool],
    ) -> None:
        milliseconds = int(1000 * SEND_SECONDS)
        known = KafkaProducer.DEFAULT_CONFIG
        self._config = {
            **{key: value for key, value in consumer_config.items() if key in known},
            "acks": "all",
            "linger_ms": 5,
            "max_block_ms": milliseconds,
            "request_timeout_ms": milliseconds,
            "delivery_timeout_ms": 2 * milliseconds,
        }
        self._producer: Any = None
        self._topic = topic
        self._log = log
        self._is_stopping = is_stopping
        self._waiting: list[tuple[bytes, list[tuple[str, bytes]], Any]] = []
        self.sent = 0
        """Letters that are stored."""

    def send(self, value: bytes, origin: Origin, reason: str) -> None:
        """Send a message on, with ``reason`` and its origin as headers."""
        headers = [(key, str(text).encode()) for key, text in {"reason": reason, **origin}.items()]
        self._waiting.append((value, headers, self._try_to_send(value, headers)))
        if len(self._waiting) >= MAX_WAITING:
            self.settle()

    def _try_to_send(self, value: bytes, headers: list[tuple[str, bytes]]) -> Any:
        """The future of a letter, None if it could not even be queued."""
        try:
            if self._producer is None:
                self._producer = KafkaProducer(**self._config)
            return self._producer.send(self._topic, value=value, headers=headers)
        except KafkaError as error:
            self._log.warning("dead_letter_failed", topic=self._topic, reason=str(error))
            return None

    def settle(self) -> bool:
        """Wait until all are stored, sending again what failed.

        False if the process is stopping and they are not: the checkpoint must not pass them.
        """
        pause = _BACKOFF_SECONDS[0]
        while error := self._take_out_stored():
            self._log.error(
                "dead_letters_wait",
                topic=self._topic,
                letters=len(self._waiting),
                reason=error,
                retry_seconds=pause,
            )
            if self._pause(pause):
                return False
            pause = min(2 * pause, _BACKOFF_SECONDS[1])
            self._waiting = [
                (value, headers, self._try_to_send(value, headers))
                for value, headers, _ in self._waiting
            ]
        return True

    def _take_out_stored(self) -> str | None:
        """Wait for all letters sent; keep those that failed and return why one did."""
        failed, reason = [], None
        for value, headers, future in self._waiting:
            try:
                if future is None:
                    raise KafkaError("it could not be sent")
                future.get(timeout=3 * SEND_SECONDS)
                self.sent += 1
            except KafkaError as error:
                failed.append((value, headers, None))
                reason = str(error) or type(error).__name__
        self._waiting = failed
        return reason

    def _pause(self, seconds: float) -> bool:
        """Wait; whether the process is to stop instead of trying again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._is_stopping():
            time.sleep(0.05)
        return self._is_stopping()

    def close(self) -> None:
        """Let go of the connection; what is not stored is not covered by a checkpoint either."""
        if self._producer is not None:
            self._producer.close(timeout=1)
