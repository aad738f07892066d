"""Log lines for a person at a terminal: a short time, a sentence, and colour for what is wrong.

The sentences are those of the catalogue of events; elsewhere than on a terminal, lines are for
machines (:mod:`streamer.telemetry.log`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from streamer.controls import shown
from streamer.telemetry.events import COMMON, EVENTS

_COLOURS = {"warning": "\x1b[33m", "error": "\x1b[1;31m"}
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


def render(event: Mapping[str, Any]) -> str:
    """One event as a line."""
    level = str(event.get("level", "info"))
    text = shown(_sentence(event))
    clock = time.strftime("%H:%M:%S")
    if "NO_COLOR" in os.environ:
        prefix = f"{level}: " if level in _COLOURS else ""
        return f"{clock}  {prefix}{text}"
    return f"{_DIM}{clock}{_PLAIN}  {_COLOURS.get(level, '')}{text}{_PLAIN}"


def _sentence(event: Mapping[str, Any]) -> str:
    name = str(event.get("event", ""))
    known = EVENTS.get(name)
    try:
        if known is not None:
            return known.sentence(event)
    except (TypeError, ValueError):
        pass  # a field is of another type than the sentence expects: all of them, then
    fields = [f"{key} {value}" for key, value in event.items() if key not in COMMON]
    return ", ".join([name.replace("_", " "), *fields])
