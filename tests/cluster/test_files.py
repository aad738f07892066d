"""Workers that share files: exact counts, and one snapshot that anybody can go on from."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.process import ClusterDaemon
from tests.kafka.process import Daemon, counts, lines_of, words_of

Start = Callable[..., ClusterDaemon]

pytestmark = pytest.mark.timeout(1800)


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
    assert Daemon(*options[:4], "--resume", "require", folder=tmp_path / "s").process.wait(180) == 0
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
    """Without an address Ray runs on this machine, for as long as it is needed.

    Files that appear are noticed; there are metrics, probes and SIGUSR1, as with ``run``.
    """
    pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")
    lines = lines_of(3000)
    _write(tmp_path / "logs", "a.log", lines[:2000])
    cluster = ClusterDaemon(
        "--source", "file", "--path", str(tmp_path / "logs" / "*.log"), "--follow",
        "--snapshot-every", "1h", "--http", "127.0.0.1:0", "--join-after", "0",
        folder=tmp_path / "s",
    )  # fmt: skip
    try:
        cluster.event("epoch_started")
        _write(tmp_path / "logs", "b.log", lines[2000:])  # noticed, dealt out, checkpointed
        cluster.wait_for_words(24_000)
        cluster.wait_until(lambda: _saved_now(cluster) == 36_000)
        assert {_learned_words(cluster, worker) for worker in (0, 1)} == {12_000.0, 24_000.0}
        metrics = _get(cluster, "metrics")
        assert "w2v_stream_words_total 36000.0" in metrics
        assert "w2v_stream_cluster_rollbacks_total 0.0" in metrics
        assert "ready" in _get(cluster, "readyz")
        assert cluster.stop() == 0
    finally:
        cluster.kill()
    assert counts(tmp_path / "s") == words_of(lines)


def _saved_now(cluster: ClusterDaemon) -> int:
    cluster.process.send_signal(signal.SIGUSR1)
    return cluster.saved_words()


def test_a_new_model_is_learned_by_one_worker_first(start: Start, tmp_path: Path) -> None:
    """The others join when it has read enough, and go on with files where worker 0 was."""
    lines = lines_of(10_000)
    logs = tmp_path / "logs"

    def append(first: int, last: int) -> None:
        for part in range(4):
            with (logs / f"{part}.log").open("ab") as log:
                log.writelines(line + b"\n" for line in lines[first + part : last : 4])

    logs.mkdir()
    append(0, 4000)
    cluster = start(
        "--source", "file", "--path", str(logs / "*.log"), "--follow", "--http", "127.0.0.1:0",
        "--snapshot-every", "0.5s", "--workers", "3", "--join-after", "60000",
    )  # fmt: skip
    cluster.wait_for_words(48_000)
    assert [_learned_words(cluster, worker) for worker in range(3)] == [48_000, 0, 0]
    append(4000, 8000)
    cluster.event("workers_joined")
    append(8000, 10_000)
    cluster.wait_for_words(120_000)
    assert _learned_words(cluster, 0) >= 48_000
    assert _learned_words(cluster, 1) > 0
    assert _learned_words(cluster, 2) > 0
    assert cluster.stop() == 0
    assert counts(tmp_path / "s") == words_of(lines)


def _learned_words(cluster: ClusterDaemon, worker: int) -> float:
    """What a worker has learned in this epoch."""
    figure = f'w2v_stream_worker_words_total{{worker="{worker}"}} '
    return float(_get(cluster, "metrics").partition(figure)[2].split()[0])


def _get(cluster: ClusterDaemon, path: str) -> str:
    address = cluster.event("http_listening").partition("address=")[2].split()[0]
    with urllib.request.urlopen(f"http://{address}/{path}", timeout=10) as answer:
        return answer.read().decode()
