"""What a cluster's driver says of itself, without a cluster."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from streamer.cluster.mark import Mark
from streamer.config.cluster_settings import ClusterSettings
from streamer.config.types import Interval
from streamer.sources.base import Piece
from streamer.telemetry.counters import Counters
from w2v_online.snapshots.retention import Retention

pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")

from streamer.cluster.crew import StoppedError
from streamer.cluster.driver import Driver
from streamer.cluster.view import ClusterMetrics, ClusterView


def test_the_interval_that_holds_by_now_is_shown_and_says_what_is_recent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """SIGHUP may have changed the one that it was started with."""
    began = time.monotonic()
    settings = ClusterSettings(source="file", path="a", snapshot_every=Interval(seconds=100))
    runtime = SimpleNamespace(progress=None, signals=None, log=None)
    driver = Driver(settings, Mark(), *cast(Any, [None, None, runtime]))
    metrics = ClusterMetrics(ClusterView(settings, Counters(), driver))

    def interval() -> float:
        (found,) = (m for m in metrics.collect() if m.name.endswith("snapshot_interval_seconds"))
        return found.samples[0].value

    monkeypatch.setattr(time, "monotonic", lambda: began + 500)
    assert interval() == 100
    assert not driver.is_recent()
    driver.change(Interval(seconds=300), Retention(), None)
    assert interval() == 300
    assert driver.is_recent()
    driver.change(Interval(words=10), Retention(), None)
    assert interval() == 0
    assert driver.is_recent()


def test_what_is_read_on_after_a_rollback_is_what_the_checkpoint_tells() -> None:
    """Not what can be found by then alone."""
    position = {"/logs/a.log": [{"offset": 5}]}
    asked = []

    def find(position: dict[str, Any]) -> dict[Piece, float]:
        asked.append(position)
        return {}

    def ask(*_: Any, **__: Any) -> None:
        raise StoppedError

    settings = ClusterSettings(source="file", path="/logs/*.log")
    crew = SimpleNamespace(workers=[], shards=[], ask=ask)
    runtime = SimpleNamespace(progress=None, signals=None, log=None)
    pieces = SimpleNamespace(find=find)
    driver = Driver(settings, Mark(), *cast(Any, [crew, pieces, runtime]))
    driver._mark = Mark("/s/1", {"file": position})
    with pytest.raises(StoppedError):
        driver._begin()
    assert asked == [position]
