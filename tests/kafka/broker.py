"""A real Apache Kafka broker of one node (KRaft), as a child process that can be killed.

Needs Java and Maven: the jars come from Maven Central once and stay in ``.kafka/`` at the root.
Everything listens on the loopback address. Besides PLAINTEXT it speaks SASL_SSL with SCRAM.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_POM = Path(__file__).parent / "pom.xml"
_START_SECONDS = 180.0

USER = "alice"


def missing_programs() -> list[str]:
    """What a broker needs and this machine lacks."""
    return [program for program in ("java", "keytool", "mvn") if shutil.which(program) is None]


def jars() -> Path:
    """The folder with the broker's jars, fetched if need be."""
    version = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    folder = ROOT / ".kafka" / f"libs-{version}"
    if not folder.exists():
        fetched = folder.with_name(f".{folder.name}-{os.getpid()}")
        subprocess.run(
            ["mvn", "-q", "-B", "-f", _POM, "dependency:copy-dependencies",
             "-DincludeScope=runtime", f"-DoutputDirectory={fetched}"],
            check=True, timeout=600,
        )  # fmt: skip
        fetched.rename(folder)
    return folder


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Broker:
    """A broker with its data in ``folder``; ports and data stay the same when it is restarted.

    One of several is a ``node`` of a cluster whose ``voters`` are the nodes' controller ports.
    """

    def __init__(
        self, folder: Path, node: int = 1, voters: Mapping[int, int] | None = None
    ) -> None:
        self._folder = folder
        self._node = node
        self._voters = voters or {}
        self._classpath = f"{jars()}/*"
        self._process: subprocess.Popen[bytes] | None = None
        plain, controller, sasl = free_ports(3)
        controller = self._voters.get(node, controller)
        self._ports = plain, controller, sasl
        self.bootstrap_servers = f"127.0.0.1:{plain}"
        self.sasl_ssl_bootstrap_servers = f"127.0.0.1:{sasl}"
        self.password = secrets.token_hex(12)
        self.ca_file = folder / "broker.pem"
        folder.mkdir(parents=True, exist_ok=True)
        self._make_certificate()
        self._write_properties()
        alone = [] if self._voters else ["--standalone"]
        self._java(
            "kafka.tools.StorageTool", "format", *alone, "-t", "w2vstreamTestClusterIdA",
            "-c", "server.properties",
            "--add-scram", f"SCRAM-SHA-256=[name={USER},password={self.password}]",
        )  # fmt: skip

    def _java(self, *args: str) -> None:
        command = ["java", "-XX:TieredStopAtLevel=1", "-cp", self._classpath, *args]
        result = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, timeout=240, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr

    def _make_certificate(self) -> None:
        store = ["-keystore", "broker.p12", "-storepass", self.password, "-alias", "broker"]
        for command in (
            ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30",
             "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1,dns:localhost",
             "-ext", "bc:c=ca:true", "-storetype", "PKCS12"],
            ["-exportcert", "-rfc", "-file", str(self.ca_file)],
        ):  # fmt: skip
            subprocess.run(
                ["keytool", command[0], *store, *command[1:]],
                cwd=self._folder, capture_output=True, check=True, timeout=240,
            )  # fmt: skip

    def _write_properties(self) -> None:
        plain, controller, sasl = self._ports
        listeners = f"PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{sasl}"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(self._node),
            **self._quorum(controller),
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL"
            ),
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": scram,
            "ssl.keystore.location": "broker.p12",
            "ssl.keystore.password": self.password,
            "ssl.keystore.type": "PKCS12",
            "log.dirs": "data",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1" if not self._voters else "3",
            "default.replication.factor": "1" if not self._voters else "3",
            "min.insync.replicas": "1" if not self._voters else "2",
            "offsets.topic.num.partitions": "2",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "2",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # A broker that was killed is let in again after its old session.
            "broker.session.timeout.ms": "4000",  # on a busy machine heartbeats are late
            "broker.heartbeat.interval.ms": "300",
            "log.cleaner.dedupe.buffer.size": "10485760",
            "log.retention.check.interval.ms": "1000",
            "log.segment.delete.delay.ms": "100",
            "num.network.threads": "2",
            "num.io.threads": "2",
        }
        text = "".join(f"{key}={value}\n" for key, value in properties.items())
        (self._folder / "server.properties").write_text(text)

    def _quorum(self, controller: int) -> dict[str, str]:
        if not self._voters:
            return {"controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}"}
        voters = [f"{node}@127.0.0.1:{port}" for node, port in self._voters.items()]
        return {"controller.quorum.voters": ",".join(voters)}

    def start(self) -> None:
        """Start and wait until it takes connections."""
        assert self._process is None
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                 "-cp", self._classpath, "kafka.Kafka", "server.properties"],
                cwd=self._folder, stdout=log, stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, (self._folder / "broker.log").read_text()[-5000:]
            try:
                socket.create_connection(("127.0.0.1", self._ports[0]), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the broker does not listen: " + str(self._folder / "broker.log"))

    def freeze(self) -> None:
        """SIGSTOP: it hangs, and its connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and what comes after half a minute."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=180)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=180)
