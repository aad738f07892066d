"""Brokers that die, are not there, or say no: the daemon goes on or explains, and never hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon, counts, lines_of, words_of
from w2v_online import load_vectors

Start = Callable[..., Daemon]


def test_the_broker_is_killed_and_comes_back(
    cluster: Cluster, broker: Broker, daemon: Start, tmp_path: Path
) -> None:
    """Under load, twice: the daemon goes on by itself, counts and vectors as if nothing was."""
    topic, lines = cluster.topic(), lines_of(40_000)
    cluster.produce(topic, lines[:20_000])
    options = ["--kafka-topic", topic, "--snapshot-every", "1s"]
    process = daemon(*options, "--kafka-group", f"g-{topic}")
    for number in (1, 2):
        process.event("snapshot_written")
        broker.kill()
        process.wait_for("event=kafka_(client|error)", number)
        broker.start()
        half = lines[20_000:30_000] if number == 1 else lines[30_000:]
        producer = threading.Thread(target=cluster.produce, args=(topic, half))
        producer.start()
        producer.join()
    process.wait_for_words(12 * len(lines))
    assert process.stop() == 0
    whole = daemon(*options, "--kafka-group", f"h-{topic}", folder=tmp_path / "whole")
    whole.wait_for_words(12 * len(lines))
    assert whole.stop() == 0
    assert counts(tmp_path / "s") == words_of(lines)
    one, other = load_vectors(tmp_path / "s"), load_vectors(tmp_path / "whole")
    assert np.array_equal(one.vectors, other.vectors)
    assert cluster.committed(f"g-{topic}", topic) == {0: len(lines)}


def test_no_broker_is_waited_for_and_can_be_stopped(daemon: Start) -> None:
    process = daemon("--kafka-topic", "t", servers="127.0.0.1:1")
    process.event("kafka_unreachable")
    assert process.stop() == 0


def test_a_topic_that_comes_later(cluster: Cluster, daemon: Start, tmp_path: Path) -> None:
    name = f"later-{tmp_path.name}"
    process = daemon(
        "--kafka-topic", name, "--kafka-group", name, "--snapshot-every", "1s",
        "--kafka-config", "metadata_max_age_ms=500",
    )  # fmt: skip
    assert name in process.event("kafka_topic_unknown")
    cluster.topic(name=name)
    cluster.produce(name, [b"a b"])
    process.wait_for_words(2)
    assert process.stop() == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--kafka-config", "max_pol_records=5"], "did you mean max_poll_records?"),
        (["--kafka-config", "max_poll_records=many"], "max_poll_records must be a number"),
        (["--kafka-config", "group_id=x"], "use --kafka-group"),
        (["--kafka-config", "security_protocol=TLS"], "SASL_SSL"),
        (["--kafka-config", "ssl_cafile=/nowhere", "--kafka-config", "security_protocol=SSL"],
         "/nowhere"),
        (["--kafka-username", "a"], "security_protocol=SASL_SSL"),
        (["--kafka-password-file", "/nowhere"], "/nowhere"),
        (["--kafka-topic-pattern", "x"], "not both"),
    ],
)  # fmt: skip
def test_wrong_settings_stop_the_start(
    daemon: Start, tmp_path: Path, args: list[str], message: str
) -> None:
    process = daemon("--kafka-topic", "t", *args, servers="127.0.0.1:1")
    assert process.process.wait(timeout=180) == 78
    process.wait_for("")
    assert message in process.lines[-1]
    assert not (tmp_path / "s").exists()


def test_a_partition_that_does_not_exist_is_an_error(cluster: Cluster, daemon: Start) -> None:
    process = daemon("--kafka-topic", cluster.topic(2), "--kafka-partitions", "0,5")
    assert process.process.wait(timeout=180) == 1
    process.wait_for("has no partition 5: it has 2; change --kafka-partitions")
