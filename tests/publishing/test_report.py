"""What publishers tell of their stores, for those that monitor them."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from streamer.publishing.metrics import StoreMetrics
from streamer.publishing.report import FOLDER, Report, read, read_all
from streamer.publishing.state import StateError

FIRST, SECOND = "00000001-20260131T000000Z", "00000003-20260131T000140Z"


def test_lag_grows_with_snapshots_that_are_not_published() -> None:
    report = Report("kafka://h/t")
    assert report.lag_seconds(SECOND) == 0
    report.succeeded(FIRST, 5)
    assert report.lag_seconds(FIRST) == 0
    assert report.lag_seconds(SECOND) == 100
    assert report.lag_seconds("00000004-20260131T000200Z-vectors") == 120
    report.succeeded(SECOND, 5)
    assert report.lag_seconds(FIRST) == 0


def test_reports_outlive_their_publishers(tmp_path: Path) -> None:
    folders = [tmp_path / FOLDER / name for name in ("a", "b", "c")]
    for folder, to in zip(folders, ("qdrant+http://h/words", "kafka://h/t", ""), strict=True):
        folder.mkdir(parents=True)
        report = read(folder, to)
        report.upserted += 3
        report.failed("it is away")
        report.write(folder)
    again = read(folders[0], "another name")
    assert (again.to, again.upserted, again.failures) == ("qdrant+http://h/words", 3, 1)
    (folders[2] / "report.json").write_text("{")
    assert [report.to for report in read_all(tmp_path)] == ["kafka://h/t", "qdrant+http://h/words"]
    assert read_all(tmp_path / "none") == []


def test_a_report_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=rf"^{tmp_path}/no/report.json cannot be written: No such"):
        Report("kafka://h/t").write(tmp_path / "no")


def test_metrics() -> None:
    report = Report("kafka://h/t", FIRST, words=9, deleted=2, sent_bytes=100)
    registry = CollectorRegistry()
    registry.register(StoreMetrics(lambda: [report], lambda: SECOND))

    def value(name: str) -> float | None:
        return registry.get_sample_value(f"w2v_stream_publish_{name}", {"to": "kafka://h/t"})

    assert (value("lag_seconds"), value("words")) == (100, 9)
    assert (value("deleted_words_total"), value("sent_bytes_total")) == (2, 100)
