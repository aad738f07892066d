"""Annealing as a user meets it: when the input ends, and of a snapshot at any time."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from streamer.checkpoints.annealer import Annealer
from streamer.config.types import Interval
from tests.integration.daemons import COMMAND, SMALL, environment, start, wait_until
from tests.streamer.followed import Reports
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.snapshots import reader

_KAFKA = ["--source", "kafka", "--kafka-topic", "t", "--kafka-bootstrap-servers", "127.0.0.1:9"]


def _run(*args: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [*COMMAND, *map(str, args)], input=stdin, capture_output=True, check=False, timeout=240,
        env=environment(),
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    return done


def _learn(folder: Path, text: bytes, *args: str) -> str:
    done = _run("run", "--snapshot-dir", folder, *SMALL, *args, stdin=text)
    assert done.returncode == 0, done.stderr
    return done.stderr.decode()


def _text(lines: int, seed: int) -> bytes:
    chance = random.Random(seed)
    return b"".join(
        b" ".join(b"w%d" % int(chance.paretovariate(0.7)) for _ in range(30)) + b"\n"
        for _ in range(lines)
    )


def _newest_whole(folder: Path) -> reader.Snapshot:
    found = reader.newest_whole(folder)
    assert found is not None
    return found


def test_readers_get_annealed_vectors_and_learning_goes_on_from_the_checkpoint(
    tmp_path: Path,
) -> None:
    """Two pieces of a text bring the same bytes with and without annealing in between."""
    first, second = _text(1500, 1), _text(500, 2)
    log = _learn(tmp_path / "a", first, "--replay", "1")
    assert log.index("event=snapshot_written") < log.index("event=vectors_written")
    _learn(tmp_path / "b", first, "--replay", "1", "--anneal", "0")
    annealed, plain = load_vectors(tmp_path / "a"), load_vectors(tmp_path / "b")
    assert annealed.manifest["annealed"] == {"passes": 4}
    assert "annealed" not in plain.manifest
    assert annealed.words == plain.words
    assert not np.array_equal(annealed.vectors, plain.vectors)
    for name in ("a", "b"):
        _learn(tmp_path / name, second, "--replay", "1", "--anneal", "0")
    a, b = (_newest_whole(tmp_path / name).manifest for name in ("a", "b"))
    assert a["totals"]["records"] == 2000
    assert a["files"] == b["files"]


def test_without_replay_nothing_is_annealed(tmp_path: Path) -> None:
    assert "vectors_written" not in _learn(tmp_path / "s", b"a b c\n" * 50)


def test_a_signal_ends_annealing_and_what_was_learned_is_safe(tmp_path: Path) -> None:
    text, log = tmp_path / "text", tmp_path / "log"
    text.write_bytes(_text(3000, 1))
    process = start(
        log, "run", "--source", "file", "--path", text, "--snapshot-dir", tmp_path / "s",
        "--replay", "1", "--anneal", "64", *SMALL, "--vector-size", "300",
    )  # fmt: skip
    try:
        wait_until(lambda: "event=annealing_started" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(180) == 0
    finally:
        process.kill()
        process.wait()
    assert "event=annealing_stopped" in log.read_text()
    assert "event=snapshot_written" in log.read_text()
    assert "vectors_written" not in log.read_text()
    assert load_vectors(tmp_path / "s").manifest["totals"]["records"] == 3000


def test_a_snapshot_is_annealed_into_another_folder(tmp_path: Path) -> None:
    """It stays as it is; the words and the way of the text are the same."""
    _learn(tmp_path / "s", _text(1500, 1), "--replay", "1", "--anneal", "0", "--lowercase")
    before = load_vectors(tmp_path / "s").path
    for passes in ("1", "2"):
        done = _run(
            "anneal", tmp_path / "s", "--passes", passes, "--snapshot-dir", tmp_path / "t",
            "--keep", "1",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(reader.folders(tmp_path / "t")) == 1
    annealed, plain = load_vectors(tmp_path / "t"), load_vectors(tmp_path / "s")
    assert Path(done.stdout.decode().strip()) == annealed.path
    assert plain.path == before
    assert annealed.manifest["annealed"] == {"passes": 2}
    assert annealed.manifest["text"] == plain.manifest["text"] == {"lowercase": True}
    assert annealed.words == plain.words
    assert not np.array_equal(annealed.vectors, plain.vectors)
    shown = json.loads(_run("inspect", tmp_path / "t", "--json").stdout)
    assert shown["totals"] == plain.manifest["totals"]
    assert b"\nannealed\tpasses\t2\tpasses\n" in _run("inspect", tmp_path / "t").stdout


def test_snapshots_to_resume_from_are_not_deleted_for_annealed_ones(tmp_path: Path) -> None:
    """Annealing deletes older vectors in its folder, which must be one of its own."""
    for seed in range(7):
        _learn(tmp_path / "s", _text(300, seed), "--replay", "1", "--anneal", "0", "--keep", "9")
    before = reader.folders(tmp_path / "s")
    assert len(before) > 5
    done = _run("anneal", tmp_path / "s", "--passes", "1", "--snapshot-dir", tmp_path / "s")
    assert (done.returncode, b"a folder of their own" in done.stderr.replace(b"\n", b" ")) == (
        2,
        True,
    )
    assert reader.folders(tmp_path / "s") == before


def test_a_snapshot_that_keeps_no_text_is_refused(tmp_path: Path) -> None:
    _learn(tmp_path / "s", b"a b c\n" * 50)
    done = _run("anneal", tmp_path / "s", "--snapshot-dir", tmp_path / "t")
    assert (done.returncode, b"without --replay" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--anneal", "2"], "--replay N"),
        (["--replay", "1", "--anneal", "2", "--source", "file", "--path", "a", "--follow"], "ends"),
        ([*_KAFKA, "--replay", "1", "--anneal", "2"], "has no end"),
    ],
)
def test_annealing_without_an_end_or_text_makes_no_sense(args: list[str], said: str) -> None:
    done = _run("run", *args)
    assert done.returncode == 78
    assert said in done.stderr.decode()


def _follow(tmp_path: Path, until: str) -> str:
    """The log of a daemon that anneals every second, once ``until`` was said and it was ended."""
    text, log = tmp_path / "text", tmp_path / "log"
    text.write_bytes(_text(1000, 1))
    process = start(
        log, "run", text, "--follow", "--snapshot-dir", tmp_path / "s", "--replay", "1",
        "--snapshot-every", "1s", "--anneal-every", "1s", *SMALL,
    )  # fmt: skip

    def is_told() -> bool:
        with text.open("ab") as stream:  # what is not new is no checkpoint
            stream.write(_text(10, 2))
        return until in log.read_text()

    try:
        wait_until(is_told)
        process.send_signal(signal.SIGTERM)
        assert process.wait(180) == 0
    finally:
        process.kill()
        process.wait()
    return log.read_text()


def test_a_stream_without_end_is_annealed_beside_learning(tmp_path: Path) -> None:
    _follow(tmp_path, "event=annealed_written")
    annealed, plain = load_vectors(tmp_path / "s" / "annealed"), load_vectors(tmp_path / "s")
    assert annealed.manifest["annealed"] == {"passes": 4}
    assert "annealed" not in plain.manifest
    assert len(set(annealed.words) & set(plain.words)) > 0.9 * len(annealed.words)


def test_annealing_that_may_not_lower_its_priority_is_done_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As below systemd, where a process may not change what it takes of the machine."""

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", refuse)
    model = OnlineWord2Vec(LearnerConfig(min_count=1, max_vocab_size=50, replay=1))
    model.learn([["a", "b", "c"]] * 500)
    checkpoint = model.snapshot(tmp_path / "s")
    location = str(tmp_path / "annealed")
    annealer = Annealer(location, 1, lambda: 1, Interval(seconds=1e-9), lambda: 0, set(), Reports())
    annealer.offer(checkpoint)
    wait_until(lambda: annealer.written + annealer.failures > 0)
    annealer.close()
    assert (annealer.written, annealer.failures) == (1, 0)
    assert load_vectors(location).words == ["a", "b", "c"]


def test_annealing_that_fails_is_told_and_learning_goes_on(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "annealed").write_text("in the way")
    log = _follow(tmp_path, "event=annealing_failed")
    assert "annealed' is a file" in log
    assert len(load_vectors(tmp_path / "s")) > 0


def test_annealing_in_between_needs_replay() -> None:
    done = _run("run", "--anneal-every", "1h", "--print-config")
    assert done.returncode == 78
    assert b"add --replay N" in done.stderr
