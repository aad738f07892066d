"""The daemon's figures for Prometheus, read from its parts at each scrape.

Nothing is counted here, and training does nothing for it; what each metric means is declared in
:mod:`streamer.telemetry.families`. Called in the HTTP server's thread: each figure is true for a
moment, but not necessarily the same one for all.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from streamer.controls import shown
from streamer.problems import PROBLEMS
from streamer.telemetry.families import each, one
from streamer.telemetry.health import Health
from streamer.telemetry.reports import read
from w2v_online import __version__

if TYPE_CHECKING:
    from streamer.alerts.alerts import Alerts
    from streamer.checkpoints.written import Written
    from streamer.config.types import Interval
    from streamer.telemetry.counters import Counters
    from streamer.telemetry.parts import Parts

RATE_ROWS = 10_000
"""Rows whose learning rates are sampled, evenly spread over the vocabulary."""

_PERCENTILES = (0, 10, 50, 90, 100)


def make_registry(health: Health) -> CollectorRegistry:
    """A registry with the figures of the process; those of the daemon join when it has parts."""
    disable_created_metrics()  # type: ignore[no-untyped-call] # series of no use
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Start(health))
    return registry


class _Start(Collector):
    """Metrics that exist before there is a learner."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Readiness, and the versions."""
        found = self._health.problems()
        yield one("ready", not found)
        yield each("problem", {problem.name: problem in found for problem in PROBLEMS})
        yield each("build_info", {(__version__, platform.python_version()): 1})


def alerts(told: Alerts) -> Iterator[Metric]:
    """The metrics of ``--alerts``."""
    yield one("scored_records", told.scored)
    yield each("surprise_nats", {f"{p:g}": value for p, value in told.surprises().items()})
    yield one("unexpected_records", told.raised)
    yield each(
        "alerts_suppressed",
        {"kind": told.suppressed, "limit": told.limited, "muted": told.muted},
    )
    sent: Counter[str | tuple[str, ...]] = Counter()
    dropped: Counter[str | tuple[str, ...]] = Counter()
    for target in told.targets:  # of two webhooks on one host the paths are secrets
        name = shown(target.name)  # of a file it may be no text
        sent[name] += target.sent
        dropped[name] += target.dropped
    yield each("alerts_sent", sent)
    yield each("alerts_dropped", dropped)


class DaemonMetrics(Collector):
    """The metrics of a daemon's parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._totals_before = parts.learner.totals()

    def collect(self) -> Iterator[Metric]:
        """All of them, as they are now."""
        yield from learned(self._parts.counters)
        yield from self._errors()
        yield from self._model()
        c = self._parts.checkpointer
        yield from snapshots(c.written, c.unsaved_seconds(), c.every)
        yield one("vectors_snapshots", c.vectors_snapshots)
        if c.changing.words is not None:
            yield one("changing_words", c.changing.words)
        if (annealer := self._parts.annealer) is not None:
            yield one("annealed_snapshots", annealer.written)
            yield one("annealing_failures", annealer.failures)
        source = self._parts.source
        yield from read(source.name, source.figures())
        if self._parts.grouper is not None:
            yield one("open_groups", len(self._parts.grouper))
        if self._parts.watching is not None:
            yield from alerts(self._parts.watching.alerts)

    def _errors(self) -> Iterator[Metric]:
        totals = self._parts.learner.totals()
        yield each(
            "errors",
            {
                "invalid_record": self._parts.invalid_records,
                "failed_tokenizer": self._parts.tokenizer.failed_records,
                "long_token": self._since(totals, "dropped_tokens"),
            },
        )
        for name in ("evicted_words", "forgotten_candidates"):
            yield one(name, self._since(totals, name))

    def _since(self, totals: dict[str, int], name: str) -> int:
        return totals[name] - self._totals_before[name]

    def _model(self) -> Iterator[Metric]:
        learner = self._parts.learner
        totals = learner.totals()
        yield from model(totals["words"], totals["vocabulary"], learner.config.max_vocab_size)
        yield one("candidate_words", totals["candidates"])
        yield one("memory_ceiling_bytes", learner.max_bytes)
        yield one("queued_batches", learner.queued_batches)
        step = 1 + len(learner.vocabulary) // RATE_ROWS
        rates: dict[str | tuple[str, ...], float] = {}
        for matrix, values in zip(("input", "output"), learner.learning_rates(step), strict=True):
            if len(values):
                found = np.percentile(values, _PERCENTILES)
                for percentile, value in zip(_PERCENTILES, found, strict=True):
                    rates[matrix, str(percentile)] = float(value)
        yield each("learning_rate", rates)


def learned(c: Counters) -> Iterator[Metric]:
    """What was learned since the start."""
    sums = c.sums
    yield one("read_bytes", c.bytes)
    yield one("records", sums.records)
    yield one("words", sums.words)
    yield one("trained_words", sums.trained_words)
    yield one("replayed_pairs", sums.replayed_pairs)
    yield _by_kind(c, "pairs", sums.positive_pairs, sums.negative_pairs)
    yield _by_kind(c, "loss", sums.positive_loss, sums.negative_loss)
    yield _by_kind(c, "recent_loss", c.loss_per_positive, c.loss_per_negative)
    for name in c.figures.counters:
        yield one(name, getattr(sums, name))


def model(words: int, vocabulary: int, vocabulary_limit: int) -> Iterator[Metric]:
    """What the model is made of."""
    yield one("model_words", words)
    yield one("vocabulary_words", vocabulary)
    yield one("vocabulary_limit_words", vocabulary_limit)


def snapshots(written: Written, unsaved_seconds: float, every: Interval) -> Iterator[Metric]:
    """What was written, and how much is not yet."""
    yield one("snapshots", written.snapshots)
    yield one("snapshot_failures", written.failures)
    yield one("snapshot_age_seconds", unsaved_seconds)
    yield one("snapshot_interval_seconds", every.seconds or 0)
    yield one("snapshot_duration_seconds", written.seconds)
    yield one("snapshot_pause_seconds", written.pause_seconds)
    yield one("snapshot_size_bytes", written.bytes)


def _by_kind(c: Counters, name: str, positive: float, negative: float) -> Metric:
    """A figure of positive pairs, and of negative ones if the loss knows them."""
    kinds: dict[str | tuple[str, ...], float] = {"positive": positive}
    if c.has_negatives:
        kinds["negative"] = negative
    return each(name, kinds)
