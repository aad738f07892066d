"""Values out of record batches: what kafka-python would have read, and nothing from garbage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from streamer.sources.kafka.client import _BulkBatch
from streamer.sources.kafka.values import FRAMES, NO_SCHEMA, Values, framed

_MESSAGES = st.lists(
    st.tuples(
        st.one_of(st.none(), st.binary(max_size=300), st.just(b"x" * 20_000)),
        st.one_of(st.none(), st.binary(max_size=10)),
        st.lists(st.tuples(st.text(max_size=5), st.one_of(st.none(), st.binary(max_size=5)))),
    ),
    min_size=1,
    max_size=30,
)


def _batch(messages: list, codec: int = 0, base: int = 0) -> DefaultRecordBatch:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 20)
    for offset, (value, key, headers) in enumerate(messages):
        builder.append(offset, 1000 + 7 * offset, key, value, headers)
    data = bytearray(builder.build())
    data[:8] = base.to_bytes(8, "big")  # the broker's part
    return DefaultRecordBatch(data)


@settings(deadline=None)
@given(_MESSAGES, st.integers(0, 4), st.integers(0, 2**40), st.integers(0, 30))
def test_values_are_what_the_client_reads(
    messages: list, codec: int, base: int, skipped: int
) -> None:
    first = base + skipped
    expected = [
        (record.offset, NO_SCHEMA, record.value)
        for record in _batch(messages, codec, base)
        if record.offset >= first and record.value
    ]
    (item,) = _BulkBatch(_batch(messages, codec, base), first, "none")
    values = item.value
    assert list(values) == expected
    assert item.offset == base + len(messages) - 1
    assert values.count == len(messages)
    assert values.text == b"".join(
        value if value.endswith(b"\n") else value + b"\n" for _, _, value in expected
    )
    again = Values.of_messages([(offset, value) for offset, _, value in expected])
    assert list(again) == expected
    assert again.text == values.text


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300))
def test_garbage_is_an_error_or_text_within_bounds(data: bytes, records: int) -> None:
    try:
        values = Values.of_batch(data, records, 0, 0)
    except CorruptRecordError:
        return
    assert len(values.text) <= len(data)


@settings(deadline=None)
@given(_MESSAGES, st.data())
def test_a_cut_batch_is_an_error(messages: list, data: st.DataObject) -> None:
    batch = _batch(messages)
    whole = bytes(batch._buffer[batch._pos :])
    end = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(CorruptRecordError):
        Values.of_batch(whole[:end], len(messages), 0, 0)


_JSON = b'{"a": 1}'


@pytest.mark.parametrize(
    ("value", "frame", "schema", "text"),
    [
        (b"\0\0\0\0\x0c" + _JSON, "auto", 12, _JSON),
        (b"\0\xff\xff\xff\xff[1]", "auto", 2**32 - 1, b"[1]"),
        (b'\0\0\0\0\1"s"', "confluent", 1, b'"s"'),
        (b"\0\0\0\0\x0c" + _JSON, "none", NO_SCHEMA, b"\0\0\0\0\x0c" + _JSON),
        (b"\0\0\0\0\1text", "confluent", 1, b"text"),
        (b"\0\0\0\0\1text", "auto", NO_SCHEMA, b"\0\0\0\0\1text"),
        (b"\0\0\0\0\1", "confluent", NO_SCHEMA, b"\0\0\0\0\1"),
        (_JSON, "confluent", NO_SCHEMA, _JSON),
        (b"\1\0\0\0\1" + _JSON, "confluent", NO_SCHEMA, b"\1\0\0\0\1" + _JSON),
    ],
)
def test_a_schema_registrys_frame_is_taken_off(
    value: bytes, frame: str, schema: int, text: bytes
) -> None:
    (item,) = _BulkBatch(_batch([(b"before", None, []), (value, b"k", [])]), 1, frame)
    assert list(item.value) == [(1, schema, text)]
    assert item.value.text == text + b"\n"
    assert list(Values.of_messages([(1, value)], frame)) == [(1, schema, text)]
    assert framed(text, schema) == value


@settings(deadline=None)
@given(st.lists(st.binary(max_size=9), min_size=1, max_size=20), st.sampled_from(sorted(FRAMES)))
def test_the_kernel_takes_off_what_is_taken_off_one_by_one(values: list, frame: str) -> None:
    values = [value.replace(b"\1", b"{").replace(b"\2", b"\0") for value in values]
    (item,) = _BulkBatch(_batch([(value, None, []) for value in values]), 0, frame)
    one_by_one = Values.of_messages(list(enumerate(values)), frame)
    assert list(item.value) == list(one_by_one)
    assert item.value.text == one_by_one.text
    assert [framed(text, schema) for _, schema, text in one_by_one] == [v for v in values if v]
