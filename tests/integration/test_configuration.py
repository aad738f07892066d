"""``--print-config`` and ``validate``: what an operator asks before a start."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from contextlib import nullcontext
from pathlib import Path

import pytest

from streamer import machine
from streamer.checks import validation
from streamer.config.settings import RunSettings
from streamer.sources.kafka import checks
from tests.integration.daemons import COMMAND, SMALL, environment
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.snapshots.writer import encode_manifest


def run(*args: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment() | variables,
    )


def test_the_printed_configuration_says_where_each_value_comes_from(tmp_path: Path) -> None:
    """And is a configuration file that means the same."""
    file = tmp_path / "w2v.toml"
    file.write_text(
        'window = 3\nkeep = 9\nkafka-topic = ["a", "b"]\n'
        'kafka-bootstrap-servers = "h:9092"\n[kafka]\nclient_id = "é"\n'
    )
    variables = {"W2V_STREAM_KEEP": "8", "W2V_STREAM_MIN_COUNT": "4"}
    first = run("run", "--config", file, "--print-config", "--min-count", "2", **variables)
    assert (first.returncode, first.stderr) == (0, "")
    assert "min-count = 2  # flag\n" in first.stdout
    assert "keep = 8  # environment W2V_STREAM_KEEP\n" in first.stdout
    assert f"window = 3  # file {file}\n" in first.stdout
    assert "negative = 5  # default\n" in first.stdout
    assert tomllib.loads(first.stdout)["kafka-config"] == {"client_id": "é"}
    file.write_text(first.stdout)
    second = run("run", "--config", file, "--print-config")
    assert tomllib.loads(second.stdout) == tomllib.loads(first.stdout)


def test_a_former_name_of_an_option_is_understood_with_a_note(tmp_path: Path) -> None:
    file = tmp_path / "w2v.toml"
    file.write_text("settle = 7\nreplay = 1\n")
    for args, variables, noted in [
        (["--config", file], {}, f"{file}: settle is now called anneal"),
        (["--replay", "1"], {"W2V_STREAM_SETTLE": "7"}, "W2V_STREAM_ANNEAL"),
        (["--replay", "1", "--settle", "7"], {}, "--settle is now called --anneal"),
        (["--replay", "1", "--settle=7"], {}, "--settle is now called --anneal"),
    ]:
        printed = run("run", "--print-config", *args, **variables)
        assert printed.returncode == 0, printed.stderr
        assert tomllib.loads(printed.stdout)["anneal"] == 7
        assert noted in printed.stderr
    file.write_text("settle = 7\nanneal = 8\n")
    twice = run("run", "--config", file, "--print-config")
    assert (twice.returncode, "anneal is set twice" in twice.stderr) == (78, True)
    command = run("settle", tmp_path)
    assert (command.returncode, "now called anneal" in command.stderr) == (2, True)


def test_the_printed_configuration_masks_secrets(tmp_path: Path) -> None:
    file = tmp_path / "w2v.toml"
    file.write_text('[kafka]\nssl_password = "sesame-1"\nclient_id = "x"\n')
    printed = run(
        "--config", file, "--print-config", W2V_STREAM_KAFKA_PASSWORD="sesame-2",
        W2V_STREAM_ALERTS="slack+https://hooks.example.com/services/sesame-3,"
        "alertmanager+https://me:sesame-4@alerts.example.com:9093,https://example.com?t=sesame-5,"
        "HTTPS://upper.example.com/sesame-6,https:/slash.example.com/sesame-7,"
        "https://me:sesame-8/@broken.example.com/x,https://back.example.com\\sesame-9",
    )  # fmt: skip
    assert printed.returncode == 0, printed.stderr
    for host in (
        "hooks.example.com", "alerts.example.com:9093", "//example.com", "HTTPS://upper.example.com",
        "/slash.example.com", "back.example.com",
    ):  # fmt: skip
        assert host in printed.stdout
    assert "sesame" not in printed.stdout + printed.stderr
    assert re.search(r'^#kafka-password = "\*+"  # environment', printed.stdout, re.M)
    assert "\n#alerts = [" in printed.stdout  # else a run would send to what the mask names
    assert "alerts" not in tomllib.loads(printed.stdout)


def test_a_valid_configuration_is_said_to_be_and_leaves_no_trace(tmp_path: Path) -> None:
    result = run("validate", "--snapshot-dir", tmp_path / "s", *SMALL)
    assert (result.returncode, result.stderr) == (0, "")
    assert {line.split()[0] for line in result.stdout.splitlines()} == {"ok"}
    assert list(tmp_path.iterdir()) == []


_NO_REDIS = ("--redis-url", "redis://127.0.0.1:9")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--snapshot-dir", "file/below"], "snapshot-dir: cannot be written"),
        (["--init", "missing"], "--init: missing does not exist"),
        (["--init", "file"], "--init: file is no word2vec file"),
        (["--init", "none.vec"], "--init: none.vec holds no words"),
        (["--http", "127.0.0.1:0", "--http-token-file", "missing"], "--http-token-file missing"),
        (["--source", "redis", "--redis-stream", "s", *_NO_REDIS], "redis: redis://127.0.0.1:9"),
        (["--probe", "file"], "failure  files: --probe"),
        (["--source", "file", "--path", "missing"], "path: missing cannot be read"),
        (["--max-vocab-size", "100000000", "--vector-size", "8000"], "failure  memory: "),
        (["--resume", "require"], "--resume require: s holds no intact snapshot"),
    ],
)
def test_what_would_stop_a_start_fails_with_exit_code_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("nothing\n")
    Path("none.vec").write_text("0 16\n")
    result = run("validate", "--snapshot-dir", "s", *SMALL, *args)
    assert result.returncode == 78, result.stdout
    assert message in result.stdout
    assert result.stderr == ""


def test_a_snapshot_that_does_not_fit_fails(tmp_path: Path) -> None:
    subprocess.run(
        [*COMMAND, "--snapshot-dir", tmp_path, *SMALL],
        input=b"a b c\n",
        stderr=subprocess.DEVNULL,
        check=True,
        env=environment(),
    )
    fits = run("validate", "--snapshot-dir", tmp_path, *SMALL)
    assert fits.returncode == 0
    assert "can be continued" in fits.stdout
    other = run("validate", "--snapshot-dir", tmp_path, *SMALL, "--vector-size", "17")
    assert other.returncode == 78
    assert "vector_size is 16 there and 17 here" in other.stdout


def test_a_snapshot_of_a_later_version_with_more_options_fails(tmp_path: Path) -> None:
    model = OnlineWord2Vec(LearnerConfig(vector_size=16, min_count=1, max_vocab_size=20_000))
    model.learn([["a", "b"]])
    path = model.snapshot(tmp_path) / "manifest.json"
    manifest = json.loads(path.read_bytes())
    del manifest["manifest_sha256"]
    manifest["config"]["not_known_yet"] = 1
    path.write_bytes(encode_manifest(manifest))
    found = run("validate", "--snapshot-dir", tmp_path, *SMALL)
    assert found.returncode == 78
    assert "holds only damaged snapshots" in found.stdout
    assert "not_known_yet" in found.stderr
    assert "Traceback" not in found.stderr
    for key in ("config", "tokenizer"):
        del manifest[key]
        path.write_bytes(encode_manifest(manifest))
        found = run("validate", "--snapshot-dir", tmp_path, *SMALL)
        assert found.returncode == 78
        assert "lacks or garbles" in found.stderr
        assert "Traceback" not in found.stderr


def test_a_broker_that_does_not_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CONNECT_SECONDS", 0.5)
    settings = RunSettings(
        source="kafka", kafka_bootstrap_servers=("127.0.0.1:9",), kafka_topic=("t",)
    )
    (found,) = validation._source(settings)
    assert found.level == "failure"
    assert "127.0.0.1:9" in found.message


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_OWN_GROUPS", tmp_path / "cgroup")
    limit = tmp_path / "memory.max"
    limit.write_text("max\n")
    whole = machine.memory_bytes()
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit.write_text(f"{2**20}\n")
    assert machine.memory_bytes() == machine.available_bytes() == 2**20
    few = RunSettings(vector_size=16, max_vocab_size=20_000)
    (memory,) = validation._memory(few)
    assert memory.level == "failure"


@pytest.mark.parametrize(
    ("groups", "file"),
    [
        ("0::/system.slice/w2v.service\n", "system.slice/w2v.service/memory.max"),
        ("0::/system.slice/w2v.service\n", "system.slice/memory.max"),
        ("5:cpu,memory:/docker/1\n1:name=systemd:/x\n", "memory/docker/1/memory.limit_in_bytes"),
    ],
)
def test_the_limit_of_the_process_own_group_and_those_around_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, groups: str, file: str
) -> None:
    """As of a systemd service with MemoryMax=."""
    monkeypatch.setattr(machine, "_GROUPS", tmp_path)
    monkeypatch.setattr(machine, "_OWN_GROUPS", tmp_path / "cgroup")
    (tmp_path / "cgroup").write_text(groups)
    assert machine.memory_bytes() > 2**21
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(f"{2**21}\n")
    assert machine.memory_bytes() == 2**21


def test_the_limit_of_address_space_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (2**20, 2**20))
    (memory,) = validation._memory(RunSettings(vector_size=16, max_vocab_size=20_000))
    assert memory.level == "failure"
    assert "ulimit -v" in memory.message


def test_without_the_memory_that_it_needs_a_run_ends_with_what_to_do(tmp_path: Path) -> None:
    command = f"ulimit -v 3000000; exec {COMMAND[0]} -m streamer run --max-vocab-size 9000000"
    done = subprocess.run(
        ["bash", "-c", f"{command} --snapshot-dir {tmp_path}"],
        input=b"a\n", capture_output=True, check=False, env=environment(),
    )  # fmt: skip
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"ulimit -v" in done.stderr


def test_variables_of_services_in_kubernetes_are_no_options(tmp_path: Path) -> None:
    services = {
        "W2V_STREAM_SERVICE_HOST": "10.0.0.1",
        "W2V_STREAM_SERVICE_PORT": "8787",
        "W2V_STREAM_SERVICE_PORT_HTTP": "8787",
        "W2V_STREAM_PORT": "tcp://10.0.0.1:8787",
        "W2V_STREAM_PORT_8787_TCP": "tcp://10.0.0.1:8787",
        "W2V_STREAM_PORT_8787_TCP_PROTO": "tcp",
        "W2V_STREAM_PORT_8787_TCP_ADDR": "10.0.0.1",
        "W2V_STREAM_HTTP_SERVICE_HOST": "10.0.0.1",
        "W2V_STREAM_HTTP_PORT": "tcp://10.0.0.1:8787",
    }
    assert run("run", "--print-config", **services).returncode == 0
    wrong = run("run", "--print-config", W2V_STREAM_PORT="8787")
    assert wrong.returncode == 78
    assert "W2V_STREAM_PORT" in wrong.stderr


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_configuration_file_may_begin_with_a_byte_order_mark(
    tmp_path: Path, encoding: str
) -> None:
    file = tmp_path / "w2v.toml"
    file.write_text("window = 3\n", encoding)
    assert "window = 3" in run("run", "--config", file, "--print-config").stdout


def test_what_is_in_use_fails(tmp_path: Path) -> None:
    """A port that something listens on, and a folder that another process writes to."""
    import socket

    from streamer.checkpoints.folder import SnapshotFolder

    folder = SnapshotFolder(str(tmp_path / "s"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        done = run("validate", "--snapshot-dir", folder.path, *SMALL, "--http", f"127.0.0.1:{port}")
    assert done.returncode == 78
    assert "cannot listen there" in done.stdout
    assert "used by another w2v-stream" in done.stdout


def test_files_are_tried_as_the_source_reads_them(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.log").write_text("a\n")
    (tmp_path / "deep" / "b.log").write_bytes(b"\x04\x22\x4d\x18" + bytes(40))
    pattern = ["--source", "file", "--path", tmp_path / "**" / "*.log"]
    done = run("validate", "--snapshot-dir", tmp_path / "s", *SMALL, *pattern)
    assert done.returncode == 0
    assert "ok       path: 1 file(s) can be read" in done.stdout
    assert "is lz4, not text" in done.stdout
    pattern[-1] = tmp_path
    folder = run("validate", "--snapshot-dir", tmp_path / "s", *pattern)
    assert folder.returncode == 78
    assert "this is a folder" in folder.stdout


_KAFKA = {"source": "kafka", "kafka_bootstrap_servers": "h:9092"}


@pytest.mark.parametrize(
    ("settings", "target", "is_read"),
    [
        ({**_KAFKA, "kafka_topic": "logs,told"}, "kafka:told", True),
        ({**_KAFKA, "kafka_topic_pattern": ".*"}, "kafka:told", True),
        ({**_KAFKA, "kafka_topic_pattern": ".*"}, "kafka://g:9092,h:9092/told", True),
        ({**_KAFKA, "kafka_topic_pattern": ".*"}, "kafka://g:9092/told", False),
        ({**_KAFKA, "kafka_topic_pattern": "log.*"}, "kafka:told-of-logs", False),
        ({**_KAFKA, "kafka_topic_pattern": ".*"}, "told", False),
        ({"path": "logs/*.log"}, "logs/told.log", True),
        ({"path": "told"}, "told", True),
        ({"path": "logs/*.log"}, "logs/old/told.log", False),
        ({"path": "logs/*.log"}, "told.log", False),
        ({"path": "logs/*"}, "logs/.told", False),
        ({"path": "logs/**"}, "logs/of/x/told", True),
        ({"path": "logs/**/*.log"}, "logs/told.log", True),
        ({"path": "logs/**/*.log"}, "logs/told.json", False),
        ({"path": "logs/*.log"}, "other/../logs/told.log", True),
        ({"path": "other/../logs/*.log"}, "logs/told.log", True),
        ({"path": "logs/*"}, "http://h/logs/x", False),
    ],
)
def test_alerts_that_would_come_back_as_records_are_refused(
    settings: dict[str, str], target: str, is_read: bool
) -> None:
    """Each would be unexpected, too, and never end."""
    refused = pytest.raises(ValueError, match=f"--alerts {re.escape(target)} is read by this run")
    with refused if is_read else nullcontext():
        RunSettings(alerts=target, **settings)


@pytest.mark.parametrize(
    ("path", "snapshot_dir", "is_read"),
    [
        ("**", "./snapshots", True),
        ("logs/**", "logs/model", True),
        ("logs/*/*", "logs/model", False),
        ("logs/*/*/*.txt", "logs/model", True),
        ("logs/**", "model", False),
        ("logs/**/*.log", "logs/model", False),
        ("**", "s3://bucket/model", False),
    ],
)
def test_a_run_does_not_learn_its_own_snapshots(
    path: str, snapshot_dir: str, is_read: bool
) -> None:
    refused = pytest.raises(ValueError, match="would read its own snapshots in ")
    with refused if is_read else nullcontext():
        RunSettings(path=path, snapshot_dir=snapshot_dir)


def test_a_pattern_of_topics_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValueError, match="--kafka-topic-pattern is no regular expression"):
        RunSettings(kafka_topic_pattern="*.log", **_KAFKA)
