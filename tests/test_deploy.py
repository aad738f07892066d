"""What deploy/ holds, checked by the programs that it is for, and every alert provoked.

Rules and metrics are judged by promtool (Debian's package prometheus): without it those tests are
skipped, or fail if ``REQUIRE_PROMTOOL`` is set. An alert's test runs a real daemon into the alert's
cause, scrapes it, and has promtool evaluate the rule on what was scraped, a scrape counting as a
minute. Those about Kafka are in ``tests/kafka/test_alerts.py``.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from streamer.config.cluster_settings import ClusterSettings
from streamer.config.settings import RunSettings
from tests.integration.daemons import wait_until
from tests.integration.test_http import Daemon
from w2v_online import __version__

_DEPLOY = Path(__file__).parent.parent / "deploy"
_ALERTS = _DEPLOY / "prometheus" / "alerts.yaml"
_RULES = yaml.safe_load(_ALERTS.read_text())["groups"][0]["rules"]
_MINUTES = 40

promtool = pytest.mark.skipif(
    shutil.which("promtool") is None and not os.environ.get("REQUIRE_PROMTOOL"),
    reason="needs promtool, of Debian's package prometheus",
)


def _promtool(*args: str | Path, stdin: str = "") -> str:
    result = subprocess.run(
        ["promtool", *map(str, args)], input=stdin, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


class Scrapes:
    """What was scraped of a daemon, as series for promtool."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def take(self, daemon: Daemon) -> None:
        status, text = daemon.get("/metrics")
        assert status == 200
        self._texts.append(text)

    def _series(self) -> list[dict[str, str]]:
        values: dict[str, list[str]] = {}
        for number, text in enumerate(self._texts):
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels = {"job": "w2v-stream", "instance": "a:1", **sample.labels}
                    inside = ",".join(f'{key}="{value}"' for key, value in labels.items())
                    series = values.setdefault(f"{sample.name}{{{inside}}}", ["_"] * number)
                    series.append(str(sample.value))
        # The last scrape stays as it is, as it would while the cause lasts.
        return [
            {"series": name, "values": " ".join([*found, f"{found[-1]}+0x{_MINUTES}"])}
            for name, found in values.items()
        ]

    def firing(self, alert: str, folder: Path, at: str = f"{_MINUTES // 2}m") -> bool:
        """Whether an alert fires then."""
        return self.fires(self._series(), alert, folder, at)

    @staticmethod
    def fires(series: list[dict[str, str]], alert: str, folder: Path, at: str) -> bool:
        rule = next(rule for rule in _RULES if rule["alert"] == alert)
        test: dict[str, Any] = {
            "interval": "1m",
            "input_series": series,
            "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": []}],
        }
        file = folder / "test.yaml"
        document = {"rule_files": [str(_ALERTS)], "evaluation_interval": "1m", "tests": [test]}
        file.write_text(yaml.safe_dump(document))
        # promtool compares with what is expected; expecting none tells whether there is one.
        result = subprocess.run(
            ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
        )
        said = result.stdout + result.stderr
        assert result.returncode == 0 or f'severity="{rule["labels"]["severity"]}"' in said, said
        return result.returncode != 0


@promtool
def test_rules_and_configuration_are_clean() -> None:
    assert f"{len(_RULES)} rules found" in _promtool("check", "rules", _ALERTS)
    _promtool("check", "config", "--syntax-only", _DEPLOY / "prometheus" / "prometheus.yaml")


@promtool
def test_metrics_are_clean_and_known_to_rules_and_dashboard(tmp_path: Path) -> None:
    """promtool has nothing to say of them, and no rule or panel asks for one that is not there."""
    with Daemon(tmp_path) as daemon:
        daemon.learn(b"a b c\n" * 100)
        wait_until(lambda: daemon.metrics()["w2v_stream_words_total"] == 300)
        text = daemon.get("/metrics")[1]
    assert _promtool("check", "metrics", stdin=text) == ""
    names = {re.split(r"[ {]", line)[0] for line in text.splitlines() if line[:1] != "#"}
    of_kafka = {"w2v_stream_source_lag_messages", "w2v_stream_source_lag_checkpointed_messages",
                "w2v_stream_source_buffered_bytes", "w2v_stream_source_stalled_seconds",
                "w2v_stream_source_lost_messages_total"}  # fmt: skip
    of_alerts = {"w2v_stream_alerts_dropped_total", "w2v_stream_unexpected_records_total",
                 "w2v_stream_scored_records_total"}  # fmt: skip
    dashboard = json.loads((_DEPLOY / "grafana" / "dashboard.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += [rule["expr"] for rule in _RULES]
    for expression in asked:
        used = set(re.findall(r"\b(?:w2v_stream|process)_\w+", expression))
        assert used <= names | of_kafka | of_alerts, expression


@promtool
def test_a_quiet_and_healthy_daemon_fires_nothing_but_idle(tmp_path: Path) -> None:
    scrapes = Scrapes()
    with Daemon(tmp_path) as daemon:
        for words in (300, 600, 900):
            daemon.learn(b"a b c\n" * 100)
            wait_until(lambda words=words: daemon.metrics()["w2v_stream_words_total"] == words)
            scrapes.take(daemon)
    firing = [r["alert"] for r in _RULES if scrapes.firing(r["alert"], tmp_path, at="39m")]
    assert firing == ["W2vStreamIdle"]
    assert not any(scrapes.firing(rule["alert"], tmp_path, at="3m") for rule in _RULES)


@promtool
def test_a_daemon_that_is_gone_fires(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        daemon.get("/metrics")
    with pytest.raises(ConnectionRefusedError):
        daemon.get("/metrics")
    # What Prometheus notes when a scrape is refused.
    up = [{"series": 'up{job="w2v-stream",instance="a:1"}', "values": f"1 0+0x{_MINUTES}"}]
    assert not Scrapes.fires(up, "W2vStreamDown", tmp_path, "1m")
    assert Scrapes.fires(up, "W2vStreamDown", tmp_path, "5m")


@promtool
def test_an_unreachable_broker_fires_not_ready(tmp_path: Path) -> None:
    scrapes = Scrapes()
    options = ["--source", "kafka", "--kafka-bootstrap-servers", "127.0.0.1:9"]
    with Daemon(tmp_path, *options, "--kafka-topic", "t", until=503) as daemon:
        answer = daemon.get("/readyz")[1]
        assert [problem["name"] for problem in answer["problems"]] == ["source_disconnected"]
        assert daemon.get("/healthz")[0] == 200
        scrapes.take(daemon)
    assert scrapes.firing("W2vStreamNotReady", tmp_path)


@promtool
def test_a_full_disk_fires_snapshot_alerts(tmp_path: Path) -> None:
    """Files limited to a few kilobytes stand in for it; the daemon goes on learning."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    scrapes = Scrapes()
    daemon = Daemon(tmp_path, "--snapshot-every", "1s", preexec_fn=limit)
    try:
        scrapes.take(daemon)
        daemon.learn(b" ".join(b"w%d" % i for i in range(3000)) + b"\n")
        wait_until(lambda: daemon.metrics()["w2v_stream_snapshot_failures_total"] >= 1)
        wait_until(lambda: daemon.metrics()["w2v_stream_snapshot_age_seconds"] > 3)
        scrapes.take(daemon)
    finally:
        daemon.kill()
    assert scrapes.firing("W2vStreamSnapshotsFail", tmp_path, at="10m")
    assert scrapes.firing("W2vStreamSnapshotOld", tmp_path)


@promtool
def test_records_that_cannot_be_decoded_fire(tmp_path: Path) -> None:
    scrapes = Scrapes()
    with Daemon(tmp_path) as daemon:
        for bad in range(1, 8):
            daemon.learn(b"a b c\n" * 20 + b"\xff\n")
            wait_until(
                lambda bad=bad: daemon.metrics()["w2v_stream_errors_total invalid_record"] == bad
            )
            scrapes.take(daemon)
    assert not scrapes.firing("W2vStreamBadRecords", tmp_path, at="2m")
    assert scrapes.firing("W2vStreamBadRecords", tmp_path, at="7m")


@promtool
def test_a_full_vocabulary_fires(tmp_path: Path) -> None:
    scrapes = Scrapes()
    with Daemon(tmp_path, "--max-vocab-size", "3") as daemon:
        daemon.learn(b"a b c\n" * 100)
        wait_until(lambda: daemon.metrics()["w2v_stream_vocabulary_words"] == 3)
        scrapes.take(daemon)
        daemon.learn(b"d e f\n" * 3000)
        wait_until(lambda: daemon.metrics()["w2v_stream_evicted_words_total"] > 0)
        scrapes.take(daemon)
    assert scrapes.firing("W2vStreamVocabularyFull", tmp_path)


@promtool
def test_memory_beyond_the_ceiling_fires(tmp_path: Path) -> None:
    """A line of 700 MB that is allowed to be that long, in front of a small model."""
    scrapes, before = Scrapes(), Scrapes()
    daemon = Daemon(tmp_path, "--max-line-bytes", str(1 << 30))
    try:
        before.take(daemon)
        for _ in range(700):
            daemon.learn(b"word " * 200_000)
        wait_until(lambda: daemon.metrics()["process_resident_memory_bytes"] > 7e8)
        scrapes.take(daemon)
    finally:
        daemon.kill()
    assert not before.firing("W2vStreamMemory", tmp_path)
    assert scrapes.firing("W2vStreamMemory", tmp_path)


@promtool
def test_unexpected_records_and_alerts_that_get_lost_fire(tmp_path: Path) -> None:
    """Many lines of a new kind, and a webhook that refuses."""
    scrapes = Scrapes()
    options = ["--alert-warm-up", "1000", "--boundaries", "--sample", "0"]
    calm, new = b"user came from host\n" * 2000, b"disk %d broke down\n"
    with (
        refusing_server() as url,
        Daemon(tmp_path, "--alerts", f"{url}/hook", *options) as daemon,
    ):
        daemon.learn(calm)
        scored = "w2v_stream_scored_records_total"
        wait_until(lambda: daemon.metrics()[scored] == 2000)
        scrapes.take(daemon)
        scrapes.take(daemon)
        daemon.learn(b"".join(new % i for i in range(50)))
        wait_until(lambda: daemon.metrics()[scored] == 2050)
        dropped = "w2v_stream_alerts_dropped_total http://127.0.0.1"
        wait_until(lambda: daemon.metrics()[dropped] > 0)
        text = daemon.get("/metrics")[1]
        scrapes.take(daemon)
    assert _promtool("check", "metrics", stdin=text) == ""
    for alert in ("W2vStreamManyUnexpected", "W2vStreamAlertsLost"):
        assert not scrapes.firing(alert, tmp_path, at="1m")
        assert scrapes.firing(alert, tmp_path, at="3m")


@contextmanager
def refusing_server() -> Iterator[str]:
    """The URL of an HTTP server that accepts nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(400)

        def log_message(self, *_args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_every_alert_is_explained_and_provoked() -> None:
    document = (_DEPLOY.parent / "docs" / "guides" / "operations.md").read_text()
    kafka = Path(__file__).parent / "kafka" / "test_alerts.py"
    tests = Path(__file__).read_text() + kafka.read_text()
    for rule in _RULES:
        assert f"`{rule['alert']}`" in document
        assert f'"{rule["alert"]}"' in tests


def _pods() -> list[dict[str, Any]]:
    """The specification of each pod in the manifests."""
    found: list[dict[str, Any]] = []

    def search(node: Any) -> None:
        if isinstance(node, dict):
            if "containers" in node:
                found.append(node)
            for value in node.values():
                search(value)
        elif isinstance(node, list):
            for value in node:
                search(value)

    for file in (_DEPLOY / "kubernetes").iterdir():
        for manifest in yaml.safe_load_all(file.read_text()):
            search(manifest)
    assert len(found) > 1
    return found


def test_there_is_one_image_and_its_version_is_the_packages() -> None:
    """Built, started and deployed under one name; Ray is in a variant of it."""
    images = {container["image"] for pod in _pods() for container in pod["containers"]}
    images |= {
        service["image"] for service in _compose()["services"].values() if "build" in service
    }
    texts = [file.read_text() for file in _DEPLOY.rglob("*") if file.is_file()]
    images |= {name for text in texts for name in re.findall(r"--tag (\S+)", text)}
    image = f"w2v-stream:{__version__}"
    assert images == {image, image + "-ray"}


def test_pods_have_no_variables_of_services() -> None:
    """They would begin as those of our options do, where a service is called w2v-stream."""
    assert all(pod["enableServiceLinks"] is False for pod in _pods())


def test_a_broker_that_is_away_restarts_no_pod() -> None:
    """Probes that end a container ask whether it is alive, not whether it is ready."""
    containers = [container for pod in _pods() for container in pod["containers"]]
    for name in ("startupProbe", "livenessProbe"):
        probes = [container[name] for container in containers if name in container]
        assert {probe["httpGet"]["path"] for probe in probes} == {"/healthz"}


def test_a_broker_that_is_away_keeps_no_unit_from_starting() -> None:
    """``run`` waits for it. ``validate`` fails, and a unit that fails to start is soon given up.

    Nor does RestartPreventExitStatus know the exit code of another command than the main one.
    """
    unit = (_DEPLOY / "systemd" / "w2v-stream.service").read_text()
    commands = re.findall(r"^(Exec\w+)=(\S+ \w+)", unit, re.MULTILINE)
    assert [name for name, command in commands if command.endswith("w2v-stream run")] == [
        "ExecStart"
    ]
    assert {name for name, _ in commands} <= {"ExecStart", "ExecReload"}


def test_the_sample_configuration_of_the_unit_is_one(tmp_path: Path) -> None:
    sample = _DEPLOY / "systemd" / "w2v-stream.toml"
    unit = (_DEPLOY / "systemd" / "w2v-stream.service").read_text()
    assert f"--config /etc/{sample.name}" in unit
    text = sample.read_text()
    kafka = re.sub(r"^(source|path|follow) ", r"# \1 ", text, flags=re.M)
    kafka = re.sub(r"^# (source = \"kafka|kafka-)", r"\1", kafka, flags=re.M)
    for given, source in ((text, "file"), (kafka, "kafka")):
        keys = {key.replace("-", "_"): value for key, value in tomllib.loads(given).items()}
        assert RunSettings.model_validate(keys).source == source


def test_kubernetes_accepts_the_manifests() -> None:
    manifests = list(yaml.safe_load_all((_DEPLOY / "kubernetes" / "w2v-stream.yaml").read_text()))
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    config = next(m for m in manifests if m["kind"] == "ConfigMap")
    given = tomllib.loads(config["data"]["w2v-stream.toml"])
    RunSettings.model_validate({key.replace("-", "_"): value for key, value in given.items()})


def test_kubernetes_accepts_the_cluster_as_far_as_it_knows_it() -> None:
    """RayJob is KubeRay's; the pods in it are Kubernetes', and the configuration is ours."""
    config, claim, job = yaml.safe_load_all((_DEPLOY / "kubernetes" / "cluster.yaml").read_text())
    spec = job["spec"]["rayClusterSpec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    pods = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, **group["template"]}
        for group in groups
    ]
    for manifest in (config, claim, *pods):
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    given = tomllib.loads(config["data"]["w2v-stream.toml"])
    settings = ClusterSettings.model_validate({k.replace("-", "_"): v for k, v in given.items()})
    assert job["spec"]["entrypoint"].split()[:2] == ["w2v-stream", "cluster"]
    cpus = sum(
        group["replicas"] * int(group["rayStartParams"]["num-cpus"])
        for group in spec["workerGroupSpecs"]
    )
    assert cpus == settings.workers * settings.threads


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_is_hardened_as_the_documents_say() -> None:
    unit = _DEPLOY / "systemd" / "w2v-stream.service"
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=15", unit],
        capture_output=True, text=True, check=False, env=os.environ | {"SYSTEMD_PAGER": ""},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-300:]


def _compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())
    return loaded


def test_the_compose_file_mounts_what_is_there() -> None:
    for service in _compose()["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (_DEPLOY / source).exists(), mount
        build = service.get("build")
        assert build is None or (_DEPLOY / build["context"] / build["dockerfile"]).exists()
