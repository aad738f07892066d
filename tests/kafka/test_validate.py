"""``w2v-stream validate`` against a broker: topics, partitions, credentials."""

from __future__ import annotations

import subprocess
import sys

from tests.integration.daemons import SMALL, environment
from tests.kafka.broker import USER, Broker
from tests.kafka.cluster import Cluster


def _validate(servers: str, *args: str, **variables: str) -> tuple[int, str]:
    result = subprocess.run(
        [
            sys.executable, "-m", "streamer", "validate", "--source", "kafka",
            "--kafka-bootstrap-servers", servers, *SMALL, *args,
        ],
        capture_output=True, text=True, timeout=240, check=False, env=environment() | variables,
    )  # fmt: skip
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout


def test_topics_and_partitions_are_looked_up(cluster: Cluster) -> None:
    topic = cluster.topic()
    code, said = _validate(cluster.bootstrap_servers, "--kafka-topic", topic)
    assert code == 0, said
    assert f"ok       kafka-topic: topic {topic} has" in said
    code, said = _validate(
        cluster.bootstrap_servers, "--kafka-topic", topic, "--kafka-partitions", "77"
    )
    assert (code, f"topic {topic} has no [77]" in said) == (78, True)
    code, said = _validate(cluster.bootstrap_servers, "--kafka-topic", "not-there")
    assert (code, "topic not-there does not exist" in said) == (78, True)


def test_refused_credentials_fail(cluster: Cluster, broker: Broker) -> None:
    options = [
        "--kafka-topic", cluster.topic(), "--kafka-username", USER,
        "--kafka-config", "security_protocol=SASL_SSL",
        "--kafka-config", "sasl_mechanism=SCRAM-SHA-256",
        "--kafka-config", f"ssl_cafile={broker.ca_file}",
    ]  # fmt: skip
    servers = broker.sasl_ssl_bootstrap_servers
    code, said = _validate(servers, *options, W2V_STREAM_KAFKA_PASSWORD="wrong-one")
    assert code == 78
    assert "wrong-one" not in said
    code, said = _validate(servers, *options, W2V_STREAM_KAFKA_PASSWORD=broker.password)
    assert code == 0, said
