"""Alerts as messages of a Kafka topic: the key is the alert's id, the value its JSON.

The producer is idempotent, and a checkpoint waits until all alerts before it are stored. After a
crash the alerts since the last checkpoint are sent again with the same key, so a compacted topic,
or a consumer that goes by the key, has each exactly once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamer.alerts.alert import Alert
from streamer.errors import ConfigurationError
from streamer.sources.kafka.producer import StoredMessages


class KafkaTarget:
    """``kafka://HOST:PORT[,HOST:PORT...]/TOPIC``, or ``kafka:TOPIC`` on the source's brokers."""

    def __init__(
        self, url: str, source_config: dict[str, Any], log: Any, is_stopping: Callable[[], bool]
    ) -> None:
        servers, topic = parse(url, has_source=bool(source_config.get("bootstrap_servers")))
        config = dict(source_config)
        if servers:
            config["bootstrap_servers"] = servers
        self.name = f"kafka:{topic}"
        self._messages = StoredMessages(
            config, topic, log, is_stopping, failed="alerts_failed", waits="alerts_wait"
        )

    @property
    def sent(self) -> int:
        """Alerts that are stored."""
        return self._messages.sent

    @property
    def dropped(self) -> int:
        """Alerts that were longer than the topic takes."""
        return self._messages.dropped

    def send(self, alert: Alert) -> None:
        """Send an alert on its way."""
        self._messages.send(alert.as_json(), key=alert.id.encode())

    def settle(self) -> bool:
        """Wait until all alerts are stored; False if the process stops before."""
        return self._messages.settle()

    def state(self) -> dict[str, Any]:
        """Nothing: alerts have ids."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing: alerts have ids."""

    def close(self) -> None:
        """Let go of the connection."""
        self._messages.close()


def parse(url: str, *, has_source: bool) -> tuple[list[str], str]:
    """Brokers (none: those of the source) and topic; ConfigurationError."""
    if url.startswith("kafka://"):
        hosts, _, topic = url.removeprefix("kafka://").partition("/")
        servers = [host for host in hosts.split(",") if host]
    else:
        servers, topic = [], url.removeprefix("kafka:")
    if not topic or "/" in topic:
        raise ConfigurationError(f"--alerts {url}: write kafka://HOST:PORT/TOPIC or kafka:TOPIC")
    if not servers and not has_source:
        raise ConfigurationError(f"--alerts {url} names no broker: write kafka://HOST:PORT/TOPIC")
    return servers, topic
