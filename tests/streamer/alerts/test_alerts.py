"""Alerts: which records become one, what it says, and what keeps alerts few."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from streamer.alerts.alert import Alert, alert_id
from streamer.alerts.alerts import Alerts, Limits, Record
from streamer.alerts.kinds import kind_id, kind_of
from streamer.alerts.rule import Rule
from streamer.config.alert_at import parse_alert_at
from w2v_online.learning.surprise import Measure


class Listener:
    """A target that keeps what it is sent."""

    name = "listener"
    dropped = 0

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.is_closed = False

    @property
    def sent(self) -> int:
        return len(self.alerts)

    def send(self, alert: Alert) -> None:
        self.alerts.append(alert)

    def settle(self) -> bool:
        return True

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        assert not state

    def close(self) -> None:
        self.is_closed = True


class Clock:
    """Seconds that a test sets."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def _record(i: int, text: str = "") -> Record:
    text = text or f"disk {i} failed"
    return Record(text.encode() + b"\n", {"file": "a.log", "line": i}, [("failed", 9.0)])


def _alerts(at: str = "p=0.01", **limits: float) -> tuple[Alerts, Listener, Clock]:
    listener, clock = Listener(), Clock()
    rule = Rule(parse_alert_at(at), clock)
    chosen = replace(Limits(warm_up_records=0, window_seconds=0.0), **limits)
    return Alerts(rule, [listener], chosen, clock=clock), listener, clock


def _calm(n: int) -> np.ndarray:
    return np.random.default_rng(1).permutation(np.linspace(1.0, 2.0, n))


def test_the_surprising_record_becomes_an_alert() -> None:
    """It says where, what and how unlikely; the id is made from place and text."""
    alerts, listener, _ = _alerts("p=0.001")
    alerts.consider(_calm(2_048), _record)
    before = len(listener.alerts)
    alerts.consider(np.array([1.5, 8.0, 1.2]), _record)
    (alert,) = listener.alerts[before:]
    assert alert.text == "disk 1 failed"
    assert alert.position == {"file": "a.log", "line": 1}
    assert alert.p == pytest.approx(1 / 2_049)
    assert alert.id == alert_id(alert.position, b"disk 1 failed\n")
    assert orjson.loads(alert.as_json())["words"] == [{"word": "failed", "surprise": 9.0}]


def test_an_alert_names_the_usual_lines_that_are_nearest_also_after_a_restart() -> None:
    alerts, listener, _ = _alerts("p=0.01")
    texts = ["disk sda is ok", "user logged in", "network is up"]
    alerts.consider(_calm(3000), _record, lambda i: texts[i // 64 % 3].encode())
    after, late_listener, _ = _alerts("p=0.01")
    after.restore(alerts.state())
    for some in (alerts, after):
        some.consider(np.array([60.0]), lambda i: _record(i, "disk sda is full"))
    for heard in (listener, late_listener):
        assert heard.alerts[-1].usual == ["disk sda is ok", "network is up"]


def test_nothing_is_sent_while_the_model_is_new() -> None:
    """The first record after the warm-up can be one."""
    alerts, listener, _ = _alerts("p=1", warm_up_records=300)
    alerts.consider(_calm(300), _record)
    assert not listener.alerts
    alerts.consider(np.array([1.0]), _record)
    assert len(listener.alerts) == 1


def test_records_of_one_kind_are_one_message_and_its_count() -> None:
    """The summary comes when the window is over, with the id of the first."""
    alerts, listener, clock = _alerts("p=1", window_seconds=60.0)
    alerts.consider(np.full(5, 9.0), _record)
    assert [alert.count for alert in listener.alerts] == [1]
    clock.now += 61
    alerts.consider(np.array([]), _record)
    first, summary = listener.alerts
    assert (summary.id, summary.count, summary.first) == (first.id, 5, first.time)
    assert alerts.suppressed == 4
    alerts.consider(np.array([9.0]), _record)
    assert listener.alerts[-1].count == 1


def test_the_end_of_the_stream_ends_all_windows() -> None:
    """What followed an alert is not forgotten."""
    alerts, listener, _ = _alerts("p=1", window_seconds=60.0)
    alerts.consider(np.full(3, 9.0), _record)
    alerts.end()
    assert [alert.count for alert in listener.alerts] == [1, 3]


def test_a_kind_that_is_muted_while_its_window_is_open_has_no_summary() -> None:
    """Nothing more of it is sent, neither when the window ends nor when the stream does."""
    alerts, listener, clock = _alerts("p=1", window_seconds=60.0)
    alerts.consider(np.full(3, 9.0), _record)
    assert alerts.mute(kind_id(listener.alerts[0].kind), is_muted=True)
    clock.now += 61
    alerts.consider(np.array([9.0]), lambda i: _record(i, "fan stopped"))
    alerts.end()
    assert [(alert.text, alert.count) for alert in listener.alerts] == [
        ("disk 0 failed", 1),
        ("fan stopped", 1),
    ]


def test_a_rate_limit_holds_back_and_counts() -> None:
    """A minute later there is room again."""
    alerts, listener, clock = _alerts("p=1", per_minute=3)
    alerts.consider(np.full(10, 9.0), _record)
    assert (len(listener.alerts), alerts.limited, alerts.raised) == (3, 7, 10)
    clock.now += 61
    alerts.consider(np.array([9.0]), _record)
    assert len(listener.alerts) == 4


def test_a_rate_adapts_to_the_stream() -> None:
    """At 100 records a second, 36 an hour are one record in ten thousand."""
    clock = Clock()
    rule = Rule(parse_alert_at("rate=36/hour"), clock)
    assert rule.largest_p == 0.0
    for _ in range(100):
        clock.now += 1.0
        rule.count(100)
    assert rule.largest_p == pytest.approx(1e-4, rel=0.03)
    for _ in range(3000):
        clock.now += 1.0
        rule.count(1)
    assert rule.largest_p == pytest.approx(1e-2, rel=0.1)


def _timed(i: int) -> str:
    return f"request took {10 + i * i % 17} ms"


def test_an_unusual_number_makes_an_alert_also_after_a_restart() -> None:
    """Though the words are the usual ones; it is told with what is usual, and is the first word."""
    alerts, later = (
        Alerts(Rule(parse_alert_at("p=0.01")), [Listener()], Limits(0, 0.0), has_values=True)
        for _ in range(2)
    )
    alerts.consider(_calm(3000), lambda i: _record(i, _timed(i)), lambda i: _timed(i).encode())
    later.restore(alerts.state())
    text = "request took 9000 ms"
    for some in (alerts, later):
        some.consider(np.array([1.5]), lambda i: _record(i, text), lambda _: text.encode())
        (target,) = some.targets
        assert isinstance(target, Listener)
        alert = target.alerts[-1]
        assert alert.text == text
        assert alert.words[0][0] == "9000"
        (value,) = alert.as_dict()["values"]
        assert (value["value"], value["usual"]) == ("9000", pytest.approx([10, 26], rel=0.05))
        assert "9000 is usually 9." in alert.summary or "9000 is usually 10" in alert.summary
        assert "values" not in replace(alert, text=None).as_dict()
        assert "usually" not in replace(alert, text=None).summary
    some.consider(np.array([1.5]), lambda i: _record(i, _timed(i)), lambda i: _timed(i).encode())
    assert target.alerts[-1] is alert


def test_numbers_are_judged_only_if_that_is_asked_for() -> None:
    alerts, listener, _ = _alerts("p=0.01")
    alerts.consider(_calm(3000), lambda i: _record(i, _timed(i)), lambda i: _timed(i).encode())
    before = len(listener.alerts)
    text = "request took 9000 ms"
    alerts.consider(np.array([1.5]), lambda i: _record(i, text), lambda _: text.encode())
    assert len(listener.alerts) == before


def test_text_can_be_left_out() -> None:
    """Then nothing of the record leaves the process but where it stands."""
    listener = Listener()
    alerts = Alerts(
        Rule(parse_alert_at("p=1")), [listener], Limits(warm_up_records=0), has_text=False
    )
    alerts.consider(np.array([9.0]), lambda i: _record(i, "password hunter2"))
    assert b"hunter2" not in listener.alerts[0].as_json()


@pytest.mark.parametrize("text", ["0.001", "p=0", "p=2", "rate=10", "rate=10/eon", "p=x", ""])
def test_a_wrong_rule_says_what_to_type(text: str) -> None:
    """Both forms are shown."""
    with pytest.raises(ValueError, match=r"p=0\.001.*rate=10/hour"):
        parse_alert_at(text)


def test_kinds_mask_what_varies() -> None:
    """Numbers, hexadecimal identifiers and UUIDs; words that look alike stay apart."""
    one = "user 17 at 10.0.0.1 block 0xdeadbeef id 3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    two = "user 9 at 10.0.0.250 block 0x1 id 00000000-4f89-41d3-9a0c-0305e82c3301"
    assert kind_of(one) == kind_of(two)
    assert kind_of("disk failed") != kind_of("disk faded")


def test_a_checkpoint_holds_surprises_and_open_windows() -> None:
    """After a restart an alert is counted into the one before, and p-values go on."""
    before, listener, clock = _alerts("p=0.01", window_seconds=60.0)
    before.consider(np.append(_calm(2_000), 9.0), _record)
    after, sent, _ = _alerts("p=0.01", window_seconds=60.0)
    state = {name: array.copy() for name, array in before.state().items()}
    after.restore(state)
    assert after.distribution.records == 2_001
    assert {name: array.tolist() for name, array in after.state().items()} == {
        name: array.tolist() for name, array in state.items()
    }
    after.consider(np.array([9.0]), _record)
    after.end()
    (summary,) = sent.alerts
    assert summary.id == listener.alerts[-1].id
    assert summary.count > 1
    assert clock.now


def test_surprises_of_another_measure_are_forgotten() -> None:
    """They do not compare; the warm-up begins anew."""
    before, _, _ = _alerts("p=0.01")
    before.consider(_calm(2_000), _record)
    listener = Listener()
    after = Alerts(
        Rule(parse_alert_at("p=0.01")), [listener], Limits(), measure=Measure("max", "context")
    )
    after.restore(before.state())
    assert after.distribution.records == 0


def test_an_id_does_not_depend_on_what_a_restart_may_change() -> None:
    """A file may be renamed, and the number of a line not be known."""
    position = {"file": "a.log", "inode": 7, "byte": 90, "line": 3}
    renamed = {"file": "a.log.1", "inode": 7, "byte": 90}
    assert alert_id(position, b"x") == alert_id(renamed, b"x")
    assert alert_id(position, b"x") != alert_id({**renamed, "byte": 91}, b"x")
    assert alert_id({"topic": "a", "offset": 1}, b"x") != alert_id(
        {"topic": "a", "offset": 2}, b"x"
    )
