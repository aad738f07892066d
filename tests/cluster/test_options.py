"""What a cluster cannot be told is refused before anything is started."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.checks import memory
from streamer.checks.cluster import workers_fit
from streamer.config.cluster_settings import ClusterSettings
from tests.integration.daemons import SMALL, environment

_FILE = ["--source", "file", "--path", "*.log"]


def _cluster(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return _run("cluster", *args, cwd=cwd)


def _run(*args: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "streamer", *args],
        capture_output=True, text=True, cwd=cwd, timeout=240, check=False,
        env=environment() | variables,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([], 78, "cluster mode does not read standard input"),
        ([*_FILE, "--loss", "hs"], 78, "--loss ns"),
        ([*_FILE, "--half-life", "1000"], 78, "--half-life"),
        ([*_FILE, "--phrases"], 78, "--phrases"),
        ([*_FILE, "--init", "v.bin"], 78, "start with run --init"),
        ([*_FILE, "--vectors-every", "1s"], 78, "--snapshot-every"),
        ([*_FILE, "--replay", "1", "--anneal", "1"], 78, "does not support --anneal"),
        ([*_FILE, "--snapshot-dir", "s3://b/p"], 78, "all machines share"),
        ([*_FILE, "--workers", "0"], 2, "--workers"),
        ([*_FILE, "--ray-address", "nowhere"], 2, "--ray-address"),
        (_FILE, 78, "no such file"),
        (
            ["--source", "file", "--path", "a", "--ray-address", "127.0.0.1:9"],
            78,
            "nothing listens",
        ),
    ],
)
def test_what_makes_no_sense_is_said(args: list[str], code: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a b c\n")
    done = _cluster(*args, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.splitlines()[-1]


def test_the_configuration_is_printed_with_the_options_of_run(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('workers = 3\nsource = "file"\npath = "*.log"\n')
    done = _cluster("--config", "c.toml", "--print-config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "workers = 3  # file c.toml" in done.stdout
    assert "vector-size = 100  # default" in done.stdout


def test_a_clusters_configuration_is_checked_as_one(tmp_path: Path) -> None:
    """Whether a file, the environment or a flag shows what it is; nothing is started or left."""
    pytest.importorskip("ray", reason="needs Ray: pip install '.[cluster]'")
    (tmp_path / "a.log").write_text("a b c\n")
    (tmp_path / "c.toml").write_text('workers = 3\nsource = "file"\npath = "*.log"\n')
    done = _run("validate", "--config", "c.toml", *SMALL, cwd=tmp_path, W2V_STREAM_SHARDS="2")
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}
    assert "ray: is installed" in done.stdout
    assert "memory: a worker takes up to" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "c.toml"]
    alone = _run("validate", *_FILE, *SMALL, "--half-life", "9", cwd=tmp_path)
    assert (alone.returncode, "worker" in alone.stdout) == (0, False)


@pytest.mark.parametrize(
    ("args", "variables", "code", "said"),
    [
        (
            ["--cluster", *_FILE, "--half-life", "9"],
            {},
            78,
            "error: cluster mode does not support --half-life",
        ),
        (
            [*_FILE, "--loss", "hs"],
            {"W2V_STREAM_SHARDS": "1"},
            78,
            "cluster mode does not support --loss hs",
        ),
        (["--config", "c.toml"], {}, 78, "error: cluster mode does not read standard input"),
        (["--config", "wrong.toml"], {}, 78, "unknown key 'workrs'; did you mean workers?"),
        (_FILE, {"W2V_STREAM_WORKERS": "0"}, 78, "error: W2V_STREAM_WORKERS=0: "),
        (["--workers", "0", *_FILE], {}, 2, "error: --workers 0: "),
        ([*_FILE, "--ray-address", "127.0.0.1:9"], {}, 78, "failure  ray-address: 127.0.0.1:9: no"),
        (["--cluster", "--source", "file", "--path", "b"], {}, 78, "failure  path: b cannot be"),
    ],
)
def test_what_would_stop_a_cluster_fails_before_it_starts(
    args: list[str], variables: dict[str, str], code: int, said: str, tmp_path: Path
) -> None:
    if "--ray-address" in args and importlib.util.find_spec("ray") is None:
        pytest.skip("needs Ray: pip install '.[cluster]'")
    (tmp_path / "a.log").write_text("a b c\n")
    (tmp_path / "c.toml").write_text("sync-every = 5000\n")
    (tmp_path / "wrong.toml").write_text("workrs = 3\n")
    done = _run("validate", *args, *SMALL, cwd=tmp_path, **variables)
    assert done.returncode == code, done.stdout
    assert said in done.stdout + done.stderr


def test_all_workers_and_shards_must_fit_into_the_one_machine_that_holds_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = {"source": "file", "path": "a", "vector_size": 16, "max_vocab_size": 20_000}
    room = 4 * memory.BASE_BYTES
    monkeypatch.setattr(memory, "memory_bytes", lambda: room)
    monkeypatch.setattr(memory, "available_bytes", lambda: room)
    levels = [
        [found.level for found in workers_fit(ClusterSettings.model_validate(few | more))]
        for more in ({"workers": 1}, {"workers": 4}, {"workers": 4, "ray_address": "auto"})
    ]
    assert levels == [["ok"], ["failure"], ["ok"]]
