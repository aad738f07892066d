"""From the text of ``--alerts`` to a target."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamer.alerts.targets.base import Target
from streamer.alerts.targets.lines import LinesTarget
from streamer.errors import ConfigurationError

_URL = re.compile(r"[^/]*://|([a-z]+\+)?https?:", re.IGNORECASE)
"""How a URL begins, also one that lacks a slash: it is no file, and its path may be a secret."""


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
    if _URL.match(text):
        from streamer.alerts.targets.webhook import WebhookTarget

        return WebhookTarget(text, log)
    return LinesTarget(text, log)


def check_target(text: str, *, has_kafka: bool) -> None:
    """ConfigurationError if :func:`open_target` would raise it; changes and asks nothing."""
    if text.startswith(("kafka:", "kafka://")):
        from streamer.alerts.targets import kafka

        kafka.parse(text, has_source=has_kafka)
    elif _URL.match(text):
        from streamer.alerts.targets import webhook

        webhook.parse(text)
    elif text != "-":
        path = Path(text)
        writable = path if path.exists() else path.absolute().parent
        if path.is_dir() or not os.access(writable, os.W_OK):
            raise ConfigurationError(f"--alerts {text} cannot be written")
