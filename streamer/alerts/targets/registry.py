"""From the text of ``--alerts`` to a target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from streamer.alerts.targets.base import Target
from streamer.alerts.targets.lines import LinesTarget


def open_target(
    text: str, kafka_config: dict[str, Any], log: Any, is_stopping: Callable[[], bool]
) -> Target:
    """The target that ``text`` names; ConfigurationError if it names none or cannot be opened.

    ``kafka_config`` has the source's connection settings; empty where the source is not Kafka.
    """
    # Imported here: most runs need neither.
    if text.startswith(("kafka:", "kafka://")):
        from streamer.alerts.targets.kafka import KafkaTarget

        return KafkaTarget(text, kafka_config, log, is_stopping)
    if "://" in text:
        from streamer.alerts.targets.webhook import WebhookTarget

        return WebhookTarget(text, log)
    return LinesTarget(text)
