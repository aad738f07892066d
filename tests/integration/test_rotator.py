"""A random rotator against a daemon that is killed: the short version of the trial."""

from __future__ import annotations

from benchmarks import rotator


def test_no_line_is_lost_or_repeated_whatever_a_rotator_does() -> None:
    assert rotator.trial(seconds=15, seed=3, pause=0.05, life=6) == []
