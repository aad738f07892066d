"""Workers that share files: exact counts, and one snapshot that anybody can go on from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.process import ClusterDaemon
from tests.kafka.process import Daemon, counts, lines_of, words_of

Start = Callable[..., ClusterDaemon]


def _write(folder: Path, name: str, lines: list[bytes]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"".join(line + b"\n" for line in lines))


def _manifest(path: Path) -> dict:
    newest = max(folder for folder in path.iterdir() if folder.is_dir())
    return json.loads((newest / "manifest.json").read_text())


def test_one_model_of_all_files_that_any_number_of_workers_goes_on_from(
    start: Start, tmp_path: Path
) -> None:
    """Two workers, then one daemon, then three workers, then one: each goes on with new files."""
    lines = lines_of(16_000)
    logs = tmp_path / "logs"
    options = ["--source", "file", "--path", str(logs / "*.log"), "--sync-every", "3000"]
    for name in range(5):
        _write(logs, f"{name}.log", lines[name * 1000 : (name + 1) * 1000])
    cluster = start(*options, "--workers", "2", "--shards", "2")
    assert cluster.wait_for_end() == 0
    assert counts(tmp_path / "s") == words_of(lines[:5000])
    _write(logs, "5.log", lines[5000:6000])
    assert Daemon(*options[:4], "--resume", "require", folder=tmp_path / "s").process.wait(60) == 0
    assert counts(tmp_path / "s") == words_of(lines[:6000])
    read = 6000
    for workers in ("3", "1"):
        for _ in range(5):
            _write(logs, f"{read}.log", lines[read : read + 1000])
            read += 1000
        cluster = start(*options, "--workers", workers, "--resume", "require")
        assert cluster.wait_for_end() == 0
        assert counts(tmp_path / "s") == words_of(lines[:read])
    manifest = _manifest(tmp_path / "s")
    assert manifest["totals"]["records"] == read
    assert len(manifest["positions"]["file"]) == 16


def test_a_ray_of_ones_own(tmp_path: Path) -> None:
    """Without an address Ray runs on this machine, for as long as it is needed; SIGUSR1 works."""
    pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")
    lines = lines_of(3000)
    _write(tmp_path / "logs", "a.log", lines[:2000])
    cluster = ClusterDaemon(
        "--source", "file", "--path", str(tmp_path / "logs" / "*.log"), "--follow",
        "--snapshot-every", "1h", folder=tmp_path / "s",
    )  # fmt: skip
    try:
        cluster.event("epoch_begun")
        _write(tmp_path / "logs", "b.log", lines[2000:])  # noticed, dealt out, checkpointed
        cluster.wait_for_words(24_000)
        cluster.wait_until(lambda: _learned(cluster) == 36_000)
        assert cluster.stop() == 0
    finally:
        cluster.kill()
    assert counts(tmp_path / "s") == words_of(lines)


def _learned(cluster: ClusterDaemon) -> int:
    import signal

    cluster.process.send_signal(signal.SIGUSR1)
    return cluster.saved_words()
