"""A warning comes while a large share of records is invalid, and says what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from streamer.text.batch import Batch
from streamer.text.decode import Decoder
from streamer.text.invalid import REPEAT_SECONDS, WINDOW_RECORDS, WINDOW_SECONDS, InvalidRecords
from streamer.text.records import RecordSplitter
from tests.clock import Clock


class Log:
    """Keeps warnings."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def warning(self, event: str, **values: Any) -> None:
        assert event == "records_invalid"
        self.said.append(values)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _come(invalid: InvalidRecords, records: int, bad: int) -> None:
    for _ in range(bad):
        invalid.add(ValueError("broken"))
    invalid.seen(records)


def test_a_large_share_is_said_at_once_and_not_too_often(log: Log, clock: Clock) -> None:
    invalid = InvalidRecords(7, log, clock)
    _come(invalid, WINDOW_RECORDS, WINDOW_RECORDS // 10)  # the share allowed
    assert log.said == []
    _come(invalid, WINDOW_RECORDS, WINDOW_RECORDS // 10 + 1)
    (said,) = log.said
    assert said == {
        "invalid": 11, "records": WINDOW_RECORDS, "reason": "broken", "total_invalid": 28,
    }  # fmt: skip
    _come(invalid, WINDOW_RECORDS, WINDOW_RECORDS)
    assert len(log.said) == 1
    clock.now += REPEAT_SECONDS
    _come(invalid, WINDOW_RECORDS, WINDOW_RECORDS)
    assert len(log.said) == 2


def test_few_records_are_judged_after_some_seconds_or_at_the_end(log: Log, clock: Clock) -> None:
    invalid = InvalidRecords(0, log, clock)
    _come(invalid, 3, 3)
    assert log.said == []
    clock.now += WINDOW_SECONDS
    invalid.seen(0)
    assert [said["records"] for said in log.said] == [3]
    clock.now += REPEAT_SECONDS
    invalid.seen(0)
    _come(invalid, 2, 1)
    invalid.conclude()
    assert [said["records"] for said in log.said] == [3, 2]


def _decoder(log: Log, clock: Clock, **options: Any) -> Decoder:
    return Decoder(
        RecordSplitter(1024, 64), invalid=InvalidRecords(0, log, clock), **options
    )  # fmt: skip


def test_a_misspelt_field_is_named_with_those_that_are_there(log: Log, clock: Clock) -> None:
    decoder = _decoder(log, clock, json_fields=("mesage", "text.body"))
    document = {"level": "info", "message": "a b", "text": {"title": "x", "lines": 3}, "tags": []}
    decoder.decode(Batch(orjson.dumps(document) + b"\n"))
    assert decoder.settle()
    (said,) = log.said
    assert said["reason"] == (
        "JSON has no field mesage or text.body; it has level, message, text.title, text.lines, tags"
    )


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({f"k{i}": i for i in range(13)}, ", ".join(f"k{i}" for i in range(10)) + " and 3 more"),
        ({"k" * 100: 1}, "k" * 60 + "..."),
        ([{"a": 1}, 5, {"a": 2, "b": 1}], "a, b"),
        ({}, "no fields"),
        ({"x": None, "y": 1}, "x (null), y"),
        ({"half a character \ud800": 1}, "half a character ?"),
    ],
)
def test_fields_are_named_in_bounds(log: Log, clock: Clock, document: Any, fields: str) -> None:
    decoder = _decoder(log, clock, json_fields=("x",))
    decoder.decode(Batch(json.dumps(document).encode() + b"\n"))
    decoder.settle()
    assert log.said[0]["reason"] == f"JSON has no field x; it has {fields}"


def test_good_text_counts_towards_the_share(log: Log, clock: Clock) -> None:
    decoder = _decoder(log, clock)
    decoder.decode(Batch(b"good\n" * 95))
    decoder.decode(Batch(b"\xff\n" * 5))
    assert (decoder.invalid_records, log.said) == (5, [])
    decoder.decode(Batch(b"good\n" * 80))
    decoder.decode(Batch(b"\xff\n" * 20))
    assert [said["reason"] for said in log.said] == ["not UTF-8: invalid start byte at byte 0"]


def test_json_behind_a_byte_order_mark_is_json() -> None:
    decoder = Decoder(RecordSplitter(1024, 64), json_fields=("text",))
    assert decoder.decode(Batch(b'\xef\xbb\xbf{"text": "a b"}\n')) == b"a b\n"
    assert decoder.invalid_records == 0
