"""Messages that must be stored: sent by an idempotent producer, sent again until they are.

At least once: a checkpoint is only taken when all messages before it are stored, and after a crash
those since the last checkpoint are sent again. One that is longer than the topic takes can never be
stored: it is sent without its value if headers say what it is, and is left out otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from streamer.sources.kafka.config import for_client

MAX_WAITING = 1000
"""Messages sent and not confirmed yet; more wait for these."""

SEND_SECONDS = 10.0
"""Longest wait for one answer of a broker."""

MAX_REQUEST_BYTES = 16 << 20
"""Most bytes of a message that is sent; brokers and topics say what they take."""

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)

_BACKOFF_SECONDS = (0.5, 10.0)

Headers = list[tuple[str, bytes]]


class StoredMessages:
    """Sends messages to a topic; ``is_stopping`` tells that the process is about to end.

    ``failed`` and ``waits`` name the log's events for a message that could not be sent and for a
    broker that does not store them.
    """

    def __init__(
        self,
        consumer_config: dict[str, Any],
        topic: str,
        log: Any,
        is_stopping: Callable[[], bool],
        *,
        failed: str,
        waits: str,
    ) -> None:
        milliseconds = int(1000 * SEND_SECONDS)
        self._config = {
            **for_client(KafkaProducer, consumer_config),
            "acks": "all",
            "linger_ms": 5,
            "max_request_size": MAX_REQUEST_BYTES,
            "max_block_ms": milliseconds,
            "request_timeout_ms": milliseconds,
            "delivery_timeout_ms": 2 * milliseconds,
        }
        self._producer: Any = None
        self._topic = topic
        self._log = log
        self._is_stopping = is_stopping
        self._failed_event = failed
        self._waits_event = waits
        self._waiting: list[tuple[bytes, bytes | None, Headers, Any]] = []
        self._blocked: KafkaError | None = None  # why messages cannot even be queued
        self.sent = 0
        """Messages that are stored."""
        self.dropped = 0
        """Messages that were left out, because they were too long."""

    def send(
        self, value: bytes, *, key: bytes | None = None, headers: Headers | None = None
    ) -> None:
        """Send a message; waits for earlier ones when too many are on their way."""
        headers = headers or []
        self._waiting.append((value, key, headers, self._try_to_send(value, key, headers)))
        if len(self._waiting) >= MAX_WAITING:
            self.settle()

    def _opened(self) -> KafkaError | None:
        """Have a producer; why there is none, if brokers cannot be reached."""
        if self._producer is None:
            try:
                self._producer = KafkaProducer(**self._config)
            except KafkaError as error:
                self._failed(error)
                return error
        return None

    def _try_to_send(self, value: bytes, key: bytes | None, headers: Headers) -> Any:
        """The future of a message, or why it could not even be queued.

        That may take :data:`SEND_SECONDS`, so after one that could not the next ones only wait
        for :meth:`settle`, which tries again and can be stopped.
        """
        if self._blocked is None:
            self._blocked = self._opened()
        if self._blocked is not None:
            return self._blocked
        try:
            return self._producer.send(self._topic, value=value, key=key, headers=headers)
        except KafkaError as error:
            self._failed(error)
            if not isinstance(error, _TOO_LARGE):
                self._blocked = error
            return error

    def _failed(self, error: KafkaError) -> None:
        self._log.warning(self._failed_event, topic=self._topic, reason=_reason(error))

    def settle(self) -> bool:
        """Wait until all are stored, sending again what failed.

        False if the process is stopping and they are not: the checkpoint must not pass them.
        """
        pause = _BACKOFF_SECONDS[0]
        while error := self._take_out_stored():
            self._log.error(
                self._waits_event,
                topic=self._topic,
                messages=len(self._waiting),
                reason=error,
                retry_seconds=pause,
            )
            if self._pause(pause):
                return False
            pause = min(2 * pause, _BACKOFF_SECONDS[1])
            self._send_again()
        return True

    def _take_out_stored(self) -> str | None:
        """Wait for all messages sent; keep those that failed and return why one did."""
        failed, reason = [], None
        for value, key, headers, future in self._waiting:
            error = _outcome(future)
            if error is None:
                self.sent += 1
            else:
                failed.append((value, key, headers, error))
                reason = _reason(error)
        self._waiting = failed
        return reason

    def _send_again(self) -> None:
        """Send what failed, by a new producer: after some errors one stores nothing any more.

        If a message was too long, then all behind it failed like it: one after the other is sent,
        to see which it was.
        """
        self.close()
        is_searching = any(isinstance(error, _TOO_LARGE) for *_, error in self._waiting)
        again = []
        for value, key, headers, _ in self._waiting:
            future = self._try_to_send(value, key, headers)
            error = _outcome(future) if is_searching else None
            if isinstance(error, _TOO_LARGE):
                self.close()
                if not headers or not value:
                    self.dropped += 1
                    self._failed(error)
                    continue
                value = b""
                future = self._try_to_send(value, key, headers)
            elif error is not None:
                is_searching = False
            again.append((value, key, headers, future))
        self._waiting = again

    def _pause(self, seconds: float) -> bool:
        """Wait; whether the process is to stop instead of trying again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._is_stopping():
            time.sleep(0.05)
        return self._is_stopping()

    def close(self) -> None:
        """Let go of the connection; what is not stored is not covered by a checkpoint either."""
        producer, self._producer, self._blocked = self._producer, None, None
        if producer is not None:
            producer.close(timeout=1)


def _outcome(future: Any) -> KafkaError | None:
    """Wait for what became of a message: None if it is stored."""
    if isinstance(future, KafkaError):
        return future
    try:
        future.get(timeout=3 * SEND_SECONDS)
    except KafkaError as error:
        return error
    return None


def _reason(error: KafkaError) -> str:
    reason = str(error) or type(error).__name__
    return f"{reason} Does the topic exist?" if "update metadata" in reason else reason
