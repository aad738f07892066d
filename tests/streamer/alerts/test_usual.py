"""Usual lines beside an alert: those of the stream that share most words with it."""

import numpy as np

from streamer.alerts.usual import EVERY_RECORDS, MAX_CHARACTERS, MAX_LINES, UsualLines


def _take(usual: UsualLines, lines: list[str], p: float = 0.5, number: int = 0) -> None:
    repeated = [line for line in lines for _ in range(EVERY_RECORDS)]
    usual.take(number, np.full(len(repeated), p), repeated.__getitem__)


def test_the_nearest_share_most_words() -> None:
    usual = UsualLines()
    _take(usual, ["disk 1 is ok", "network is up", "user 7 logged in", "disk 2 is ok"])
    assert usual.nearest("disk # is full", 2) == ["disk 2 is ok", "network is up"]
    assert usual.nearest("panic", 2) == []


def test_unusual_lines_are_not_kept() -> None:
    usual = UsualLines()
    _take(usual, ["disk failed"], p=0.01)
    assert usual.state() == []


def test_which_lines_are_kept_does_not_depend_on_batches() -> None:
    lines = [f"line {chr(97 + i % 26)}{chr(97 + i // 26 % 26)}" for i in range(5000)]
    whole, parts = UsualLines(), UsualLines()
    whole.take(0, np.full(5000, 0.5), lines.__getitem__)
    for begin in range(0, 5000, 77):
        part = lines[begin : begin + 77]
        parts.take(begin, np.full(len(part), 0.5), part.__getitem__)
    assert whole.state() == parts.state()
    assert len(whole.state()) == len(range(0, 5000, EVERY_RECORDS))


def test_memory_is_bounded_and_goes_into_a_checkpoint() -> None:
    usual, again = UsualLines(), UsualLines()
    _take(usual, [f"{'y' * i} {'x' * 1000}" for i in range(MAX_LINES + 50)])
    _take(usual, [f"word {'z' * i}" for i in range(MAX_LINES + 50)])
    state = usual.state()
    assert len(state) == MAX_LINES
    assert max(map(len, state)) <= MAX_CHARACTERS
    again.restore(state)
    assert again.state() == state
    assert again.nearest("word", 1) == usual.nearest("word", 1)
