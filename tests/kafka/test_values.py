"""Values out of record batches: what kafka-python would have read, and nothing from garbage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from streamer.sources.kafka.client import _BulkBatch
from streamer.sources.kafka.values import Values

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
        (record.offset, record.value)
        for record in _batch(messages, codec, base)
        if record.offset >= first and record.value
    ]
    (item,) = _BulkBatch(_batch(messages, codec, base), first)
    values = item.value
    assert list(values) == expected
    assert item.offset == base + len(messages) - 1
    assert values.count == len(messages)
    assert values.text == b"".join(
        value if value.endswith(b"\n") else value + b"\n" for _, value in expected
    )
    assert list(Values.of_messages(expected)) == expected
    assert Values.of_messages(expected).text == values.text


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
