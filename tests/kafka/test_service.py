"""Probes and metrics of a daemon that reads from Kafka: a broker that goes and comes."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from tests.kafka.broker import Broker
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon

Start = Callable[..., Daemon]


def _get(process: Daemon, path: str) -> tuple[int, str]:
    address = re.findall(r"address=127.0.0.1:(\d+)", process.event("http_listening"))[0]
    connection = http.client.HTTPConnection("127.0.0.1", int(address), timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_ready_follows_the_broker_and_lag_is_told(
    cluster: Cluster, broker: Broker, daemon: Start
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"a b c"] * 50)
    process = daemon("--kafka-topic", topic, "--kafka-group", topic, "--http", "127.0.0.1:0")

    def figures() -> dict[str, float]:
        families = text_string_to_metric_families(_get(process, "/metrics")[1])
        return {sample.name: sample.value for family in families for sample in family.samples}

    process.wait_until(lambda: figures().get("w2v_stream_words_total") == 150)
    found = figures()
    assert found["w2v_stream_source_lag_messages"] == 0
    assert found["w2v_stream_source_messages_total"] == 50
    assert _get(process, "/readyz")[0] == 200
    broker.kill()
    process.wait_until(lambda: _get(process, "/readyz")[0] == 503)
    (problem,) = json.loads(_get(process, "/readyz")[1])["problems"]
    assert problem["name"] == "source_disconnected"
    assert _get(process, "/healthz")[0] == 200
    broker.start()
    process.wait_until(lambda: _get(process, "/readyz")[0] == 200)
    assert process.stop() == 0
