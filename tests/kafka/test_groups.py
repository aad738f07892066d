"""Several daemons share a topic: every message is in one model, whoever comes and goes."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon, counts, lines_of, words_of
from w2v_online import load_vectors

Start = Callable[..., Daemon]


class Producing(threading.Thread):
    """Six hundred lines every 0.4 seconds until it is told to end, so that there is load."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self.topic = cluster.topic(6)
        self._cluster = cluster
        self._lines: list[bytes] = []
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.4):
            lines = lines_of(600, seed=len(self._lines))
            self._cluster.produce(self.topic, lines)
            self._lines += lines

    def end(self) -> list[bytes]:
        """All lines."""
        self._ended.set()
        self.join()
        return self._lines


@pytest.fixture
def producing(cluster: Cluster) -> Iterator[Producing]:
    """Ends with the test, however that ends."""
    started = Producing(cluster)
    started.start()
    yield started
    started.end()


def test_joining_leaving_and_dying(
    cluster: Cluster, daemon: Start, producing: Producing, tmp_path: Path
) -> None:
    """One joins late, one leaves politely, one is killed: over all models each message is once."""
    topic = producing.topic
    options = ["--kafka-topic", topic, "--kafka-group", f"g-{topic}", "--snapshot-every", "1s"]
    folders = [tmp_path / name for name in ("stays", "leaves", "dies")]
    stays, leaves, dies = (
        _started(daemon, options, folder) for folder in folders
    )  # each joins when the one before is at work
    rebalance_seconds = []
    leaves.wait_until(lambda: leaves.saved_words() > 0)
    begun = len(_begun(stays))
    began = time.monotonic()
    assert leaves.stop() == 0
    stays.wait_until(lambda: len(_begun(stays)) > begun)
    rebalance_seconds.append(time.monotonic() - began)
    dies.wait_until(lambda: dies.saved_words() > 0)
    dies.wait_until(lambda: _is_stopped_when_committed(dies, cluster, topic))
    begun = len(_begun(stays))
    began = time.monotonic()
    dies.kill()
    stays.wait_until(lambda: len(_begun(stays)) >= begun + 6)
    rebalance_seconds.append(time.monotonic() - began)
    expected = words_of(producing.end())
    stays.wait_until(lambda: sum((counts(folder) for folder in folders), Counter()) == expected, 60)
    assert stays.stop() == 0
    assert sum((counts(folder) for folder in folders), Counter()) == expected
    assert max(rebalance_seconds) < cluster.session_milliseconds / 1000 + 5
    assert not any("kafka_partitions_lost" in line for line in stays.lines + leaves.lines)


def _is_stopped_when_committed(process: Daemon, cluster: Cluster, topic: str) -> bool:
    """Stop it (SIGSTOP) if the group knows what its newest snapshot has learned.

    A commit follows its snapshot: killed between the two, it would leave messages in its model
    that another daemon rightly learns too.
    """
    process.process.send_signal(signal.SIGSTOP)
    positions = load_vectors(process.folder).manifest["positions"]["kafka"]["partitions"][topic]
    committed = cluster.committed(f"g-{topic}", topic)
    if all(offset <= committed.get(int(p), 0) for p, offset in positions.items()):
        return True
    process.process.send_signal(signal.SIGCONT)
    time.sleep(0.3)  # between two looks it gets on
    return False


def _started(daemon: Start, options: list[str], folder: Path) -> Daemon:
    process = daemon(*options, folder=folder)
    process.event("kafka_partition_begun")
    return process


def _begun(process: Daemon) -> list[float]:
    return process.times_of("event=kafka_partition_begun")


def test_a_partition_that_another_daemon_learned_is_not_learned_again(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """A daemon comes back with an old checkpoint and goes on behind what the other has learned."""
    topic = cluster.topic()
    options = ["--kafka-topic", topic, "--kafka-group", f"g-{topic}", "--snapshot-every", "1s"]
    folders = [tmp_path / "one", tmp_path / "other"]
    for turn, word in enumerate([b"a", b"b", b"c"]):
        cluster.produce(topic, [word])
        process = daemon(*options, folder=folders[turn % 2])
        process.wait_for_words(turn // 2 + 1)
        assert process.stop() == 0
    assert counts(folders[0]) == Counter("ac")
    assert counts(folders[1]) == Counter("b")
    assert 'reason="another daemon"' in process.event("kafka_partition_begun")


def test_slow_training_causes_no_rebalance(cluster: Cluster, daemon: Start) -> None:
    """A batch takes longer than max.poll.interval.ms; polling does not wait for it."""
    topic = cluster.topic()
    cluster.produce(topic, lines_of(250, words=200))
    process = daemon(
        "--kafka-topic", topic, "--kafka-group", f"g-{topic}", "--snapshot-every", "1s",
        "--vector-size", "1200", "--negative", "15", "--window", "100", "--sample", "1",
        "--kafka-config", "max_poll_interval_ms=2000",
    )  # fmt: skip
    process.wait_for_words(250 * 200)
    assert process.stop() == 0
    begun = process.times_of("event=kafka_partition_begun")
    # A checkpoint is due after every batch, at this speed.
    batches = [begun[-1], *process.times_of("event=snapshot_written")]
    longest = max(after - before for before, after in pairwise(batches))
    assert longest > 2, process.lines
    assert begun[-1] < begun[0] + 1, "a rebalance came later than those of the start"


def test_a_member_whose_place_was_taken_ends(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """Two daemons by mistake with one ``group_instance_id``: one is left, and reads everything."""
    topic = cluster.topic(2)
    options = ["--kafka-topic", topic, "--kafka-group", topic, "--snapshot-every", "1s",
               "--kafka-config", "group_instance_id=same"]  # fmt: skip
    first = daemon(*options)
    first.event("kafka_partition_begun", 2)
    second = daemon(*options, folder=tmp_path / "second")
    second.event("kafka_partition_begun", 2)
    assert first.process.wait(timeout=60) == 1
    first.wait_for("has the same group_instance_id, same, and has taken this one's place")
    cluster.produce(topic, [b"a"] * 100)
    second.wait_for_words(100)
    assert second.stop() == 0
    assert "Traceback" not in "".join(first.lines)
