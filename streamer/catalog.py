"""What a daemon promises to report under stable names: events of its log, and metrics.

Declared once, in :mod:`streamer.telemetry.events`, :mod:`streamer.telemetry.families` and, for what
a source adds, in the source's own ``reports.py``. The log and the metrics are made from these
declarations, and so is the reference in ``docs/reference``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True)
class Event:
    """A line of the log."""

    name: str
    level: Level
    """The highest that it has."""
    text: str
    """What it says to a person, in a sentence; ``{field}`` stands for a field's value."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What each field holds, with its unit; a field may be missing where that makes sense."""
    has_figures: bool = False
    """Whether it has the source's figures as fields, too."""
    has_options: bool = False
    """Whether its fields are options."""

    def sentence(self, values: Mapping[str, Any]) -> str:
        """The text with the values of one occurrence; a missing value is a question mark."""
        return self.text.format_map(_Values(values))


class _Values(dict[str, Any]):
    def __missing__(self, key: str) -> _Unknown:
        return _Unknown()


class _Unknown:
    def __format__(self, spec: str) -> str:
        return "?"


@dataclass(frozen=True)
class Family:
    """A metric, without the prefix that all have; of a source: a figure of it, under its name."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """What each label tells apart."""
