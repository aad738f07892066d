"""Numbers in records: which are judged, how unusual they are, and what is remembered."""

import json
import math

import numpy as np
import pytest

from streamer.alerts import values as module
from streamer.alerts.values import LEAST_NUMBERS, Values


def _lines(n: int, seed: int = 1) -> list[str]:
    """A duration of about 20 ms, a request number that counts up, and one of three codes."""
    rng = np.random.default_rng(seed)
    durations = np.maximum(1, rng.lognormal(3.0, 0.5, n)).astype(int)
    codes = rng.choice([200, 304, 404], n, p=[0.9, 0.08, 0.02])
    return [
        f"request {1000 + i} took {duration} ms, status {code}"
        for i, (duration, code) in enumerate(zip(durations, codes, strict=True))
    ]


def test_a_number_far_from_the_earlier_ones_is_told_with_what_is_usual() -> None:
    """Above and below, and a code that never came."""
    values = Values()
    for line in _lines(5000):
        values.judge(line)
    p, unusual = values.judge("request 9000 took 93211 ms, status 200")
    assert p < 0.005
    assert unusual is not None
    assert (unusual.text, unusual.p) == ("93211", p)
    assert 5 <= unusual.low <= 8
    assert 60 <= unusual.high <= 75
    for line, number in [
        ("request 9001 took 0 ms, status 200", "0"),
        ("request 9002 took 20 ms, status 500", "500"),
        ("request 9003 took -1 ms, status 200", "-1"),
    ]:
        p, unusual = values.judge(line)
        assert unusual is not None, line
        assert unusual.text == number
        assert p < 0.01
    p, unusual = values.judge("request 9004 took 21 ms, status 200")
    assert p > 0.5
    assert unusual is None


def test_p_is_at_most_the_share_of_records() -> None:
    """On a calm stream, with a counter in it that is always new."""
    values = Values()
    p = np.array([values.judge(line)[0] for line in _lines(30_000)])[3 * LEAST_NUMBERS :]
    assert np.isfinite(p).all()
    for share in (0.1, 0.01, 0.002):
        assert np.mean(p <= share) <= 1.3 * share
    assert np.mean(p <= 0.1) > 0.02


def test_a_counter_is_not_judged() -> None:
    """Each of its numbers is greater than all before, and that is usual."""
    values = Values()
    for i in range(2000):
        values.judge(f"packet {i}")
    assert math.isnan(values.judge("packet 100000000")[0])


def test_few_numbers_are_not_judged() -> None:
    """Nor are records without one, nor kinds that are new."""
    values = Values()
    for i in range(LEAST_NUMBERS - 20):
        assert math.isnan(values.judge(f"took {i * i % 7} ms")[0])
    for _ in range(40):
        values.judge("took 3 ms")
    assert values.judge("took 3 ms")[0] > 0.5
    assert math.isnan(values.judge("nothing here")[0])
    assert math.isnan(values.judge("slept 3 ms")[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("took 12ms, status=500", ["12", "500"]),
        ("2026-12-01T04:09:50 [1234] load: 0.75 (-3%)", ["1234", "0.75", "-3"]),
        ("from 10.0.0.1:8080 at 12:30:01,123 /v1/7/x v2 sda1 1.2.3", []),
        ("1 2 3 4 5 6 7 8", ["1", "2", "3", "4", "5", "6"]),
    ],
)
def test_what_a_number_is(text: str, expected: list[str]) -> None:
    """Numbers of their own, with or without a unit; no dates, times, addresses or versions."""
    assert [number for _, number in module._numbers(text)] == expected


def test_identifiers_that_look_like_numbers_at_times_do_not_move_the_others() -> None:
    """One hash in twelve is of digits alone, or ends like a unit."""
    rng = np.random.default_rng(3)
    digits = np.array(list("0123456789abcdef"))
    values = Values()
    told = 0
    for duration in rng.integers(90, 110, 5000):
        commit = "".join(rng.choice(digits, 7))
        p, _ = values.judge(f"build {commit} took {duration} s")
        told += p <= 0.002
    assert told <= 5
    p, unusual = values.judge("build 3f9a21c took 9000 s")
    assert p <= 0.002
    assert unusual is not None
    assert unusual.text == "9000"


@pytest.mark.parametrize("at", [10, 777, 3000])
def test_a_restored_state_judges_alike(at: int) -> None:
    """At any record; the state is JSON."""
    lines = _lines(4000)
    whole, before, after = Values(), Values(), Values()
    expected = [whole.judge(line) for line in lines][at:]
    for line in lines[:at]:
        before.judge(line)
    after.restore(json.loads(json.dumps(before.state())))
    found = [after.judge(line) for line in lines[at:]]
    np.testing.assert_array_equal([p for p, _ in found], [p for p, _ in expected])
    assert [number for _, number in found] == [number for _, number in expected]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kinds, numbers of a record, and numbers in a place."""
    monkeypatch.setattr(module, "MEMORY_NUMBERS", 1000)
    values = Values()
    for i in range(module.MAX_KINDS + 50):
        values.judge(f"{'x' * (i // 25)} {'y' * (i % 25)} 1 2 3 4 5 6 7 8 9")
    assert len(values.state()) == module.MAX_KINDS
    assert len(values.state()[0][1]) == module.MAX_NUMBERS
    for i in range(5000):
        values.judge(f"waited {1 + i * i % 50} s")
    _, place = values.state()[-1][1][0]
    assert sum(count for _, count in place["counts"]) <= 1100
    for text in ("waited 9" + 400 * "9" + " s", "waited 0.000000000000000000000001 s"):
        assert values.judge(text)[0] < 0.05


def test_what_was_usual_long_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are halved, so newer numbers count for more."""
    monkeypatch.setattr(module, "MEMORY_NUMBERS", 1000)
    values = Values()
    for _ in range(1000):
        values.judge("waited 100 s")
    for _ in range(8000):
        values.judge("waited 1 s")
    assert values.judge("waited 100 s")[0] < 0.01
