"""Lines that share a key become one record, each line of one, whatever comes in between."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from streamer.text import groups
from streamer.text.groups import Grouped, Grouper


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def _grouper(pattern: str = r"id=(\w+)", *, lines: int = 0, characters: int = 1000) -> Grouper:
    return Grouper(pattern, seconds=60.0, lines=lines, max_characters=characters, clock=Clock())


def _records(found: Grouped) -> list[str]:
    return found.text.decode().splitlines()


def test_lines_with_a_key_are_joined_and_others_pass() -> None:
    """In their order; the record is where its first line was."""
    grouper = _grouper()
    text = b"id=1 begins\nhello\nid=2 begins\nid=1 ends\n"
    found = grouper.take(text, lambda line: {"line": line})
    assert _records(found) == ["hello"]
    assert found.origin(0) == {"line": 1}
    rest = grouper.end()
    assert _records(rest) == ["id=2 begins", "id=1 begins id=1 ends"]
    assert [rest.origin(i) for i in range(2)] == [{"line": 2}, {"line": 0}]


def test_a_record_is_complete_when_nothing_came_for_a_while() -> None:
    """Time goes on although no line comes."""
    clock = Clock()
    grouper = Grouper("id=.", seconds=60.0, lines=0, max_characters=1000, clock=clock)
    grouper.take(b"id=1 a\n")
    clock.now += 40
    assert not _records(grouper.take(b"id=2 b\nid=1 c\n"))
    clock.now += 59
    assert not _records(grouper.take(b""))
    clock.now += 1
    assert _records(grouper.take(b"id=1 d\n")) == ["id=2 b", "id=1 a id=1 c"]
    assert _records(grouper.end()) == ["id=1 d"]


def test_a_record_is_complete_when_so_many_other_lines_came() -> None:
    """Of any kind; where batches end does not matter."""
    text = b"id=1 a\nx\nid=1 b\nx\nx\nx\nid=1 c\n"
    for cut in range(len(text.splitlines())):
        parts = [b"".join(text.splitlines(keepends=True)[i:j]) for i, j in ((0, cut), (cut, 9))]
        grouper = _grouper(lines=3)
        found = [record for part in parts for record in _records(grouper.take(part))]
        assert found == ["x", "x", "x", "x", "id=1 a id=1 b"]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the length of a record, and by all that is held: the oldest ends first."""
    grouper = _grouper(characters=20)
    assert _records(grouper.take(b"id=1 aaaa\nid=1 bbbb\nid=1 cccc\n")) == ["id=1 aaaa id=1 bbbb"]
    monkeypatch.setattr(groups, "MAX_HELD_CHARACTERS", 100)
    grouper = _grouper()
    text = "".join(f"id={i} some text\n" for i in range(50)).encode()
    found = _records(grouper.take(text))
    assert found == [line.decode() for line in text.splitlines()][: len(found)]
    assert len(found) >= 42
    assert len(grouper) == 50 - len(found)


def test_a_restart_anywhere_gives_the_same_records() -> None:
    """From what a checkpoint holds; every line is in one record."""
    chance = random.Random(3)
    lines = [f"id={chance.randrange(30)} w{number}\n".encode() for number in range(3000)]
    whole = _grouper(lines=40, characters=300)
    wanted = _records(whole.take(b"".join(lines))) + _records(whole.end())
    for cut in (1, 777, 2999):
        first, second = (_grouper(lines=40, characters=300) for _ in range(2))
        found = _records(first.take(b"".join(lines[:cut])))
        second.restore(first.state())
        found += _records(second.take(b"".join(lines[cut:]))) + _records(second.end())
        assert found == wanted
    words = Counter(word for record in wanted for word in record.split() if word[0] == "w")
    assert words == Counter(f"w{number}" for number in range(3000))


def test_what_was_held_is_not_lost_when_nothing_is_joined_any_more() -> None:
    """It comes first."""
    before, after = _grouper(), _grouper("")
    before.take(b"id=1 a\nid=1 b\n")
    after.restore(before.state())
    assert _records(after.take(b"id=1 c\n")) == ["id=1 a id=1 b", "id=1 c"]
