"""The documents' commands that need a broker, run with one; the others: tests/integration."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import Command, commands
from tests.kafka.broker import USER, Broker
from tests.kafka.cluster import Cluster
from tests.shell import furnish, run

_COMMANDS = [command for command in commands() if "broker:" in command.text]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    furnished = tmp_path_factory.mktemp("commands")
    furnish(furnished)
    return furnished


@pytest.mark.parametrize("command", _COMMANDS, ids=str)
def test_a_command_with_a_broker_ends_well(
    command: Command, cluster: Cluster, broker: Broker, folder: Path
) -> None:
    topic = cluster.topic()
    text = command.text.replace("--topic logs", f"--topic {topic}")
    text = text.replace("--kafka-topic logs", f"--kafka-topic {topic} --snapshot-dir {topic}")
    text = text.replace("broker:9092", cluster.bootstrap_servers)
    text = text.replace("broker:9093", broker.sasl_ssl_bootstrap_servers)
    text = text.replace("alice", USER).replace("=ca.pem", f"={broker.ca_file}")
    said = run(text, folder, W2V_STREAM_KAFKA_PASSWORD=broker.password)
    assert "broker:" not in text
    assert "kafka_unreachable" not in said
    if "produce.py" in text:
        assert len(cluster.read(topic)) == len((folder / "text").read_text().splitlines())
