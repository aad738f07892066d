"""The state of a daemon in words, warnings with advice, an hour of curves."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from streamer.checkpoints.written import Written
from streamer.config.settings import RunSettings
from streamer.http import feed as feed_module
from streamer.http.app import JSONResponse
from streamer.http.feed import HISTORY_SAMPLES, MAX_STREAMS, Feed
from streamer.problems import LOADING, SOURCE_DISCONNECTED
from streamer.telemetry.health import Health
from streamer.telemetry.metrics import alerts
from streamer.telemetry.observer import IDLE_SECONDS, LAG_SAMPLES, Observer
from streamer.telemetry.parts import Parts
from streamer.telemetry.status import Concern, Status, spell_seconds
from tests.clock import Clock
from tests.integration.daemons import wait_until


class Daemon:
    """An observer and the parts that it samples, all in good order."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.health = Health(self.clock)
        self.observer = Observer(self.health, self.clock)
        self.figures: dict[str, float] = {}
        self.source = SimpleNamespace(
            is_connected=True, is_stalled=False, figures=lambda: self.figures
        )
        self.counters = SimpleNamespace(words=0, records=0, loss=2.5)
        self.vocabulary: list[str] = []
        self.checkpointer = SimpleNamespace(
            written=Written(), age_seconds=lambda: 7.0, due_seconds=lambda: 23.0
        )
        self.decoder = SimpleNamespace(invalid_records=3)  # of an earlier process
        self.health.began({})
        self.observer.began(
            Parts(
                RunSettings(**settings),
                counters=self.counters,  # type: ignore[arg-type]
                learner=SimpleNamespace(  # type: ignore[arg-type]
                    total_words=500,
                    vocabulary=self.vocabulary,
                    config=SimpleNamespace(max_vocab_size=3),
                ),
                checkpointer=self.checkpointer,  # type: ignore[arg-type]
                decoder=self.decoder,  # type: ignore[arg-type]
                tokenizer=SimpleNamespace(failed_records=0),  # type: ignore[arg-type]
                source=self.source,  # type: ignore[arg-type]
            )
        )

    def sample(self, seconds: float = 2.0, words: int = 0) -> Status:
        self.clock.now += seconds
        self.health.beat()
        self.counters.words += words
        self.counters.records += words
        return self.observer.sample()


def warnings(status: Status) -> str:
    assert all(concern.advice for concern in status.warnings)
    return " ".join(concern.text for concern in status.warnings)


def test_a_daemon_that_starts_says_what_it_waits_for() -> None:
    assert Observer(Health()).sample().phase == LOADING.name


def test_a_daemon_in_good_order_gives_no_warning() -> None:
    daemon = Daemon()
    daemon.sample()
    status = daemon.sample(2.0, words=1000)
    assert (status.phase, status.warnings) == ("learning", [])
    assert status.words_per_second == pytest.approx(500)
    assert (status.words, status.loss, status.vocabulary, status.lag) == (500, 2.5, 0, None)
    assert (status.snapshot_age, status.source) == (7.0, "Reading standard input.")


def test_a_quiet_source_is_said_and_then_warned_of() -> None:
    daemon = Daemon(source="file", path="a.log", follow=True)
    daemon.sample(2.0, words=10)
    status = daemon.sample(60.0)
    assert (status.phase, status.warnings) == ("waiting for text", [])
    assert status.source == "No text from a.log for 60 seconds."
    assert "No text has arrived for 6 minutes." in warnings(daemon.sample(IDLE_SECONDS))
    assert daemon.sample(2.0, words=10).warnings == []


def test_records_that_all_fail_are_said_within_a_sample() -> None:
    daemon = Daemon(json_field=("text",))
    daemon.sample(2.0, words=10)
    daemon.decoder.invalid_records += 50
    status = daemon.sample(2.0)
    assert status.phase == "learning nothing"
    assert status.source == "Reading standard input, but no record can be decoded."
    assert daemon.sample(2.0).source == "No text from standard input for 4 seconds."


def test_the_page_is_told_how_a_daemon_was_started() -> None:
    daemon = Daemon(window=7, lowercase=True, http="8787", http_token="sesame")
    status = daemon.sample(3.0)
    assert (status.uptime, status.next_snapshot) == (3.0, 23.0)
    assert status.memory_bytes is None or status.memory_bytes > 1 << 20
    assert status.options["--window"] == "7"
    assert status.options["--lowercase"] == "on"
    assert "sesame" not in str(status.options)


def test_what_goes_wrong_is_said_in_sentences() -> None:
    daemon = Daemon(source="kafka", kafka_bootstrap_servers=("b:1",), kafka_topic=("a", "b"))
    daemon.source.is_connected = False
    daemon.figures.update(lost_messages=12, lag_messages=3456)
    daemon.vocabulary.extend("abc")
    daemon.checkpointer.written = Written(failures=2)
    daemon.decoder.invalid_records += 4
    daemon.health.began({SOURCE_DISCONNECTED: lambda: True})
    status = daemon.sample(2.0, words=96)
    assert status.source == "Not connected to Kafka (a, b)."
    assert status.lag == 3456
    for text in (
        "The source is not connected.",
        "4 of 100 records could not be decoded.",
        "The vocabulary is full: 3 words",
        "2 snapshots could not be written",
        "12 messages were deleted before they could be read.",
    ):
        assert text in warnings(status)


def test_a_lag_that_grows_for_minutes_is_warned_of() -> None:
    daemon = Daemon(source="kafka", kafka_bootstrap_servers=("b:1",), kafka_topic=("a",))
    for number in range(LAG_SAMPLES):
        daemon.figures["lag_messages"] = 10_000 + 100 * number
        status = daemon.sample(2.0, words=1)
        assert (number < LAG_SAMPLES - 1) == (status.warnings == [])
    assert "arrive faster than they are learned" in warnings(status)
    assert "24,900 messages are waiting." in status.source


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (9000, "2 hours")],
)
def test_spans_are_spelled_as_people_say_them(seconds: float, text: str) -> None:
    assert spell_seconds(seconds) == text


def test_an_hour_of_samples_is_kept_and_no_more() -> None:
    feed = Feed(lambda: Status("learning", loss=1.23456789), lambda: "", None)
    try:
        wait_until(lambda: feed.history()["time"])
        for _ in range(2 * HISTORY_SAMPLES):
            feed._take()
        history = feed.history()
    finally:
        feed.close()
    assert {len(column) for column in history.values()} == {HISTORY_SAMPLES}
    assert history["loss"][-1] == 1.23457


def test_a_sample_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "SAMPLE_SECONDS", 0.01)
    statuses = iter([RuntimeError("changed while it was read"), Status("learning")])
    failures: list[str] = []

    def status() -> Status:
        found = next(statuses, Status("learning"))
        if isinstance(found, Exception):
            raise found
        return found

    log = SimpleNamespace(warning=lambda event, reason: failures.append(f"{event}: {reason}"))
    feed = Feed(status, lambda: "", log)
    wait_until(lambda: feed.history()["time"])
    feed.close()
    assert failures == ["status_failed: RuntimeError('changed while it was read')"]


def test_a_stream_begins_with_the_hour_and_tells_of_a_snapshot_once_it_is_ready() -> None:
    snapshots = itertools.chain(["1-a"], itertools.repeat("2-b"))
    told: list[str] = []
    concern = Concern("It is late.", "Go to bed.")
    feed = Feed(lambda: Status("learning", warnings=[concern]), lambda: next(snapshots), None)

    async def prepare() -> None:
        told.append("prepared")

    async def listen() -> None:
        async for event in feed.events(prepare):
            name, data, _, _ = event.decode().split("\n")
            document = json.loads(data.removeprefix("data: "))
            told.append(name + " " + document.get("snapshot", ""))
            if "2-b" in told[-1]:
                assert document["warnings"] == [{"text": "It is late.", "advice": "Go to bed."}]
                feed._closing.set()

    wait_until(lambda: feed.history()["time"])
    asyncio.run(listen())
    feed.close()
    assert told == [
        "event: history ", "prepared", "event: status 1-a", "prepared", "event: status 2-b",
    ]  # fmt: skip


def test_the_page_is_told_of_files_whose_names_are_no_text() -> None:
    daemon = Daemon(path=(os.fsdecode(b"log\xe9"),), follow=True)
    feed = Feed(daemon.sample, lambda: "", None)

    async def listen() -> Any:
        async def nothing() -> None:
            pass

        stream = feed.events(nothing)
        events = [await anext(stream), await anext(stream)]
        await stream.aclose()
        return json.loads(events[1].split(b"data: ")[1])

    wait_until(lambda: feed.history()["time"])
    status = asyncio.run(listen())
    feed.close()
    assert status["options"]["--path"] == r"log\udce9"
    assert r"log\udce9" in status["source"]
    assert json.loads(JSONResponse({"error": os.fsdecode(b"\xe9")}).body) == {"error": r"\udce9"}


def test_metrics_tell_of_targets_whose_names_are_no_text() -> None:
    target = SimpleNamespace(name=os.fsdecode(b"alerts\xe9"), sent=2, dropped=0)
    told: Any = SimpleNamespace(
        scored=0, surprises=dict, raised=0, suppressed=0, limited=0, muted=0, targets=[target]
    )

    class Told(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from alerts(told)

    registry = CollectorRegistry()
    registry.register(Told())
    assert rb'target="alerts\\udce9"} 2.0' in generate_latest(registry)


def test_so_many_pages_may_listen_and_no_more() -> None:
    feed = Feed(lambda: Status("learning"), lambda: "", None)

    async def listen() -> None:
        async def nothing() -> None:
            pass

        streams = [feed.events(nothing) for _ in range(MAX_STREAMS)]
        for stream in streams:
            assert not feed.is_full
            await anext(stream)
        assert feed.is_full
        for stream in streams:
            await stream.aclose()
        assert not feed.is_full

    asyncio.run(listen())
    feed.close()
