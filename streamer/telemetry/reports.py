"""What sources report, by their names: events of the log, and figures, which are metrics, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import Metric

from streamer.catalog import Family
from streamer.sources.registry import KINDS
from streamer.telemetry.families import one

EVENTS = {name: kind.events for name, kind in KINDS.items() if kind.events}
FIGURES = {name: kind.figures for name, kind in KINDS.items() if kind.figures}


def metric_of(figure: Family) -> Family:
    """The metric of a source's figure."""
    name = f"source_{figure.name.removeprefix('source_')}"
    return Family(name, figure.kind, figure.help, figure.labels)


def read(source: str, values: Mapping[str, float]) -> Iterator[Metric]:
    """The metrics of a source's figures, for a scrape."""
    declared = {figure.name: figure for figure in FIGURES.get(source, ())}
    for name, value in values.items():
        yield one(metric_of(declared[name]), value)
