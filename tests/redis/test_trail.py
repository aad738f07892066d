"""Which of the entries that were read are kept to know a stream again."""

from __future__ import annotations

from streamer.sources.redis.trail import Trail


def test_the_oldest_and_one_of_each_age_are_kept() -> None:
    trail = Trail()
    assert not trail
    assert trail.ids == []
    for now in range(0, 2000, 5):
        trail.note(f"{now}-0", float(now))
    kept = ["1395-0", "1935-0", "1990-0"]
    assert trail.ids == kept
    trail.note("1995-0", 2600.0)
    assert trail.ids == kept  # nothing came for a while
    trail.note("2600-0", 2600.0)
    assert trail.ids == ["1995-0"]


def test_those_of_a_checkpoint_are_the_oldest() -> None:
    trail = Trail(["1-0", "2-0"])
    assert trail
    assert trail.ids == ["1-0", "2-0"]
    trail.note("3-0", 10.0)
    assert trail.ids == ["2-0"]
    trail.note("4-0", 15.0)
    assert trail.ids == ["2-0", "3-0"]
