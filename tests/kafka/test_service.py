"""Probes and metrics of a daemon that reads from Kafka: a broker that goes and comes."""

from __future__ import annotations

from collections.abc import Callable

from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon

Start = Callable[..., Daemon]


def test_ready_follows_the_broker_and_lag_is_told(
    cluster: Cluster, broker: Broker, daemon: Start
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"a b c"] * 50)
    process = daemon("--kafka-topic", topic, "--kafka-group", topic, "--http", "127.0.0.1:0")

    process.wait_until(lambda: process.metrics().get("w2v_stream_words_total") == 150)
    found = process.metrics()
    assert found["w2v_stream_source_lag_messages"] == 0
    assert found["w2v_stream_source_messages_total"] == 50
    assert process.get("/readyz")[0] == 200
    broker.kill()
    process.wait_until(lambda: process.get("/readyz")[0] == 503)
    assert process.problems() == ["source_disconnected"]
    assert process.get("/healthz")[0] == 200
    broker.start()
    process.wait_until(lambda: process.get("/readyz")[0] == 200)
    assert process.stop() == 0
