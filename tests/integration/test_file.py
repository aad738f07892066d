"""Files followed by a real daemon, and standard input that is piped again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.integration.daemons import COMMAND, SMALL, environment, start, wait_until
from w2v_online import load_vectors


def _run(*args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [*COMMAND, *map(str, args)],
        input=stdin,
        capture_output=True,
        timeout=240,
        check=False,
        env=environment(),
    )
    assert b"Traceback" not in result.stderr, result.stderr
    return subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
    )


def _line(number: int) -> str:
    return f"w{number:06d}\n"


def test_a_log_rotated_fifty_times_loses_and_repeats_no_line(tmp_path: Path) -> None:
    """Every line is a word of its own, so each must have been counted exactly once."""
    log, messages, snapshots = tmp_path / "app.log", tmp_path / "messages", tmp_path / "s"
    log.write_text("")
    arguments = ["--source", "file", "--path", log, "--follow", "--snapshot-dir", snapshots]
    daemon = start(messages, *arguments, *SMALL, "--snapshot-every", "1s")
    # Lines that a file held before it was first opened are not of this log.
    wait_until(lambda: _has_open(daemon, log))
    written = 0
    for rotation in range(50):
        with log.open("a") as writer:
            for _ in range(200):
                writer.write(_line(written))
                writer.flush()
                written += 1
            for number in range(rotation, 0, -1):
                (tmp_path / f"app.log.{number}").rename(tmp_path / f"app.log.{number + 1}")
            log.rename(tmp_path / "app.log.1")
            writer.write(_line(written))
            written += 1
        log.write_text("")
        if rotation % 10 == 5:  # the daemon is sometimes not there to see it
            daemon.send_signal(signal.SIGTERM if rotation % 20 == 5 else signal.SIGKILL)
            daemon.wait(timeout=180)
            daemon = start(messages, *arguments, *SMALL, "--snapshot-every", "1s")
    last = _line(written)
    with log.open("a") as writer:
        writer.write(last)
    wait_until(lambda: _records(snapshots) == written + 1)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(timeout=180) == 0
    vectors = load_vectors(snapshots)
    assert sorted(vectors.words) == [_line(number).strip() for number in range(written + 1)]
    assert np.array_equal(vectors.counts, np.ones(written + 1))
    assert b"log_lost" not in messages.read_bytes()


def _has_open(daemon: subprocess.Popen[bytes], file: Path) -> bool:
    links = Path(f"/proc/{daemon.pid}/fd").iterdir()
    return any(os.path.realpath(link) == str(file) for link in links)


def test_what_is_written_after_a_stop_is_read_though_nothing_had_come_before(
    tmp_path: Path,
) -> None:
    """The place in the log is kept, and the log is found again under its rotated name."""
    log, messages, snapshots = tmp_path / "app.log", tmp_path / "messages", tmp_path / "s"
    log.touch()
    arguments = ["--source", "file", "--path", log, "--follow", "--snapshot-dir", snapshots]
    daemon = start(messages, *arguments, *SMALL, "--snapshot-every", "1s")
    wait_until(lambda: b"event=started" in messages.read_bytes())
    wait_until(lambda: _records(snapshots) == 0)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(timeout=180) == 0
    with log.open("a") as writer:
        writer.write("first\n")
    log.rename(tmp_path / "app.log.1")
    log.write_text("second\n")
    daemon = start(messages, *arguments, *SMALL, "--snapshot-every", "1s")
    wait_until(lambda: _records(snapshots) == 2)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(timeout=180) == 0
    assert sorted(load_vectors(snapshots).words) == ["first", "second"]


def _records(snapshots: Path) -> int:
    try:
        records: int = load_vectors(snapshots).manifest["totals"]["records"]
    except Exception:  # no snapshot yet, or one that was deleted just now
        return -1
    return records


def test_a_file_goes_on_where_it_was_left_and_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two halves with an end between them are the whole, with one thread."""
    rng = np.random.default_rng(1)
    lines = [" ".join(f"w{n}" for n in rng.zipf(1.3, 20) % 3000) + "\n" for _ in range(3000)]
    log = tmp_path / "text"
    options = ["--source", "file", "--path", log, *SMALL]
    log.write_text("".join(lines[:1000]))
    assert _run(*options, "--snapshot-dir", tmp_path / "two").returncode == 0
    with log.open("a") as file:
        file.write("".join(lines[1000:]))
    assert _run(*options, "--snapshot-dir", tmp_path / "two").returncode == 0
    assert _run(*options, "--snapshot-dir", tmp_path / "one").returncode == 0
    one, two = load_vectors(tmp_path / "one"), load_vectors(tmp_path / "two")
    assert one.words == two.words
    assert one.vectors.tobytes() == two.vectors.tobytes()


def test_text_piped_again_goes_on_behind_what_was_learned(tmp_path: Path) -> None:
    options = [*SMALL, "--snapshot-dir", tmp_path / "s", "--stdin-skip-known"]
    text = b"".join(_line(number).encode() for number in range(50_000))
    assert _run(*options, stdin=text[:200_003]).returncode == 0
    assert _run(*options, stdin=text[:300_000]).returncode == 0
    vectors = load_vectors(tmp_path / "s")
    position = vectors.manifest["positions"]["stdin"]
    assert position["bytes"] == position["checked_bytes"] == 300_000
    # The first text ended within a word, which became two records.
    assert vectors.manifest["totals"]["words"] == 300_000 // 8 + 1
    other = _run(*options, stdin=b"x" + text)
    assert other.returncode == 1
    assert "not those" in other.stderr
    short = _run(*options, stdin=text[:1000])
    assert short.returncode == 1
    assert "ended after 1000 bytes" in short.stderr
    assert load_vectors(tmp_path / "s").manifest["positions"]["stdin"] == position
    assert load_vectors(tmp_path / "s").manifest["totals"]["words"] == 300_000 // 8 + 1


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--source", "file"], 78, "no file to read: name one"),
        (["--source", "stdin", "--path", "x"], 78, "leave out --source or FILE"),
        (["--follow"], 78, "--follow needs files to follow"),
        (["--source", "file", "--path", "x", "--stdin-skip-known"], 78, "needs piped input"),
        (["--source", "file", "--path", "/nowhere/x"], 78, "no such file"),
    ],
)
def test_options_of_another_source_are_refused(
    tmp_path: Path, args: list[str], code: int, message: str
) -> None:
    result = _run(*args, *SMALL, "--snapshot-dir", tmp_path / "s")
    assert result.returncode == code
    assert message in result.stderr
