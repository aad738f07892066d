"""Logs that daemons of a test have left, held against the catalogue of events."""

from __future__ import annotations

import re
from pathlib import Path

from streamer.config.settings import RunSettings
from streamer.telemetry.events import COMMON, EVENTS
from streamer.telemetry.reports import FIGURES

_LINE = re.compile(r"timestamp=\S+ level=(\w+) event=(\w+)(.*)")
_FIELD = re.compile(r'(\w+)=(?:"(?:[^"\\]|\\.)*"|\S*)')
_LEVELS = ("debug", "info", "warning", "error")

_FIGURES = {figure.name for figures in FIGURES.values() for figure in figures}
_CLUSTER = {"epoch", "sent_bytes", "received_bytes", "staleness_seconds"}
"""What a cluster's driver adds to the figures of sources."""


def check(folder: Path) -> None:
    """AssertionError if a log below a folder has an event, a level or a field of its own."""
    for file in folder.rglob("log*"):
        if file.is_file():
            for line in file.read_text(errors="replace").splitlines():
                if found := _LINE.match(line):
                    _check(found[1], found[2], _FIELD.findall(found[3]))


def _check(level: str, name: str, fields: list[str]) -> None:
    assert name in EVENTS, f"{name} is not in the catalogue of events"
    event = EVENTS[name]
    assert _LEVELS.index(level) <= _LEVELS.index(event.level), f"{name} has level {level}"
    known = {*event.fields, *COMMON}
    if event.has_figures:
        known |= _FIGURES | _CLUSTER
    if event.has_options:
        known |= set(RunSettings.model_fields)
    assert set(fields) <= known, f"{name}: {set(fields) - known}"
