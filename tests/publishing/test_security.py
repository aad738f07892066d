"""Publishing to Kafka with TLS and SCRAM, and where the password is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.test_cli import run
from tests.kafka.broker import USER, Broker
from tests.kafka.cluster import Cluster
from w2v_online import LearnerConfig, OnlineWord2Vec


def _options(broker: Broker, topic: str) -> list[str]:
    return [
        "--to", f"kafka://{broker.sasl_ssl_bootstrap_servers}/{topic}", "--kafka-username", USER,
        "--kafka-config", "security_protocol=SASL_SSL",
        "--kafka-config", "sasl_mechanism=SCRAM-SHA-256",
        "--kafka-config", f"ssl_cafile={broker.ca_file}",
    ]  # fmt: skip


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    model = OnlineWord2Vec(LearnerConfig(vector_size=4, min_count=1))
    model.learn([["a", "b"]])
    model.snapshot(tmp_path / "s")
    return tmp_path / "s"


def test_tls_and_scram(cluster: Cluster, broker: Broker, snapshots: Path, tmp_path: Path) -> None:
    """Once with the password in the environment, once in a file."""
    topic = f"published-{tmp_path.name}"
    options = _options(broker, topic)
    secret = tmp_path / "password"
    secret.write_text(f"{broker.password}\n")
    shown = []
    for more, environment in (
        ([], {"W2V_STREAM_KAFKA_PASSWORD": broker.password}),
        (["--kafka-password-file", secret, "--full"], {}),
    ):
        result = run("publish", snapshots, *options, *more, env=environment)
        assert result.returncode == 0, result.stderr
        assert "upserted=2" in result.stderr
        shown.append(result.stdout + result.stderr)
    assert [message.key for message in cluster.read(topic)] == [b"a", b"b"] * 2
    files = [file.read_bytes().decode("latin-1") for file in snapshots.rglob("*") if file.is_file()]
    assert not any(broker.password in text for text in (*shown, *files))


def test_refused_credentials_are_explained(broker: Broker, snapshots: Path, tmp_path: Path) -> None:
    """The client does not always get to see the answer before the broker disconnects."""
    options = [*_options(broker, "t"), "--kafka-config", "bootstrap_timeout_ms=3000"]
    environment = {"W2V_STREAM_KAFKA_PASSWORD": "not-the-password"}
    result = run("publish", snapshots, *options, env=environment)
    assert (result.returncode, "refuse" in result.stderr) in ((78, True), (1, True))
    assert "credentials" in result.stderr
    assert "not-the-password" not in result.stderr


def test_wrong_settings(snapshots: Path) -> None:
    for arguments, code, message in (
        (["--kafka-password", "x"], 2, "must not be a flag"),
        (["--kafka-config", "ssl_password=x"], 2, "must not be a flag"),
        (["--kafka-config", "sasl_mechanisms=x"], 78, "did you mean sasl_mechanism"),
        (["--kafka-username", "me"], 78, "security_protocol=SASL_SSL"),
        (["--kafka-config", "nothing"], 2, "--kafka-config"),
    ):
        result = run("publish", snapshots, "--to", "kafka://127.0.0.1:1/t", *arguments)
        assert (result.returncode, message in result.stderr) == (code, True), result.stderr
