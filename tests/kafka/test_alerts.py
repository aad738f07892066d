"""Alerts about Kafka fire when their cause is provoked, and not before."""

from __future__ import annotations

from pathlib import Path

from tests.integration.daemons import wait_until
from tests.integration.test_http import Daemon
from tests.kafka import process as kafka_daemon
from tests.kafka.cluster import Cluster
from tests.test_deploy import Scrapes, promtool

_SLOW = """
import time

version = "1"

def slowly(text):
    time.sleep(0.02)
    return text.split()
"""
_LAG = "w2v_stream_source_lag_messages"


def _options(cluster: Cluster, topic: str) -> list[str]:
    return [
        "--source", "kafka", "--kafka-bootstrap-servers", cluster.bootstrap_servers,
        "--kafka-topic", topic, "--kafka-group", topic,
    ]  # fmt: skip


@promtool
def test_a_daemon_that_cannot_keep_up_fires(cluster: Cluster, tmp_path: Path) -> None:
    """More comes than a slow tokenizer takes: the lag grows from scrape to scrape."""
    (tmp_path / "own.py").write_text(_SLOW)
    topic = cluster.topic()
    scrapes = Scrapes()
    options = [*_options(cluster, topic), "--tokenizer", "own:slowly"]
    daemon = Daemon(tmp_path, *options, cwd=tmp_path)
    try:
        cluster.produce(topic, [b"a b c"])
        wait_until(lambda: daemon.metrics()["w2v_stream_words_total"] == 3)
        scrapes.take(daemon)
        for _ in range(4):
            before = daemon.metrics()[_LAG]
            while daemon.metrics()[_LAG] <= before:
                cluster.produce(topic, [b"a b c"] * 200)
            scrapes.take(daemon)
    finally:
        daemon.kill()
    assert not scrapes.firing("W2vStreamLagging", tmp_path, at="3m")
    assert scrapes.firing("W2vStreamLagging", tmp_path, at="17m")


@promtool
def test_messages_that_expired_unread_fire(cluster: Cluster, tmp_path: Path) -> None:
    """What a daemon was to read next is gone when it comes again."""
    topic = cluster.topic()
    cluster.produce(topic, [b"a b c"] * 10)
    cluster.commit(topic, topic, 2)
    cluster.delete_before(topic, 0, 7)
    scrapes = Scrapes()
    with Daemon(tmp_path, *_options(cluster, topic)) as daemon:
        wait_until(lambda: daemon.metrics()["w2v_stream_words_total"] == 9)
        scrapes.take(daemon)
        assert daemon.metrics()["w2v_stream_source_lost_messages_total"] == 5
    assert scrapes.firing("W2vStreamMessagesLost", tmp_path)
    assert not scrapes.firing("W2vStreamLagging", tmp_path)


_ASSIGNS_NOTHING = """
from kafka.coordinator.consumer import ConsumerCoordinator
ConsumerCoordinator.need_rejoin = lambda self: False
"""


@promtool
def test_a_client_that_is_never_assigned_anything_fires(cluster: Cluster, tmp_path: Path) -> None:
    """Within a minute the daemon is not ready; the log names topic and group."""
    topic = cluster.topic()
    options = [*_options(cluster, topic)[2:], "--source", "kafka", "--http", "127.0.0.1:0"]
    daemon = kafka_daemon.Daemon(*options, folder=tmp_path / "s", code=_ASSIGNS_NOTHING)
    scrapes = Scrapes()
    try:
        daemon.event("kafka_connected")
        scrapes.take(daemon)
        daemon.wait_until(lambda: daemon.problems() == ["source_stalled"], seconds=60)
        said = daemon.event("kafka_reads_nothing")
        assert f"topics={topic}" in said
        assert f"group={topic}" in said
        daemon.wait_until(lambda: daemon.metrics()["w2v_stream_source_stalled_seconds"] > 30)
        scrapes.take(daemon)
        assert daemon.stop() == 0
    finally:
        daemon.kill()
    assert not scrapes.firing("W2vStreamStalled", tmp_path, at="1m")
    assert scrapes.firing("W2vStreamStalled", tmp_path, at="5m")
