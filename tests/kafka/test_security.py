"""TLS and SCRAM, and where the password is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.kafka.broker import USER, Broker
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon

Start = Callable[..., Daemon]


def _options(broker: Broker) -> list[str]:
    return [
        "--kafka-username", USER, "--kafka-config", "security_protocol=SASL_SSL",
        "--kafka-config", "sasl_mechanism=SCRAM-SHA-256",
        "--kafka-config", f"ssl_cafile={broker.ca_file}",
    ]  # fmt: skip


def test_tls_and_scram_and_the_password_is_nowhere(
    cluster: Cluster, broker: Broker, daemon: Start, tmp_path: Path
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"a b", b"\xff"])
    password = {"W2V_STREAM_KAFKA_PASSWORD": broker.password}
    process = daemon(
        "--kafka-topic", topic, "--kafka-group", topic, "--snapshot-every", "1s", *_options(broker),
        "--kafka-dead-letter-topic", cluster.topic(), "--log-level", "debug",
        servers=broker.sasl_ssl_bootstrap_servers, env=password,
    )  # fmt: skip
    process.wait_for_words(2)
    arguments = Path(f"/proc/{process.process.pid}/cmdline").read_bytes().decode()
    assert process.stop() == 0
    command = [sys.executable, "-m", "streamer"]
    shown = [
        subprocess.run([*command, *args], capture_output=True, text=True, check=True).stdout
        for args in (["run", "--help"], ["inspect", str(tmp_path / "s"), "--json"])
    ]
    files = [file.read_bytes() for file in (tmp_path / "s").rglob("*") if file.is_file()]
    for text in (arguments, "".join(process.lines), *shown):
        assert broker.password not in text
    assert not any(broker.password.encode() in data for data in files)
    assert json.loads(shown[1])["counters"]["invalid_records"] == 1


def test_refused_credentials_are_explained(
    cluster: Cluster, broker: Broker, daemon: Start, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("not-the-password\n")
    process = daemon(
        "--kafka-topic", cluster.topic(), *_options(broker), "--kafka-password-file", str(file),
        servers=broker.sasl_ssl_bootstrap_servers,
    )  # fmt: skip
    # The client does not always get to see the answer before the broker disconnects.
    explained = process.wait_for("error: Kafka refuses: .*credentials|refuse the credentials")
    if "error: Kafka refuses" in explained:
        assert process.process.wait(timeout=180) == 78
    else:
        assert process.stop() in (0, 78)
    assert "not-the-password" not in "".join(process.lines)


def test_a_password_is_no_flag(daemon: Start) -> None:
    for args in (["--kafka-password", "x"], ["--kafka-config", "ssl_password=x"]):
        process = daemon("--kafka-topic", "t", *args)
        assert process.process.wait(timeout=180) == 2
        process.wait_for("must not be a flag")
