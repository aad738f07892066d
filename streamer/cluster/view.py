"""A cluster's figures for monitoring: for the page, and for Prometheus at each scrape.

Read from the workers' last reports; no worker is called here. Names that a single daemon has, too,
mean the same. Counters of workers begin at zero with every epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from streamer.cluster.driver import Driver
from streamer.cluster.messages import Report
from streamer.config.cluster_settings import ClusterSettings
from streamer.telemetry.counters import Counters
from streamer.telemetry.families import each, one
from streamer.telemetry.metrics import learned, model, snapshots
from streamer.telemetry.reports import read


class ClusterView:
    """A cluster as :class:`streamer.telemetry.observer.Observed`."""

    def __init__(self, settings: ClusterSettings, counters: Counters, driver: Driver) -> None:
        self.settings = settings
        self.counters = counters
        self.driver = driver
        self.alerts = None

    @property
    def bad_records(self) -> int:
        """In this epoch."""
        return sum(r.invalid_records + r.failed_tokenizer for r in self.driver.reports)

    @property
    def total_words(self) -> int:
        """Words that all workers have learned, in all processes."""
        return self.driver.words

    @property
    def vocabulary(self) -> int:
        """Words that have a vector in worker 0, which merges those of the others with a delay."""
        return self.driver.reports[0].vocabulary

    @property
    def vocabulary_limit(self) -> int:
        """Maximum number of words that have a vector, in each worker."""
        return self.settings.max_vocab_size

    @property
    def is_connected(self) -> bool:
        """Whether the sources of all workers are connected."""
        return all(report.is_connected for report in self.driver.reports)

    @property
    def is_stalled(self) -> bool:
        """Whether a worker reads nothing although there is something to read."""
        return any(report.is_stalled for report in self.driver.reports)

    def figures(self) -> dict[str, float]:
        """The figures of all workers' sources."""
        return self.driver.source_figures()

    def snapshot_age_seconds(self) -> float | None:
        """Seconds since the last checkpoint."""
        return self.driver.age_seconds()

    def snapshot_due_seconds(self) -> float | None:
        """Seconds until the next checkpoint is due; None if that depends on words."""
        return self.driver.due_seconds()

    @property
    def snapshot_failures(self) -> int:
        """In this epoch."""
        return self.driver.reports[0].written.failures


class ClusterMetrics(Collector):
    """The metrics of a cluster."""

    def __init__(self, view: ClusterView) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        """All of them, from the last reports."""
        view = self._view
        driver, reports = view.driver, view.driver.reports
        yield from learned(view.counters)
        yield from read(view.settings.source, driver.source_figures())
        yield from model(driver.words, view.vocabulary, view.vocabulary_limit)
        yield from snapshots(reports[0].written, driver.unsaved_seconds(), driver.every)
        yield one("cluster_epoch", driver.epoch)
        yield one("cluster_rollbacks", driver.rollbacks)
        yield one("cluster_barrier_seconds", driver.barrier_seconds)
        yield from _of_workers(reports)


def _of_workers(reports: list[Report]) -> Iterator[Metric]:
    """Metrics with the worker's number as a label."""
    values: dict[str, list[float]] = {
        "worker_words": [report.stats.words for report in reports],
        "worker_exchanges": [report.exchanges for report in reports],
        "worker_sent_bytes": [report.sent_bytes for report in reports],
        "worker_received_bytes": [report.received_bytes for report in reports],
        "worker_waited_seconds": [report.waited_seconds for report in reports],
        "worker_staleness_seconds": [report.staleness_seconds for report in reports],
    }
    for name, of_workers in values.items():
        yield each(name, {str(number): value for number, value in enumerate(of_workers)})
