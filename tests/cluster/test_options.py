"""What a cluster cannot be told is refused before anything is started."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_FILE = ["--source", "file", "--path", "*.log"]


def _cluster(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamer", "cluster", *args],
        capture_output=True, text=True, cwd=cwd, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([], 78, "--source file or kafka"),
        ([*_FILE, "--loss", "hs"], 78, "--loss ns"),
        ([*_FILE, "--half-life", "1000"], 78, "--half-life"),
        ([*_FILE, "--phrases"], 78, "--phrases"),
        ([*_FILE, "--init", "v.bin"], 78, "let run write a snapshot"),
        ([*_FILE, "--vectors-every", "1s"], 78, "--snapshot-every"),
        ([*_FILE, "--snapshot-dir", "s3://b/p"], 78, "all nodes"),
        ([*_FILE, "--workers", "0"], 2, "--workers"),
        ([*_FILE, "--ray-address", "nowhere"], 2, "--ray-address"),
        (_FILE, 78, "no such file"),
        (["--source", "file", "--path", "a", "--ray-address", "127.0.0.1:9"], 78, "nobody listens"),
    ],
)
def test_what_makes_no_sense_is_said(args: list[str], code: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a b c\n")
    done = _cluster(*args, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_configuration_is_printed_with_the_options_of_run(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('workers = 3\nsource = "file"\npath = "*.log"\n')
    done = _cluster("--config", "c.toml", "--print-config", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "workers = 3  # file c.toml" in done.stdout
    assert "vector-size = 100  # default" in done.stdout
