"""``--print-config`` and ``validate``: what an operator asks before a start."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from streamer.checks import machine, validation
from streamer.config.settings import RunSettings
from tests.integration.daemons import COMMAND, SMALL, environment


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
    printed = run("--config", file, "--print-config", W2V_STREAM_KAFKA_PASSWORD="sesame-2")
    assert printed.returncode == 0, printed.stderr
    assert "sesame" not in printed.stdout + printed.stderr
    assert re.search(r'^#kafka-password = "\*+"  # environment', printed.stdout, re.M)
    tomllib.loads(printed.stdout)


def test_a_valid_configuration_is_said_to_be_and_leaves_no_trace(tmp_path: Path) -> None:
    result = run("validate", "--snapshot-dir", tmp_path / "s", *SMALL)
    assert (result.returncode, result.stderr) == (0, "")
    assert {line.split()[0] for line in result.stdout.splitlines()} == {"ok"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--snapshot-dir", "file/below"], "snapshot-dir: cannot be written"),
        (["--init", "missing"], "init: cannot be read"),
        (["--probe", "file"], "failure  files: --probe"),
        (["--source", "file", "--path", "missing"], "path: missing cannot be read"),
        (["--max-vocab-size", "100000000", "--vector-size", "8000"], "failure  memory: "),
        (["--resume", "require"], "resume: s holds no intact snapshot"),
    ],
)
def test_what_would_stop_a_start_fails_with_exit_code_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("nothing\n")
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


def test_a_broker_that_does_not_answer_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "CONNECT_SECONDS", 0.5)
    settings = RunSettings(
        source="kafka", kafka_bootstrap_servers=("127.0.0.1:9",), kafka_topic=("t",)
    )
    (found,) = validation._kafka(settings)
    assert found.level == "failure"
    assert "127.0.0.1:9" in found.message


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine, "_LIMITS", (str(tmp_path / "none"), str(limit)))
    limit.write_text("max\n")
    whole = machine.memory_bytes()
    assert whole == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit.write_text(f"{2**20}\n")
    assert machine.memory_bytes() == machine.available_bytes() == 2**20
    few = RunSettings(vector_size=16, max_vocab_size=20_000)
    (memory,) = validation._memory(few)
    assert memory.level == "failure"
