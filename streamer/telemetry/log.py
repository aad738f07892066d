"""The log of a running daemon: one line on stderr for each event, with a stable name."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import orjson
import structlog


class LogLevel:
    """The minimum log level; may be changed at any time."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, _logger: Any, method: str, event: Any) -> Any:
        """Drop an event below the level (a processor of structlog)."""
        levels = logging.getLevelNamesMapping()
        if levels[method.upper()] < levels[self.name.upper()]:
            raise structlog.DropEvent
        return event


def make_log(log_format: str, level: LogLevel, *, is_urgent: bool = False) -> Any:
    """A structlog logger that writes one line an event to stderr: JSON, or else a sentence on a
    terminal and ``key=value`` elsewhere.

    One that ``is_urgent`` may be called in a signal handler, whatever that interrupts: it shares no
    lock with others and writes past a live display.
    """
    renderer: Any
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(
            serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
        )
    elif sys.stderr.isatty():
        from streamer.telemetry import terminal

        renderer = terminal.render
    else:
        renderer = structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], drop_missing=True
        )
    return structlog.wrap_logger(
        structlog.PrintLogger(file=_Descriptor() if is_urgent else _Stderr()),  # type: ignore[arg-type]
        processors=[
            level,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )


class _Stderr:
    """Whatever ``sys.stderr`` is at the moment of writing: a live display puts itself there."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class _Descriptor:
    """Standard error without Python's buffer, which a handler may have interrupted."""

    _CLEAR_LINE = b"\r\x1b[K"

    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> None:
        self._text += text

    def flush(self) -> None:
        line, self._text = self._text.encode(), ""
        os.write(2, self._CLEAR_LINE + line if os.isatty(2) else line)
