"""Faults of a cluster of three brokers under load, and whether daemons read everything once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kafka.process import Daemon, counts, lines_of, words_of
from tests.kafka.three import ThreeBrokers

PARTITIONS = 4
LINES = 200
"""Messages that are sent at a time."""

LONG_SECONDS = 600.0


class Load(threading.Thread):
    """Sends messages until it is told to end."""

    def __init__(self, cluster: ThreeBrokers, topic: str, pause: float) -> None:
        super().__init__(daemon=True)
        self._cluster, self._topic, self._pause = cluster, topic, pause
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self.sent: list[bytes] = []

    def run(self) -> None:
        """The thread."""
        try:
            with self._cluster.producer() as send:
                while not self._ended.wait(self._pause):
                    lines = lines_of(LINES, seed=len(self.sent))
                    send(self._topic, lines, PARTITIONS)
                    self.sent += lines
        except Exception as error:
            self._failure = error

    def end(self) -> list[bytes]:
        """All that was sent."""
        self._ended.set()
        self.join()
        if self._failure is not None:
            raise self._failure
        return self.sent


class Gaps(threading.Thread):
    """Looks four times a second how many messages are read, and how long there were none."""

    def __init__(self, daemons: list[Daemon]) -> None:
        super().__init__(daemon=True)
        self._daemons = daemons
        self._ended = threading.Event()
        self._longest: dict[str, float] = {}
        self.phase = ""

    def run(self) -> None:
        """The thread."""
        seen, since = -1.0, time.monotonic()
        while not self._ended.wait(0.25):
            read = sum(d.metrics()["w2v_stream_source_messages_total"] for d in self._daemons)
            now = time.monotonic()
            if read > seen:
                seen, since = read, now
            longest = max(self._longest.get(self.phase, 0.0), now - since)
            self._longest[self.phase] = longest

    def end(self) -> dict[str, float]:
        """The longest gap of each phase, in seconds."""
        self._ended.set()
        self.join()
        return self._longest


@contextmanager
def reading(cluster: ThreeBrokers, folder: Path, topic: str, number: int) -> Iterator[list[Daemon]]:
    """So many daemons of one group."""
    daemons = [
        Daemon(
            "--source", "kafka", "--kafka-bootstrap-servers", cluster.bootstrap_servers,
            "--kafka-topic", topic, "--kafka-group", topic, "--snapshot-every", "2s",
            "--http", "127.0.0.1:0", "--kafka-config", "metadata_max_age_ms=2000",
            folder=folder / f"s{i}",
        )
        for i in range(number)
    ]  # fmt: skip
    try:
        yield daemons
    finally:
        for daemon in daemons:
            daemon.kill()


def provoke(cluster: ThreeBrokers, topic: str, gaps: Gaps, kills: int, hang: float) -> None:
    """All faults, one after the other; all brokers are in sync before each."""
    brokers = cluster.brokers
    gaps.phase = "leader killed"
    for _ in range(kills):
        leader = cluster.leader(topic)
        brokers[leader].kill()
        cluster.wait_until(lambda leader=leader: cluster.leader(topic) not in (leader, -1))
        time.sleep(1)
        brokers[leader].start()
        cluster.wait_until(lambda: cluster.is_in_sync(topic))
    gaps.phase = "rolling restart"
    for broker in brokers.values():
        broker.stop()
        broker.start()
        cluster.wait_until(lambda: cluster.is_in_sync(topic))
    gaps.phase = "reassignment"
    cluster.move(topic, PARTITIONS)
    gaps.phase = f"leader hangs for {hang:g} s"
    leader = cluster.leader(topic)
    brokers[leader].freeze()
    time.sleep(hang)
    brokers[leader].thaw()
    cluster.wait_until(lambda: cluster.is_in_sync(topic))


def trial(
    folder: Path, daemons: int, kills: int, hang: float, pause: float
) -> tuple[int, dict[str, float]]:
    """Messages read, and the longest gap of each phase; AssertionError if a count is wrong."""
    cluster = ThreeBrokers(folder)
    cluster.start()
    try:
        topic = cluster.topic("t", PARTITIONS)
        load = Load(cluster, topic, pause)
        with reading(cluster, folder, topic, daemons) as readers:
            load.start()
            for reader in readers:
                reader.wait_until(
                    lambda reader=reader: reader.metrics().get("w2v_stream_words_total", 0) > 0
                )
            gaps = Gaps(readers)
            gaps.start()
            provoke(cluster, topic, gaps, kills, hang)
            expected = words_of(load.end())
            longest = gaps.end()
            readers[0].wait_until(
                lambda: sum(reader.saved_words() for reader in readers) >= expected.total(),
                LONG_SECONDS,
            )
            for reader in readers:
                assert reader.stop() == 0
            found = sum((counts(reader.folder) for reader in readers), Counter[str]())
    finally:
        cluster.stop()
    more, fewer = (found - expected).total(), (expected - found).total()
    assert found == expected, f"{more} words too many, {fewer} too few"
    return len(load.sent), longest
