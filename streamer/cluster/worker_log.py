"""A worker's log: events in memory until the driver fetches them, to log them in one place."""

from __future__ import annotations

from collections import deque
from typing import Any

MAX_EVENTS = 1000
"""Maximum number in memory; the oldest are dropped."""

Event = tuple[str, str, dict[str, Any]]


class WorkerLog:
    """A log with the methods of :class:`streamer.telemetry.log.Log`."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)

    def take(self) -> tuple[Event, ...]:
        """Remove and return all events."""
        taken = []
        while self._events:
            taken.append(self._events.popleft())
        return tuple(taken)

    def debug(self, event: str, **values: Any) -> None:
        """Log an event of this level."""
        self._events.append(("debug", event, values))

    def info(self, event: str, **values: Any) -> None:
        """Log an event of this level."""
        self._events.append(("info", event, values))

    def warning(self, event: str, **values: Any) -> None:
        """Log an event of this level."""
        self._events.append(("warning", event, values))

    def error(self, event: str, **values: Any) -> None:
        """Log an event of this level."""
        self._events.append(("error", event, values))
