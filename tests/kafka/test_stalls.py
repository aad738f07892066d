"""A reader that reads nothing is noticed, whatever the cause, and one with nothing to do is not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError, SaslAuthenticationFailedError
from kafka.structs import TopicPartition

from streamer.cluster.worker_log import WorkerLog
from streamer.errors import ConfigurationError, SourceError
from streamer.sources.kafka import connection, start
from streamer.sources.kafka import poller as poller_module
from streamer.sources.kafka.clientlog import ClientLog
from streamer.sources.kafka.handover import Handover
from streamer.sources.kafka.partitions import Subscription
from streamer.sources.kafka.poller import Poller
from streamer.sources.kafka.positions import Place
from streamer.sources.kafka.start import Known
from streamer.sources.kafka.watchdog import (
    MAX_PAUSE_SECONDS,
    QUIET_SECONDS,
    REJOINS,
    STALLED_SECONDS,
    UNASSIGNED_SECONDS,
    Action,
    Cause,
    Watchdog,
)
from tests.clock import Clock
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon, counts

Start = Callable[..., Daemon]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _due(watchdog: Watchdog, clock: Clock, cause: Cause, seconds: float) -> list[float]:
    """Look ten times a second; after how many seconds something was due each time."""
    began, times = clock.now, []
    while clock.now < began + seconds:
        clock.now += 0.1
        watchdog.see(cause)
        if watchdog.is_due():
            times.append(round(clock.now - began))
            watchdog.act()
    return times


def test_a_member_without_partitions_joins_again_and_then_reconnects(clock: Clock) -> None:
    watchdog = Watchdog(clock)
    watchdog.see(None)
    for _ in range(REJOINS):
        assert _due(watchdog, clock, Cause.UNASSIGNED, UNASSIGNED_SECONDS - 0.5) == []
        clock.now += 1
        assert watchdog.is_due()
        assert watchdog.act() is Action.REJOIN
    clock.now += UNASSIGNED_SECONDS
    assert watchdog.act() is Action.RECONNECT
    assert watchdog.is_stalled
    assert watchdog.seconds >= STALLED_SECONDS
    watchdog.see(None)
    assert (watchdog.seconds, watchdog.is_stalled, watchdog.is_due()) == (0, False, False)


def test_pauses_between_attempts_grow_to_a_limit(clock: Clock) -> None:
    times = _due(Watchdog(clock), clock, Cause.NO_ANSWER, 4000)
    pauses = [after - before for before, after in pairwise(times)]
    assert times[0] == pytest.approx(QUIET_SECONDS, abs=1)
    assert pauses[0] == pytest.approx(2 * QUIET_SECONDS, abs=1)
    assert pauses[-1] == pytest.approx(MAX_PAUSE_SECONDS, abs=1)


def test_progress_is_no_stall_and_another_cause_is_the_same_one(clock: Clock) -> None:
    watchdog = Watchdog(clock)
    for _ in range(100):
        clock.now += 1
        watchdog.see(Cause.NOTHING_COMES, progress=True)
        assert not watchdog.is_due()
    assert watchdog.seconds == 0
    for cause in (Cause.UNASSIGNED, Cause.NOT_BEGUN, Cause.NO_ANSWER):
        clock.now += STALLED_SECONDS / 2
        watchdog.see(cause)
    assert watchdog.is_stalled


def test_what_may_pass_by_itself_is_looked_at_again(clock: Clock) -> None:
    watchdog = Watchdog(clock)
    watchdog.see(Cause.UNASSIGNED)
    clock.now += UNASSIGNED_SECONDS
    watchdog.wait()
    assert not watchdog.is_due()
    clock.now += UNASSIGNED_SECONDS
    assert watchdog.act() is Action.REJOIN


class _Takes:
    """A consumer whose partition is taken away while it polls, and so while brokers are asked."""

    partition = TopicPartition("t", 0)

    def __init__(self, handover: Handover, poller: Poller) -> None:
        self._handover = handover
        self._drop = poller._partitions.drop
        poller._consumer = poller._partitions.consumer = self  # type: ignore[assignment]

    def give(self) -> None:
        self._handover.begin(self.partition, Place(3))

    def poll(self, **_options: object) -> dict[TopicPartition, list[object]]:
        self._drop({self.partition})
        return {}

    def end_offsets(self, *_args: object, **_options: object) -> dict[TopicPartition, int]:
        self._drop({self.partition})
        return {self.partition: 10}

    def end_of(self, _partition: TopicPartition) -> int:
        return 10

    def position_of(self, _partition: TopicPartition) -> int:
        return 3

    def topic_id(self, _topic: str) -> str:
        return ""


def test_messages_of_a_partition_that_was_let_go_are_no_lag_and_not_waited_for() -> None:
    """Also if it was let go while a poll or a question was on its way."""
    handover = Handover({})
    wanted = Subscription(("t",), None, {}, "earliest", "earliest", "daemon")
    poller = Poller({"group_id": "g"}, wanted, handover, WorkerLog())
    consumer = _Takes(handover, poller)
    consumer.give()
    poller._poll()
    assert poller.figures.ends == {}
    consumer.give()
    poller.stalls._ask_for_ends(consumer)  # type: ignore[arg-type]
    assert poller.figures.ends == {}


class _RefusesOnce:
    """A consumer of a topic with three partitions whose group does not take the first commit."""

    partitions = tuple(TopicPartition("t", number) for number in range(3))

    def __init__(self) -> None:
        self.refusals = 1
        self.sought: dict[TopicPartition, int] = {}

    def commit(self, news: object, **_options: object) -> None:
        self.refusals -= 1
        if self.refusals >= 0:
            raise KafkaTimeoutError("the group is busy")

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.sought[partition] = offset

    def is_assigned(self, _partition: TopicPartition) -> bool:
        return True

    def pause(self, *_partitions: TopicPartition) -> None: ...

    resume = pause


def test_a_commit_that_fails_at_the_first_start_makes_no_partition_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With --kafka-start latest a new partition of a known topic is read from its beginning."""
    consumer, handover, log = _RefusesOnce(), Handover({}), WorkerLog()
    wanted = Subscription(("t",), None, {}, "latest", "earliest", "daemon")
    poller = Poller({"group_id": "g"}, wanted, handover, log)
    partitions = poller._partitions
    poller._commits.consumer = partitions.consumer = consumer  # type: ignore[assignment]

    def look_up(
        _consumer: object, positions: dict[TopicPartition, object], *rest: Any
    ) -> dict[TopicPartition, Known]:
        return {p: Known(0, 1000, is_new=p.topic in rest[1]) for p in positions}

    monkeypatch.setattr(start, "look_up", look_up)
    partitions.hold(set(consumer.partitions))
    with pytest.raises(KafkaTimeoutError):
        partitions.begin(paused=False)
    assert partitions.begin(paused=False) == 3
    assert consumer.sought == dict.fromkeys(consumer.partitions, 1000)


def test_a_refusal_when_it_connects_again_lets_the_daemon_save_what_it_has_learned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the start it is a wrong configuration; later it is the source that fails."""
    answers = [ConfigurationError("refused"), KafkaTimeoutError(), ConfigurationError("refused")]

    def connect(*_args: object) -> Any:
        raise answers.pop()

    monkeypatch.setattr(poller_module, "connect", connect)
    for has_connected, expected in ((True, SourceError), (False, ConfigurationError)):
        handover = Handover({})
        wanted = Subscription(("t",), None, {}, "latest", "earliest", "daemon")
        config = {"group_id": "g", "bootstrap_servers": ["x"]}
        poller = Poller(config, wanted, handover, WorkerLog())
        poller._has_connected = has_connected
        poller.run()
        with pytest.raises(expected, match="refused"):
            handover.take(1, 0.0)


def test_a_refusal_that_has_passed_does_not_make_a_broker_that_is_away_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def is_away(*_args: object, **_config: object) -> None:
        raise KafkaTimeoutError("no broker")

    monkeypatch.setattr(connection, "Consumer", is_away)
    client_log = ClientLog(WorkerLog())
    client_log.refusal = SaslAuthenticationFailedError()
    with pytest.raises(KafkaTimeoutError, match="no broker"):
        connection.connect({}, ("t",), client_log)


_HASTE = """
from streamer.sources.kafka import stalls, watchdog
stalls.QUIET_SECONDS = watchdog.UNASSIGNED_SECONDS = 1.0
watchdog.QUIET_SECONDS = 2.0
"""
"""Waits are short, so that the test is."""

_FETCHES_NOTHING_AT_FIRST = """
from kafka.consumer.fetcher import Fetcher
from streamer.sources.kafka.client import Consumer
begin, fetch = Fetcher.__init__, Fetcher.send_fetches
fetchers = []

def note(self, *args, **options):
    fetchers.append(self)
    begin(self, *args, **options)

Fetcher.__init__ = note
Fetcher.send_fetches = lambda self: [] if self is fetchers[0] else fetch(self)
"""

_FORGETS_ITS_FIRST_ASSIGNMENT = """
from kafka.consumer.subscription_state import SubscriptionState
assign = SubscriptionState.assign_from_subscribed
assigned = []

def assign_nothing_at_first(self, partitions):
    assigned.append(partitions)
    assign(self, [] if len(assigned) < 3 else partitions)

SubscriptionState.assign_from_subscribed = assign_nothing_at_first
"""


def _options(topic: str) -> list[str]:
    return ["--kafka-topic", topic, "--kafka-group", f"g-{topic}", "--snapshot-every", "1s",
            "--http", "127.0.0.1:0"]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "reason", "action"),
    [
        (_FETCHES_NOTHING_AT_FIRST, Cause.NOTHING_COMES, Action.RECONNECT),
        (_FORGETS_ITS_FIRST_ASSIGNMENT, Cause.UNASSIGNED, Action.REJOIN),
    ],
)
def test_a_client_that_goes_wrong_reads_all_in_the_end(
    cluster: Cluster, daemon: Start, tmp_path: Path, code: str, reason: Cause, action: Action
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"a b", b"c"])
    process = daemon(*_options(topic), code=_HASTE + code)
    said = process.event("kafka_reads_nothing")
    assert f'reason="{reason.value}"' in said
    assert f"action={action.value}" in said
    assert f"topics={topic}" in said
    assert f"group=g-{topic}" in said
    process.event("kafka_reading_again")
    process.wait_for_words(3)
    assert process.metrics()["w2v_stream_source_stalls_total"] >= 1
    assert process.metrics()["w2v_stream_source_stalled_seconds"] == 0
    assert process.get("/readyz")[0] == 200
    assert process.stop() == 0
    assert counts(tmp_path / "s") == {"a": 1, "b": 1, "c": 1}
    assert cluster.committed(f"g-{topic}", topic) == {0: 2}


def test_a_member_with_nothing_to_do_is_no_stall(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """It says so, is ready, and takes over when a partition becomes free."""
    topic = cluster.topic()
    both = [
        daemon(*_options(topic), code=_HASTE, folder=tmp_path / name) for name in ("one", "other")
    ]

    def spares() -> list[Daemon]:
        return [d for d in both if any("event=kafka_spare_member" in line for line in d.lines)]

    both[0].wait_until(lambda: len(spares()) > 0)
    (spare,) = spares()
    (reader,) = set(both) - {spare}
    cluster.produce(topic, [b"a"])
    reader.wait_for_words(1)
    assert spare.get("/readyz")[0] == 200
    assert reader.stop() == 0
    cluster.produce(topic, [b"b"])
    spare.wait_for_words(1)
    assert spare.metrics()["w2v_stream_source_stalls_total"] == 0
    assert spare.stop() == 0
    assert counts(spare.folder) == {"b": 1}
