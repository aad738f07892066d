"""The command line as a user meets it: real processes, pipes, signals and files."""

from __future__ import annotations

import json
import os
import pty
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from streamer.config.settings import RunSettings
from w2v_online import load_vectors
from w2v_online.errors import SnapshotError

_COMMAND = [sys.executable, "-m", "streamer"]
_SMALL = ["--vector-size", "16", "--min-count", "2", "--max-vocab-size", "5000"]


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("W2V_STREAM_")}
    return kept | {"COLUMNS": "200"}


def run(
    *args: str | Path, stdin: bytes = b"", env: dict[str, str] | None = None, **options: object
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [*_COMMAND, *map(str, args)],
        input=stdin,
        capture_output=True,
        timeout=240,
        check=False,
        env=_environment() | (env or {}),
        **options,  # type: ignore[call-overload]
    )
    output = subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
    )
    assert "Traceback" not in output.stderr, output.stderr
    return output


def totals(folder: Path) -> dict[str, int]:
    result = run("inspect", folder, "--json", "--verify")
    assert result.returncode == 0, result.stderr
    loaded: dict[str, int] = json.loads(result.stdout)["totals"]
    return loaded


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*args: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [*_COMMAND, "--snapshot-dir", str(tmp_path / "s"), *_SMALL, *args],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _wait_for_event(process: subprocess.Popen[bytes], event: str) -> str:
    assert process.stderr is not None
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        line = process.stderr.readline().decode()
        if f"event={event}" in line:
            return line
        assert line or process.poll() is None, f"ended before {event}"
    raise AssertionError(f"no {event} within three minutes")


def test_text_on_stdin_becomes_vectors(tmp_path: Path) -> None:
    """The shortest use: lines in, a snapshot out, that Python and the query commands read."""
    text = b"the cat sat on the mat\nthe dog sat on the log\n" * 50
    result = run("--snapshot-dir", tmp_path, *_SMALL, stdin=text)
    assert (result.returncode, result.stdout) == (0, "")
    assert totals(tmp_path)["words"] == 600
    vectors = load_vectors(tmp_path)
    assert vectors.words[0] == "the"
    assert vectors.counts[0] == 200
    assert np.load(vectors.path / "vectors.npy").shape == (7, 16)
    nearest = run("neighbors", tmp_path, "cat", "--topn", "3").stdout.splitlines()
    assert [line.split("\t")[1] for line in nearest] == [
        w for w, _ in vectors.most_similar("cat", topn=3)
    ]
    answers = json.loads(run("analogy", tmp_path, "cat", "mat", "dog", "--json").stdout)
    assert answers[0]["word"] == vectors.analogy("cat", "mat", "dog")[0][0]


def test_resume_goes_on_and_never_starts_anew(tmp_path: Path) -> None:
    for times in (1, 2):
        run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"a b c\n" * 10)
        assert totals(tmp_path)["words"] == 30 * times
    run("--snapshot-dir", tmp_path, *_SMALL, "--resume", "never", stdin=b"a a\n")
    assert totals(tmp_path)["words"] == 2
    required = run("--snapshot-dir", tmp_path / "x", "--resume", "require", stdin=b"a\n")
    assert required.returncode == 78
    assert "no intact snapshot" in required.stderr


def test_a_damaged_snapshot_is_named_and_the_one_before_continued(tmp_path: Path) -> None:
    for _ in range(2):
        run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"a b c\n" * 10)
    damaged = load_vectors(tmp_path).path / "vectors.npy"
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    result = run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"d\n")
    assert result.returncode == 0
    assert str(damaged) in result.stderr
    assert totals(tmp_path)["words"] == 31


def test_only_damaged_snapshots_stop_the_start(tmp_path: Path) -> None:
    """A month of learning is not thrown away because its last file lost a bit."""
    run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"a b c\n" * 10)
    vectors = load_vectors(tmp_path).path / "vectors.npy"
    vectors.write_bytes(vectors.read_bytes()[:-1] + b"x")
    result = run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"d\n")
    assert result.returncode == 78
    assert "--resume never" in result.stderr
    assert vectors.exists()


def test_wrong_text_is_survived_and_counted(tmp_path: Path) -> None:
    """Invalid UTF-8, NUL, CRLF, a line of many megabytes and a token of one."""
    long_line = b"word " * 1_000_000
    text = b"caf\xe9 ok\n" + b"a\x00b \x00\n" + b"c d\r\ne\r\n" + long_line + b"\n"
    text += b"x" * 1_000_000 + b" tail\n" + b"\n\n" + b"last"
    result = run("--snapshot-dir", tmp_path, *_SMALL, stdin=text)
    assert result.returncode == 0
    found = totals(tmp_path)
    assert found["words"] == len(text.replace(b"\0", b"").split())
    assert found["dropped_tokens"] == 1
    manifest = json.loads(run("inspect", tmp_path, "--json").stdout)
    assert manifest["counters"]["invalid_records"] == 1
    assert manifest["positions"]["stdin"]["bytes"] == len(text)
    assert load_vectors(tmp_path).counts[0] == 1_000_000


def test_a_snapshot_of_no_words_is_complete(tmp_path: Path) -> None:
    assert run("--snapshot-dir", tmp_path, stdin=b"\n").returncode == 0
    assert totals(tmp_path) == dict.fromkeys(totals(tmp_path), 0) | {"records": 1}
    assert run("neighbors", tmp_path, "word").returncode == 1


def _saved_words(folder: Path) -> int:
    try:
        words: int = load_vectors(folder).manifest["totals"]["words"]
    except SnapshotError:
        return -1
    return words


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_with_everything_read_in_the_snapshot(
    tmp_path: Path, daemon: Callable[..., subprocess.Popen[bytes]], number: signal.Signals
) -> None:
    process = daemon()
    assert process.stdin is not None
    _wait_for_event(process, "started")
    process.stdin.write(b"a b c\n" * 1000 + b"an unfinished line")
    process.stdin.flush()
    deadline = time.monotonic() + 180
    while _saved_words(tmp_path / "s") < 3000:
        assert time.monotonic() < deadline
        process.send_signal(signal.SIGUSR1)  # may come before the text was read
        time.sleep(0.1)
    process.send_signal(number)
    assert process.wait(timeout=180) == 0
    assert totals(tmp_path / "s")["words"] == 3003


def test_a_second_signal_exits_at_once(daemon: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The first asks a stopped process to end, the second ends it before it could."""
    process = daemon()
    assert process.stdin is not None
    _wait_for_event(process, "started")
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    assert process.wait(timeout=180) in (128 + signal.SIGINT, 128 + signal.SIGTERM)


def test_a_quiet_stream_is_trained_and_saved_on_schedule(
    daemon: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """A single line, far less than a batch, is in the next snapshot while the pipe stays open."""
    process = daemon("--snapshot-every", "1s")
    assert process.stdin is not None
    _wait_for_event(process, "started")
    process.stdin.write(b"one two three\n")
    process.stdin.flush()
    assert "words=3" in _wait_for_event(process, "snapshot_written")
    assert totals(tmp_path / "s")["words"] == 3


def test_old_snapshots_go(tmp_path: Path) -> None:
    for _ in range(4):
        run("--snapshot-dir", tmp_path, *_SMALL, "--keep", "2", stdin=b"a\n")
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 2


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--widnow", "5"], 2, "--window"),
        (["--window", "zero"], 2, "--window"),
        (["--negative", "-3"], 2, "--negative"),
        (["--snapshot-every", "soon"], 2, "30s, 5m, 1h"),
        (["--snapshot-dir", "/proc/nowhere"], 78, "--snapshot-dir /proc/nowhere cannot be written"),
        (["nonsense"], 2, "nonsense"),
        (["inspect", "/nowhere"], 1, "does not exist"),
        (["neighbors", "/nowhere", "word"], 1, "does not exist"),
        (["neighbors", "/nowhere"], 2, "WORD"),
        (["--config", "/nowhere.toml"], 78, "/nowhere.toml"),
        (["run", "nowhere.txt", "--snapshot-dir", "new"], 78, "nowhere.txt: there is no such file"),
        (["serve", "s3://bucket/prefix"], 2, "s3://bucket/prefix: serve reads a folder on this"),
        (["drift", "s3://bucket/prefix", "--word", "a"], 2, "a folder on this machine"),
        (["drift", "s", "--word", "a", "--topn", "3"], 2, "one folder: give no --topn"),
        (["drift", "s", "t", "--word", "a"], 2, "one folder: give no NEW"),
        (["drift", "s", "--min-relative", "3"], 2, "compared: give no --min-relative"),
        (["drift", "s", "t", "--output", "a.svg"], 2, "a.svg ends in neither .html nor .png"),
        (["map", "nowhere", "--output", "a.svg"], 2, "a.svg ends in neither .html nor .png"),
        (["changes", "a", "b", "--output", "c.csv"], 2, "c.csv ends in neither .parquet nor"),
        (["embed", "nowhere", "--output", "c.csv"], 2, "c.csv"),
    ],
)
def test_mistakes_get_one_message_and_their_exit_code(
    tmp_path: Path, args: list[str], code: int, message: str
) -> None:
    result = run(*args, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_damaged_newest_snapshot_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    """The one before is shown; verifying fails."""
    for _ in range(2):
        run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"a b\n" * 5)
    old, new = sorted(path.name for path in tmp_path.glob("0*"))
    (tmp_path / new / "words.txt").write_text("")
    for args, code in ([], 0), (["--verify"], 1), (["--verify", "--json"], 1):
        result = run("inspect", tmp_path, *args)
        assert result.returncode == code
        assert old in result.stdout
        assert f"{new}/words.txt" in result.stderr
        assert f"showing {old}" in result.stderr


def test_a_half_deleted_snapshot_is_one_clear_message(tmp_path: Path) -> None:
    run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"a b\n" * 5)
    path = load_vectors(tmp_path).path
    (path / "counts.npy").unlink()
    for command in (["inspect", path], ["neighbors", path, "a"], ["analogy", path, "a", "b", "a"]):
        result = run(*command)
        assert result.returncode == 1
        assert len(result.stderr.splitlines()) == 1
        assert "counts.npy" in result.stderr


def test_two_daemons_do_not_share_a_folder(
    daemon: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    _wait_for_event(daemon(), "started")
    result = run("--snapshot-dir", tmp_path / "s", *_SMALL)
    assert result.returncode == 78
    assert "another w2v-stream" in result.stderr


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    config = tmp_path / "w2v.toml"
    config.write_text("window = 2\nnegative = 2\nvector-size = 8\nlowercase = true\n")
    result = run(
        "--config", config, "--window", "4", "--snapshot-dir", tmp_path / "s", "--min-count", "1",
        stdin=b"A a\n", env={"W2V_STREAM_WINDOW": "3", "W2V_STREAM_NEGATIVE": "3"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    saved = load_vectors(tmp_path / "s")
    used = saved.manifest["config"]
    assert (used["window"], used["negative"], used["vector_size"], used["seed"]) == (4, 3, 8, 1)
    assert saved.words == ["a"]


@pytest.mark.parametrize(
    ("toml", "environment", "message"),
    [
        ("widnow = 5", {}, "did you mean window?"),
        ("window = 0", {}, "window = 0: expected a whole number from 1 to 1000"),
        ("window = [1]", {}, "single value"),
        ("window = ", {}, "not valid TOML"),
        ("", {"W2V_STREAM_WIDNOW": "5"}, "did you mean W2V_STREAM_WINDOW?"),
        ("", {"W2V_STREAM_WINDOW": "x"}, "W2V_STREAM_WINDOW=x: expected a whole number"),
        ("max-line-bytes = 1024\nmax-token-bytes = 2000", {}, "--max-line-bytes must be greater"),
    ],
)
def test_wrong_configuration_is_exit_code_78(
    tmp_path: Path, toml: str, environment: dict[str, str], message: str
) -> None:
    config = tmp_path / "w2v.toml"
    config.write_text(toml)
    result = run("--config", config, "--snapshot-dir", tmp_path / "s", env=environment)
    assert result.returncode == 78, result.stderr
    assert message in result.stderr
    assert not (tmp_path / "s").exists()


def test_a_terminal_gets_a_live_line(tmp_path: Path) -> None:
    """With stderr a terminal, one line shows rate, totals, vocabulary, loss and snapshot age."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [*_COMMAND, "--snapshot-dir", str(tmp_path), *_SMALL, "--snapshot-every", "1s"],
        stdin=subprocess.PIPE,
        stderr=terminal,
        env=_environment(),
    )
    os.close(terminal)
    assert process.stdin is not None
    shown = b""
    deadline = time.monotonic() + 180
    while b"s ago" not in shown and time.monotonic() < deadline:
        process.stdin.write(b"a b c d e f\n" * 100)
        process.stdin.flush()
        if select.select([main], [], [], 0.2)[0]:
            shown += os.read(main, 65536)
    process.stdin.close()
    while True:
        try:
            data = os.read(main, 65536)
        except OSError:
            break
        if not data:
            break
    os.close(main)
    assert process.wait(timeout=180) == 0
    for part in (b"words/s", b"vocabulary", b"loss", b"snapshot"):
        assert part in shown


def test_logs_as_json_are_one_object_a_line(tmp_path: Path) -> None:
    result = run("--snapshot-dir", tmp_path, *_SMALL, "--log-format", "json", stdin=b"a\n")
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert [event["event"] for event in events][-3:] == [
        "snapshot_written", "vocabulary_empty", "stopped",
    ]  # fmt: skip
    assert run("--snapshot-dir", tmp_path, *_SMALL, "--log-level", "error").stderr == ""


def test_a_closed_pipe_ends_a_query_quietly(tmp_path: Path) -> None:
    run("--snapshot-dir", tmp_path, *_SMALL, stdin=b"a b c d e f\n" * 5)
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(
        [*_COMMAND, "neighbors", str(tmp_path), "a"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        timeout=240,
        check=False,
    )
    os.close(write_end)
    assert result.stderr == b""


def test_a_full_disk_at_the_end_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    """Files limited to a few kilobytes stand in for a full disk."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    text = b" ".join(b"w%d" % i for i in range(3000)) + b"\n"
    result = run("--snapshot-dir", tmp_path, *_SMALL, stdin=text * 3, preexec_fn=limit)
    assert result.returncode == 1
    assert "snapshot_failed" in result.stderr
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_help_shows_an_example_and_the_options_of_every_day() -> None:
    everyday = run("run", "--help").stdout
    assert "w2v-stream run corpus.txt" in everyday
    options = everyday.partition("Options:")[2].splitlines()
    assert len([line for line in options if line.split() and line.split()[0] in _flags()]) == 15
    assert len(everyday.splitlines()) <= 75
    whole = run("run", "--help-all").stdout
    for flag in _flags():
        assert f"  {flag}" in whole or f"|{flag}" in whole, flag
    text = " ".join(whole.split())
    assert "--window 5 " in text
    assert "--loss ns|hs|softmax " in text
    for told_once in ("W2V_STREAM_", "Values shown are the defaults"):
        assert text.count(told_once) == 1


def _flags() -> list[str]:
    return ["--" + name.replace("_", "-") for name in RunSettings.model_fields]


def test_commands_are_grouped_with_whole_summaries() -> None:
    text = run("--help", env={"COLUMNS": "80"}).stdout
    for heading in ("Learn:", "Ask:", "Serve:"):
        assert f"\n{heading}\n" in text
    assert "..." not in text.replace("[ARGS]...", "")
    assert run("--version").stdout.startswith("w2v-stream ")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--window", "abc"], 2, "--window abc: expected a whole number from 1 to 1000"),
        (["--loss", "nss"], 2, "--loss nss: expected ns, hs or softmax; did you mean ns?"),
        (["--sample", "2"], 2, "--sample 2: expected a number from 0 to 1"),
        (["--seed", "-1"], 2, "expected a whole number from 0 to 9223372036854775807"),
        (["--snapshot-dir", ""], 2, "--snapshot-dir: expected a folder, or a URL"),
        (["--snapshot-dir", "s3://"], 2, "--snapshot-dir s3://: expected a folder, or a URL"),
        (["--snapshot-every", "5"], 2, "--snapshot-every 5: expected a span such as 30s"),
        (["--source", "text"], 2, "to read a file: w2v-stream run text"),
        (
            ["run", "text", "--kafka-topic", "t"],
            78,
            "give FILE, -, --kafka-topic or --redis-stream, not several",
        ),
        (["--kafka-topic", "t"], 78, "add --kafka-bootstrap-servers HOST:PORT"),
        (["--kafka-bootstrap-servers", "h:9"], 78, "add --kafka-topic TOPIC"),
        (["--source", "stdin", "--kafka-topic", "t"], 78, "leave out --source or --kafka-topic"),
        (["nieghbors", "x"], 2, "did you mean neighbors?"),
        (["neighbors"], 2, "Usage: w2v-stream neighbors [OPTIONS] SNAPSHOT WORD..."),
        (["neighbors", "x", "y", "--topn", "0"], 2, "--topn: 0 is not in the range"),
        (["--http-token", "x"], 2, "set W2V_STREAM_HTTP_TOKEN, or use --http-token-file"),
    ],
)
def test_an_error_names_flag_value_and_remedy(
    tmp_path: Path, args: list[str], code: int, message: str
) -> None:
    (tmp_path / "text").write_text("a b c\n")
    result = run(*args, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize(
    "args", [["run", "text"], ["text"], ["--path", "text"], ["--source", "file", "--path", "text"]]
)
def test_naming_a_file_is_enough_to_read_it(tmp_path: Path, args: list[str]) -> None:
    (tmp_path / "text").write_text("a b c\n" * 10)
    result = run(*args, *_SMALL, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert totals(tmp_path / "snapshots")["words"] == 30


def test_files_come_before_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "w2v.toml").write_text('path = "other"\n')
    (tmp_path / "text").write_text("a b c\n" * 10)
    shown = run("run", "--config", tmp_path / "w2v.toml", tmp_path / "text", "--print-config")
    assert f'path = ["{tmp_path / "text"}"]  # argument' in shown.stdout
    assert 'source = "file"  # follows' in shown.stdout


@pytest.mark.parametrize(
    "command",
    ["serve {}", "drift {} {}", "score --follow {}", "validate --snapshot-dir {}"],
)
def test_a_folder_that_cannot_be_looked_at_is_one_line(command: str) -> None:
    """As one without permission: root, who may run the tests, meets only names too long."""
    result = run(*command.replace("{}", "x" * 300).split())
    assert result.returncode in (1, 78)
    lines = (result.stdout + result.stderr).splitlines()
    named = [line for line in lines if "xxx" in line]
    assert named
    assert all(line.endswith("xxx cannot be read: File name too long") for line in named)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(shell: str) -> None:
    assert "_W2V_STREAM_COMPLETE" in run("completion", shell).stdout
    if shell == "bash":
        words = {"_W2V_STREAM_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
        line = {"COMP_WORDS": "w2v-stream run --loss "}
        completed = run(env=words | line).stdout.split()
        assert completed == ["plain,ns", "plain,hs", "plain,softmax"]
