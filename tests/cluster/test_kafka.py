"""Workers that share partitions: every message once, whoever is killed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.process import ClusterDaemon
from tests.kafka.cluster import Cluster
from tests.kafka.process import counts, lines_of, words_of

Start = Callable[..., ClusterDaemon]

pytestmark = pytest.mark.timeout(1800)


def _options(cluster: Cluster, topic: str, *args: str) -> list[str]:
    return [
        "--source", "kafka", "--kafka-bootstrap-servers", cluster.bootstrap_servers,
        "--kafka-topic", topic, "--kafka-group", f"g-{topic}", "--sync-every", "3000",
        "--kafka-config", "metadata_max_age_ms=1000", *args,
    ]  # fmt: skip


def test_a_topic_in_two_workers_is_one_models(
    cluster: Cluster, start: Start, tmp_path: Path
) -> None:
    """Counts are the topic's, offsets are committed, and a partition that is added is read."""
    topic, lines = cluster.topic(8), lines_of(12_000)
    cluster.produce(topic, lines[:8000])
    process = start(*_options(cluster, topic, "--workers", "2", "--snapshot-every", "1s"))
    process.wait_for_words(96_000)
    cluster.add_partitions(topic, 9)
    cluster.produce(topic, lines[8000:])
    process.wait_for_words(144_000)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == words_of(lines)
    committed = cluster.committed(f"g-{topic}", topic)
    assert sum(committed.values()) == len(lines)
    assert len(committed) == 9


def test_a_new_model_is_learned_by_one_worker_first(
    cluster: Cluster, start: Start, tmp_path: Path
) -> None:
    """Whoever is killed before, worker 0 goes on alone; partitions move when the others join."""
    topic, lines = cluster.topic(4), lines_of(12_000)
    options = _options(cluster, topic, "--workers", "2", "--snapshot-every", "1s")
    cluster.produce(topic, lines[:2000])
    process = start(*options, "--join-after", "60000")
    process.wait_for_words(24_000)
    for epoch, member in enumerate(["worker 1", "worker 0"], 1):
        process.kill_member(member, epoch)
        assert "readers=1" in process.event("epoch_started", epoch + 1)
    cluster.produce(topic, lines[2000:8000])
    process.event("workers_joined")
    process.wait_for_words(96_000)
    process.kill_member("worker 1", 3)
    assert "readers=2" in process.event("epoch_started", 4)
    cluster.produce(topic, lines[8000:])
    process.wait_for_words(144_000)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == words_of(lines)
    assert sum(cluster.committed(f"g-{topic}", topic).values()) == len(lines)


def test_whoever_is_killed_every_message_counts_once(
    cluster: Cluster, start: Start, tmp_path: Path
) -> None:
    """SIGKILL to a worker, a shard, worker 0 and the driver, at random moments, under load."""
    topic, lines = cluster.topic(8), lines_of(40_000)
    options = _options(cluster, topic, "--workers", "2", "--shards", "2", "--snapshot-every", "1s")
    chance = random.Random(1)
    process = start(*options)
    parts = [lines[first::5] for first in range(5)]
    cluster.produce(topic, parts[0])
    for epoch, member in enumerate(["worker 1", "shard 0", "worker 0"], 1):
        process.event("epoch_started", epoch)
        cluster.produce(topic, parts[epoch])
        time.sleep(chance.uniform(0.0, 1.5))
        process.kill_member(member, epoch)
    process.event("epoch_started", 4)
    cluster.produce(topic, parts[4])
    time.sleep(chance.uniform(0.0, 1.5))
    process.kill()
    process = start(*options)
    process.wait_for_words(12 * len(lines))
    assert process.stop() == 0
    assert counts(tmp_path / "s") == words_of(lines)


def test_a_worker_that_hangs_is_replaced(cluster: Cluster, start: Start, tmp_path: Path) -> None:
    """SIGSTOP stops it as a dead disk or a swapping machine would."""
    import signal

    topic, lines = cluster.topic(4), lines_of(6000)
    cluster.produce(topic, lines)
    options = _options(cluster, topic, "--snapshot-every", "1s", "--worker-timeout", "10")
    process = start(*options)
    process.wait_for_words(12 * len(lines))
    process.kill_member("worker 1", 1, signal.SIGSTOP)
    process.event("epoch_started", 2)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == words_of(lines)
