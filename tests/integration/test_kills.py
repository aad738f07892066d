"""SIGKILL at random instants; the long version is ``python -m benchmarks.kills``."""

from __future__ import annotations

from pathlib import Path

from benchmarks import kills


def test_killed_daemons_leave_complete_snapshots_and_the_same_model(tmp_path: Path) -> None:
    """What holds after each kill is checked inside; the kills must have found something to hit."""
    found = kills.run(rounds=6, seed=3, folder=tmp_path, model=["--replay", "2"])
    assert found
