"""Alerts of a real daemon: planted lines are told, each once, whenever it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from tests.integration.daemons import COMMAND, SMALL, environment, start, wait_until
from w2v_online.snapshots import reader

_PLANTED = [
    "kernel panic, not syncing: fatal exception",
    "disk quota exceeded while writing journal",
    "certificate of the peer has expired yesterday",
    "request for page p3 took 90000 ms",
]
_OPTIONS = [*SMALL, "--boundaries", "--sample", "0"]
_ALERTS = [
    "--alert-warm-up", "2000", "--alert-window", "1h", "--alert-limit", "1000", "--alert-values",
]  # fmt: skip
_LINES = 4000


def _calm(part: int) -> list[str]:
    chance = np.random.default_rng(part)
    kinds = (
        "user u{} logged in from host h{}",
        "request for page p{} took {} ms",
        "job j{} started by cron of h{}",
    )
    numbers = chance.integers(0, 12, (_LINES, 2))
    return [kinds[int(a + b) % 3].format(a, b) for a, b in numbers]


_PARTS = [[*_calm(part), text, *_calm(part + 10)] for part, text in enumerate(_PLANTED)]


def _alerts(file: Path) -> list[dict[str, Any]]:
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def _is_told(file: Path, text: str) -> bool:
    return any(alert["text"] == text for alert in _alerts(file))


def test_planted_lines_are_told_once_though_the_daemon_is_killed(tmp_path: Path) -> None:
    """With place and words, and a number though its words are usual; ids are those of a run that
    nothing disturbed, which learns the same vectors as one without alerts.
    """
    log, file, messages = tmp_path / "app.log", tmp_path / "a.jsonl", tmp_path / "messages"
    log.touch()
    arguments = [
        "run", log, "--follow", *_OPTIONS, "--snapshot-dir", tmp_path / "s", "--alerts", file,
        *_ALERTS,
    ]  # fmt: skip
    for part, lines in enumerate(_PARTS):
        every = "1s" if part == len(_PARTS) - 1 else "1h"
        daemon = start(messages, *arguments, "--snapshot-every", every)
        with log.open("a") as writer:
            writer.writelines(f"{line}\n" for line in lines)
        wait_until(lambda part=part: _is_told(file, _PLANTED[part]))
        if part == 0:
            daemon.send_signal(signal.SIGUSR1)
            wait_until(lambda: b"event=snapshot_written" in messages.read_bytes())
        if part < len(_PARTS) - 1:
            daemon.kill()
            daemon.wait(timeout=60)
    records = sum(map(len, _PARTS))
    wait_until(lambda: _records(tmp_path / "s") == records)
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(timeout=180) == 0
    found = _alerts(file)
    first = [alert for alert in found if alert["count"] == 1]
    assert len({alert["id"] for alert in first}) == len(first)
    planted = [alert for alert in first if alert["text"] in _PLANTED]
    assert [alert["text"] for alert in planted] == _PLANTED
    lines = log.read_text().splitlines()
    assert [value["value"] for value in planted[-1]["values"]] == ["90000"]
    for alert in planted:
        assert alert["position"]["file"] == str(log)
        assert lines[alert["position"]["line"] - 1] == alert["text"]
        assert {word["word"] for word in alert["words"]} & set(alert["text"].split())

    whole, told = tmp_path / "whole", tmp_path / "told"
    undisturbed = tmp_path / "b.jsonl"
    with_alerts = ["--alerts", undisturbed, *_ALERTS]
    assert start(messages, "run", log, *_OPTIONS, "--snapshot-dir", whole).wait(240) == 0
    assert (
        start(messages, "run", log, *_OPTIONS, "--snapshot-dir", told, *with_alerts).wait(240) == 0
    )
    assert {alert["id"] for alert in _alerts(undisturbed)} == {alert["id"] for alert in found}
    for other in (told, tmp_path / "s"):
        _assert_same_model(whole, other)


def test_a_reader_of_standard_output_that_leaves_does_not_end_the_run(tmp_path: Path) -> None:
    """The rest is learned and saved; that alerts were lost is said and counted."""
    log, messages = tmp_path / "app.log", tmp_path / "messages"
    log.write_text("".join(f"{line}\n" for line in _PARTS[0]))
    reader, writer = os.pipe()
    os.close(reader)
    with messages.open("wb") as stderr:
        daemon = subprocess.run(
            [
                *COMMAND, "run", log, *_OPTIONS, "--snapshot-dir", tmp_path / "s", "--alerts", "-",
                *_ALERTS,
            ],
            stdin=subprocess.DEVNULL, stdout=writer, stderr=stderr, env=environment(), timeout=240,
            check=False,
        )  # fmt: skip
    os.close(writer)
    said = messages.read_text()
    assert daemon.returncode == 0, said
    assert said.count("event=alerts_dropped") == 1
    assert "Broken pipe" in said
    assert _records(tmp_path / "s") == len(_PARTS[0])


def _records(snapshots: Path) -> int:
    newest = reader.newest(snapshots)
    return 0 if newest is None else int(newest.manifest["totals"]["records"])


def _assert_same_model(one: Path, other: Path) -> None:
    """All files are the same, but for what alerts add."""
    a, b = reader.newest(one), reader.newest(other)
    assert a is not None
    assert b is not None
    names = [str(file.relative_to(a.path)) for file in sorted(a.path.rglob("*.npy"))]
    assert "state/output_vectors.npy" in names
    for name in names:
        assert (a.path / name).read_bytes() == (b.path / name).read_bytes(), name
    new = {str(file.relative_to(b.path)) for file in b.path.rglob("*.npy")} - set(names)
    assert all(name.startswith("state/alerts_") for name in new)
    assert new


def test_sessions_are_records_and_each_line_is_learned_once(tmp_path: Path) -> None:
    """Though the daemon is killed: what is not complete is part of a checkpoint."""
    log, messages, snapshots = tmp_path / "app.log", tmp_path / "messages", tmp_path / "s"
    log.touch()
    arguments = [
        "run", log, "--follow", *SMALL, "--snapshot-dir", snapshots, "--group-by", r"block=(\d+)",
        "--group-lines", "500",
    ]  # fmt: skip
    chance = np.random.default_rng(1)
    blocks = np.sort(chance.integers(0, 3000, 6000) + chance.integers(0, 200, 6000)) // 10
    blocks = blocks[np.argsort(np.arange(6000) + chance.integers(0, 100, 6000), kind="stable")]
    for part in range(3):
        daemon = start(messages, *arguments, "--snapshot-every", "1s" if part != 1 else "1h")
        begin = 2000 * part
        with log.open("a") as writer:
            for number, block in enumerate(blocks[begin : begin + 2000].tolist(), begin):
                writer.write(f"block={block} line{number}\n")
        if part != 1:
            wait_until(lambda part=part: _offset(snapshots) == log.stat().st_size)
        daemon.kill()
        daemon.wait(timeout=60)
    ended = [argument for argument in arguments if argument != "--follow"]
    assert start(messages, *ended).wait(240) == 0
    newest = reader.newest(snapshots)
    assert newest is not None
    words = (newest.path / "words.txt").read_text().splitlines()
    counts = dict(zip(words, np.load(newest.path / "counts.npy").tolist(), strict=True))
    assert [counts[f"line{number}"] for number in range(6000)] == [1] * 6000
    assert newest.manifest["totals"]["records"] == len(set(blocks.tolist()))


def _offset(snapshots: Path) -> int:
    newest = reader.newest(snapshots)
    if newest is None or not newest.manifest["positions"]["file"]:
        return 0
    (marks,) = newest.manifest["positions"]["file"].values()
    return int(marks[0]["offset"])
