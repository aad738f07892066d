"""Real daemons for tests: started, watched by their log, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

COMMAND = [sys.executable, "-m", "streamer"]
SMALL = ["--vector-size", "16", "--min-count", "1", "--max-vocab-size", "20000"]


def environment() -> dict[str, str]:
    """This process's, without options that would reach the daemon."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("W2V_STREAM_")}
    return kept | {"COLUMNS": "200"}


def start(log: Path, *args: str | Path, under: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """A daemon whose messages go to ``log``, started by the command ``under`` if there is one."""
    with log.open("ab") as stderr:
        return subprocess.Popen(
            [*under, *COMMAND, *map(str, args)],
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            env=environment(),
        )


PATIENCE_SECONDS = 180.0
"""How long tests wait for what takes a second: machines that run them may be busy."""


def wait_until(condition: object, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until ``condition()`` is true; AssertionError if it takes too long."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
