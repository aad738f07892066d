"""What publishers tell of their stores, for Prometheus: by themselves or by the model's daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from streamer.publishing.report import Report
from streamer.telemetry.families import each


class StoreMetrics(Collector):
    """Figures of stores, read at each scrape; ``newest`` returns the newest snapshot's name."""

    def __init__(self, reports: Callable[[], Sequence[Report]], newest: Callable[[], str]) -> None:
        self._reports = reports
        self._newest = newest

    def collect(self) -> Iterator[Metric]:
        """All of them, as they are now; none where nothing is published."""
        reports, newest = self._reports(), self._newest()
        if not reports:
            return
        yield each("publish_lag_seconds", {r.to: r.lag_seconds(newest) for r in reports})
        yield each("publish_words", {r.to: r.words for r in reports})
        yield each("publish_upserted_words", {r.to: r.upserted for r in reports})
        yield each("publish_deleted_words", {r.to: r.deleted for r in reports})
        yield each("publish_sent_bytes", {r.to: r.sent_bytes for r in reports})
        yield each("publish_failures", {r.to: r.failures for r in reports})
