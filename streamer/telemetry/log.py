"""The log of a running daemon: one line on stderr for each event, with a stable name.

A module of its own instead of a library, because every start loads it: the libraries for this take
longer to import than a line of text takes to learn.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

import orjson

Event = dict[str, Any]

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_FIRST_KEYS = ("timestamp", "level", "event")


class LogLevel:
    """The minimum log level; may be changed at any time."""

    def __init__(self, name: str) -> None:
        self.name = name

    def admits(self, level: str) -> bool:
        """Whether events of this level are logged."""
        return _LEVELS[level] >= _LEVELS[self.name]


class Log:
    """Writes events of a level and above, each with its fields, in one line."""

    def __init__(
        self, level: LogLevel, render: Callable[[Event], str], write: Callable[[str], None]
    ) -> None:
        self._level = level
        self._render = render
        self._write = write

    def debug(self, event: str, **fields: Any) -> None:
        """Log an event of this level."""
        self._log("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log an event of this level."""
        self._log("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log an event of this level."""
        self._log("warning", event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Log an event of this level."""
        self._log("error", event, fields)

    def _log(self, level: str, event: str, fields: Event) -> None:
        if not self._level.admits(level):
            return
        now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        line = self._render({**fields, "event": event, "level": level, "timestamp": now})
        self._write(f"{line}\n")


def make_log(log_format: str, level: LogLevel, *, is_urgent: bool = False) -> Log:
    """A log on stderr: JSON, or else a sentence on a terminal and ``key=value`` elsewhere.

    One that ``is_urgent`` may be called in a signal handler, whatever that interrupts: it takes no
    lock and writes past a live display.
    """
    render = _as_key_values
    if log_format == "json":
        render = _as_json
    elif sys.stderr.isatty():
        from streamer.telemetry import terminal

        render = terminal.render
    return Log(level, render, _write_now if is_urgent else _Stderr().write)


def _as_json(event: Event) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:  # of a file's name, perhaps, that is no text
        import json

        return json.dumps(event, default=str)


def _as_key_values(event: Event) -> str:
    """Fields in the format that is known as logfmt: a true one is its name alone."""
    first = {key: event[key] for key in _FIRST_KEYS}
    return " ".join(
        key if value is True else f"{key}={_value(value)}"
        for key, value in {**first, **event}.items()
    )


def _value(value: Any) -> str:
    if value is None:
        return ""
    if value is False:
        return "false"
    text = str(value)
    is_quoted = any(character in text for character in ' ="')
    if is_quoted:
        text = text.replace("\\", "\\\\")
    text = text.replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"' if is_quoted else text


class _Stderr:
    """Whatever ``sys.stderr`` is at the moment of writing: a live display puts itself there."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        # A log that cannot be written, as on a full disk, is no reason to stop learning.
        with self._lock, suppress(OSError):
            sys.stderr.write(line)
            sys.stderr.flush()


_CLEAR_LINE = b"\r\x1b[K"


def _write_now(line: str) -> None:
    """Write to standard error without Python's buffer, which a handler may have interrupted."""
    text = line.encode(errors="backslashreplace")
    with suppress(OSError):
        os.write(2, _CLEAR_LINE + text if os.isatty(2) else text)
