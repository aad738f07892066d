"""Signals and systemd, with real daemons: reload, readiness, watchdog, ends under load."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.daemons import COMMAND, SMALL, environment, start, wait_until
from w2v_online import load_vectors


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def _wait_for(log: Path, text: str) -> None:
    wait_until(lambda: text in log.read_text())


@pytest.fixture
def following(tmp_path: Path, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A daemon that waits for more of a file, and its configuration file."""
    text, config = tmp_path / "text", tmp_path / "w2v.toml"
    text.write_text("a b c\n" * 50)
    config.write_text('snapshot-every = "1h"\nkeep = 3\n')
    process = start(
        log, "--config", config, "--source", "file", "--path", text, "--follow",
        "--snapshot-dir", tmp_path / "s", *SMALL,
    )  # fmt: skip
    _wait_for(log, "event=started")
    yield process, config
    process.kill()
    process.wait()


def test_sighup_changes_what_can_change_and_names_the_rest(
    following: tuple[subprocess.Popen[bytes], Path], log: Path, tmp_path: Path
) -> None:
    process, config = following
    config.write_text(
        'snapshot-every = "150words"\nvectors-every = "60words"\nkeep = 1\nwindow = 9\n'
        'log-level = "debug"\n'
    )
    process.send_signal(signal.SIGHUP)
    _wait_for(log, "event=restart_needed options=window")
    assert re.search(r"event=reloaded .*snapshot_every=150words", log.read_text())
    with (tmp_path / "text").open("a") as more:
        more.write("a b d\n" * 100)
    _wait_for(log, "event=snapshot_written")
    with (tmp_path / "text").open("a") as more:
        more.write("a b d\n" * 30)
    _wait_for(log, "event=vectors_written")
    config.write_text('snapshot-every = "1h"\nwindow = 9\nlog-level = "warning"\n')
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: log.read_text().count("event=restart_needed") == 2)
    process.terminate()
    assert process.wait(180) == 0
    assert log.read_text().count("event=reloaded") == 1  # the second was below the new level
    assert "event=stopped" not in log.read_text()
    assert load_vectors(tmp_path / "s").manifest["totals"]["words"] == 540


def test_a_wrong_configuration_changes_nothing(
    following: tuple[subprocess.Popen[bytes], Path], log: Path
) -> None:
    process, config = following
    for text, reason in (("widnow = 5", "did you mean window?"), ("window = ", "not valid TOML")):
        config.write_text(text)
        process.send_signal(signal.SIGHUP)
        _wait_for(log, reason)
    config.unlink()
    process.send_signal(signal.SIGHUP)
    _wait_for(log, "cannot be read")
    assert process.poll() is None
    assert log.read_text().count("event=reload_failed") == 3


def test_systemd_is_told_of_start_life_reload_and_stop(tmp_path: Path, log: Path) -> None:
    """What the unit needs: Type=notify, a watchdog, a status line."""
    path = str(tmp_path / "notify")
    received: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(0.1)

        def said(text: str) -> bool:
            try:
                while True:
                    received.append(receiver.recv(4096).decode())
            except TimeoutError:
                return any(text in message for message in received)

        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [*COMMAND, "--snapshot-dir", tmp_path / "s", *SMALL],
                stdin=subprocess.PIPE, stderr=stderr,
                env=environment() | {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "1000000"},
            )  # fmt: skip
        try:
            wait_until(lambda: said("READY=1"))
            assert received[0] == "READY=1"
            wait_until(lambda: sum("WATCHDOG=1\nSTATUS=" in m for m in received) >= 2 or said("?"))
            process.send_signal(signal.SIGHUP)
            wait_until(lambda: said("RELOADING=1\nMONOTONIC_USEC="))
            wait_until(lambda: received.count("READY=1") == 2 or said("?"))
            process.send_signal(signal.SIGSTOP)  # a daemon that hangs
            said("?")
            before = len(received)
            time.sleep(1.0)
            assert not said("?")
            assert len(received) == before
            process.send_signal(signal.SIGCONT)
            process.terminate()
            wait_until(lambda: said("STOPPING=1"))
            assert process.wait(180) == 0
        finally:
            process.kill()
            process.communicate()


def _feed(process: subprocess.Popen[bytes]) -> None:
    """Text as fast as it is taken."""
    assert process.stdin is not None
    text = b"".join(b"w%d w%d w%d w%d\n" % (i, i % 7, i % 11, i % 101) for i in range(5000))
    try:
        while True:
            process.stdin.write(text)
    except (BrokenPipeError, ValueError):
        pass


@pytest.fixture
def loaded(tmp_path: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon under full load."""
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "--snapshot-dir", tmp_path / "s", *SMALL],
            stdin=subprocess.PIPE, stderr=stderr, env=environment(),
        )  # fmt: skip
    feeder = threading.Thread(target=_feed, args=(process,))
    feeder.start()
    _wait_for(log, "event=started")
    yield process
    process.kill()
    process.wait()
    feeder.join()
    assert process.stdin is not None
    try:
        process.stdin.close()
    except BrokenPipeError:
        pass


def test_sigterm_under_full_load_saves_everything_that_was_read(
    loaded: subprocess.Popen[bytes], log: Path, tmp_path: Path
) -> None:
    time.sleep(1.0)  # load
    began = time.monotonic()
    loaded.terminate()
    assert loaded.wait(180) == 0
    assert time.monotonic() - began < 60
    stopped = re.search(r"event=stopped reason=signal .*?words=(\d+)", log.read_text())
    assert stopped is not None
    assert int(stopped[1]) > 0
    assert load_vectors(tmp_path / "s").manifest["totals"]["words"] == int(stopped[1])


def test_sigusr1_under_full_load_writes_a_snapshot(
    loaded: subprocess.Popen[bytes], log: Path
) -> None:
    loaded.send_signal(signal.SIGUSR1)
    _wait_for(log, "event=snapshot_written")
    assert loaded.poll() is None


def test_sigterm_while_kafka_is_unreachable_ends_soon(tmp_path: Path, log: Path) -> None:
    process = start(
        log, "--source", "kafka", "--kafka-bootstrap-servers", "127.0.0.1:9", "--kafka-topic", "t",
        "--snapshot-dir", tmp_path / "s", *SMALL,
    )  # fmt: skip
    try:
        _wait_for(log, "event=kafka_unreachable")
        began = time.monotonic()
        process.terminate()
        assert process.wait(180) == 0
        assert time.monotonic() - began < 60
    finally:
        process.kill()
        process.wait()


def test_a_signal_while_the_daemon_is_loading_ends_it_at_once(tmp_path: Path, log: Path) -> None:
    """There is nothing to finish yet, and no empty snapshot is left."""
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "pathlib.Path('loading').touch()\n"
        "time.sleep(600)\n"
        "def split(line): return line.split()\n"
    )
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "--tokenizer", "slow:split", "--snapshot-dir", tmp_path / "s", *SMALL],
            stdin=subprocess.PIPE, stderr=stderr, cwd=tmp_path,
            env=environment() | {"PYTHONPATH": f"{Path.cwd()}:{tmp_path}"},
        )  # fmt: skip
    try:
        wait_until(lambda: (tmp_path / "loading").exists())
        process.terminate()
        assert process.wait(180) == 0
        assert "event=stopped reason=signal" in log.read_text()
        assert "Traceback" not in log.read_text()
        assert [path.name for path in (tmp_path / "s").iterdir()] == [".lock"]
    finally:
        process.kill()
        process.communicate()
