"""The daemon's figures for Prometheus, read from its parts whenever someone scrapes.

Nothing is counted here, and training does nothing for it. Counters begin at zero with every
process (see :mod:`streamer.telemetry.counters`); what the model is made of is a gauge. Called in
the HTTP server's thread: each figure is true for a moment, all together need not be for the same
one.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamer.problems import PROBLEMS
from streamer.telemetry.health import Health
from w2v_online import __version__

if TYPE_CHECKING:
    from streamer.checkpoints.written import Written
    from streamer.config.settings import Interval
    from streamer.telemetry.counters import Counters
    from streamer.telemetry.view import Parts

Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)

PREFIX = "w2v_stream_"

RATE_ROWS = 10_000
"""Rows whose learning rates are looked at, evenly spread over the vocabulary."""

_PERCENTILES = (0, 10, 50, 90, 100)


def make_registry(health: Health) -> CollectorRegistry:
    """A registry with the figures of the process; those of the daemon join when it has parts."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # series that nobody asked for
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Start(health))
    return registry


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    """A figure that rises and falls."""
    return GaugeMetricFamily(PREFIX + name, text, value)


def counter(name: str, text: str, value: float) -> CounterMetricFamily:
    """A figure that only grows."""
    return CounterMetricFamily(PREFIX + name, text, value)


class _Start(Collector):
    """What is known before there is a learner."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Ready, and what was built."""
        found = self._health.problems()
        yield gauge("ready", "1 if the daemon is ready, as /readyz says.", not found)
        problems = GaugeMetricFamily(
            PREFIX + "problem", "1 if this is why the daemon is not ready.", labels=["problem"]
        )
        for problem in PROBLEMS:
            problems.add_metric([problem.name], problem in found)
        yield problems
        build = GaugeMetricFamily(
            PREFIX + "build_info", "What runs, in labels.", labels=["version", "python"]
        )
        build.add_metric([__version__, platform.python_version()], 1)
        yield build


class DaemonMetrics(Collector):
    """The figures of a daemon's parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._totals_before = parts.learner.totals()

    def collect(self) -> Iterator[Metric]:
        """All of them, now."""
        yield from learned(self._parts.counters)
        yield from self._errors()
        yield from self._model()
        c = self._parts.checkpointer
        yield from snapshots(c.written, c.unsaved_seconds(), c.every)
        yield counter("vectors_snapshots", "Snapshots of vectors alone written.",
                       c.vectors_snapshots)  # fmt: skip
        source = self._parts.source
        yield from read(source.name, source.figures())

    def _errors(self) -> Iterator[Metric]:
        totals = self._parts.learner.totals()
        errors = CounterMetricFamily(
            PREFIX + "errors", "What could not be learned as it came, by kind.", labels=["kind"]
        )
        errors.add_metric(["invalid_record"], self._parts.invalid_records)
        errors.add_metric(["failed_tokenizer"], self._parts.tokenizer.failed_records)
        errors.add_metric(["long_token"], self._since(totals, "dropped_tokens"))
        yield errors
        yield counter("evicted_words", "Words whose row went to another.",
                       self._since(totals, "evicted_words"))  # fmt: skip
        yield counter("forgotten_candidates", "Words forgotten before they had a vector.",
                       self._since(totals, "forgotten_candidates"))  # fmt: skip

    def _since(self, totals: dict[str, int], name: str) -> int:
        return totals[name] - self._totals_before[name]

    def _model(self) -> Iterator[Metric]:
        learner = self._parts.learner
        totals = learner.totals()
        yield from model(totals["words"], totals["vocabulary"], learner.config.max_vocab_size)
        yield gauge("candidate_words", "Words counted that have none yet.", totals["candidates"])
        yield gauge("memory_ceiling_bytes", "Most memory the learner can take.",
                     learner.max_bytes)  # fmt: skip
        yield gauge("queued_batches", "Batches waiting for training threads.",
                     learner.queued_batches)  # fmt: skip
        rates = GaugeMetricFamily(
            PREFIX + "learning_rate", "Learning rates of rows: percentiles over the vocabulary.",
            labels=["matrix", "percentile"],
        )  # fmt: skip
        step = 1 + len(learner.vocabulary) // RATE_ROWS
        for matrix, values in zip(("input", "output"), learner.learning_rates(step), strict=True):
            if len(values):
                found = np.percentile(values, _PERCENTILES)
                for percentile, value in zip(_PERCENTILES, found, strict=True):
                    rates.add_metric([matrix, str(percentile)], float(value))
        yield rates


def learned(c: Counters) -> Iterator[Metric]:
    """What was learned since the start."""
    sums = c.sums
    yield counter("read_bytes", "Bytes of text taken from the source.", c.bytes)
    yield counter("records", "Records learned.", sums.records)
    yield counter("words", "Words read.", sums.words)
    yield counter("trained_words", "Words trained: in the vocabulary and sampled.",
                   sums.trained_words)  # fmt: skip
    yield counter("replayed_pairs", "Pairs of past text trained again.", sums.replayed_pairs)
    yield _by_kind(
        c, CounterMetricFamily, "pairs", "Pairs trained: words that stood together, and noise.",
        sums.positive_pairs, sums.negative_pairs,
    )  # fmt: skip
    yield _by_kind(
        c, CounterMetricFamily, "loss", "Sum of -log p of pairs; its rate by theirs is the mean.",
        sums.positive_loss, sums.negative_loss,
    )  # fmt: skip
    yield _by_kind(
        c, GaugeMetricFamily, "recent_loss", "Mean loss of a pair over 200,000 words or so.",
        c.loss_per_positive, c.loss_per_negative,
    )  # fmt: skip
    if c.loss_name == "hs":
        yield counter("nodes", "Inner nodes of the tree that pairs met.", sums.negative_pairs)


def model(words: int, vocabulary: int, vocabulary_limit: int) -> Iterator[Metric]:
    """What the model is made of."""
    yield gauge("model_words", "Words the model has learned, by all processes.", words)
    yield gauge("vocabulary_words", "Words that have a vector.", vocabulary)
    yield gauge("vocabulary_limit_words", "Most words that can have one.", vocabulary_limit)


def snapshots(written: Written, unsaved_seconds: float, every: Interval) -> Iterator[Metric]:
    """What was written, and how much is not yet."""
    yield counter("snapshots", "Snapshots written that learning can go on from.", written.snapshots)
    yield counter("snapshot_failures", "Snapshots that could not be written.", written.failures)
    yield gauge("snapshot_age_seconds",
                 "Since what is learned was last safe: written, or nothing new to write.",
                 unsaved_seconds)  # fmt: skip
    yield gauge("snapshot_interval_seconds", "How often one is due; 0 if it goes by words.",
                 every.seconds or 0)  # fmt: skip
    yield gauge("snapshot_duration_seconds", "The last one: time to write.", written.seconds)
    yield gauge("snapshot_pause_seconds", "The last one: time that its learner stood still.",
                 written.pause_seconds)  # fmt: skip
    yield gauge("snapshot_size_bytes", "The last one: size of its files.", written.bytes)


def read(source: str, figures: dict[str, float]) -> Iterator[Metric]:
    """A source's own figures: those that only grow are counters, lags and fills gauges."""
    for name, value in figures.items():
        text = f"Source {source}: {name.replace('_', ' ')}."
        metric = f"source_{name.removeprefix('source_')}"
        family = gauge if name.startswith(("lag_", "buffered_", "stalled_")) else counter
        yield family(metric, text, value)


def _by_kind(
    c: Counters, family: type[Family], name: str, text: str, positive: float, negative: float
) -> Family:
    """A figure of positive pairs, and of negative ones if the loss knows them."""
    metric = family(PREFIX + name, text, labels=["kind"])
    metric.add_metric(["positive"], positive)
    if c.has_negatives:
        metric.add_metric(["negative"], negative)
    return metric
