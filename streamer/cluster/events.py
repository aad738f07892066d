"""A worker's log: kept until the driver comes for it, who writes all of them in one place."""

from __future__ import annotations

from collections import deque
from typing import Any

MAX_EVENTS = 1000
"""Kept at most; the oldest go first."""

Event = tuple[str, str, dict[str, Any]]


class Events:
    """Takes events as structlog's loggers do."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)

    def take(self) -> tuple[Event, ...]:
        """Those since the last call."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return tuple(taken)

    def debug(self, event: str, **values: Any) -> None:
        """Keep one of this level."""
        self._events.append(("debug", event, values))

    def info(self, event: str, **values: Any) -> None:
        """Keep one of this level."""
        self._events.append(("info", event, values))

    def warning(self, event: str, **values: Any) -> None:
        """Keep one of this level."""
        self._events.append(("warning", event, values))

    def error(self, event: str, **values: Any) -> None:
        """Keep one of this level."""
        self._events.append(("error", event, values))
