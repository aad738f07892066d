"""Record batches to text: the values of all messages of a batch in one go.

kafka-python takes batches apart record by record, in Python, which is slower than learning from
them. It still fetches, checks, decompresses and follows transactions; ``client`` has it return one
:class:`Values` for each batch. Format: Apache Kafka's record batch, version 2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from kafka.errors import CorruptRecordError
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner, kernel

_LINE_FEED = 10


@inner
def _varint(data, position, end):  # type: ignore[no-untyped-def]
    """A zigzag number at ``position`` and where it ends, which is -1 if it is not complete."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while position < end and shift < 70:
        byte = data[position]
        position += 1
        value |= np.uint64(byte & 0x7F) << shift
        if byte < 0x80:
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), position
        shift += np.uint64(7)
    return np.int64(0), np.int64(-1)


@kernel
def _extract(data, records, first_delta, text, starts, ends, deltas):  # type: ignore[no-untyped-def]
    """Copy the values of a batch's records, each ended by a line feed, into ``text``.

    data : uint8[n], the records, not compressed
    records : how many there are
    first_delta : records with a smaller offset, relative to the batch's, are left out
    text : uint8[n], written; a record's own frame is longer than the line feed it may get
    starts, ends, deltas : int64[records], written: each value's place in text, its offset

    Returns how many values there are and the length of the text; (-1, 0) if data is garbled.
    Records without a value or with an empty one are left out.
    """
    position, end, written, values = np.int64(0), len(data), np.int64(0), np.int64(0)
    for _ in range(records):
        length, position = _varint(data, position, end)
        if position < 0 or length < 0 or length > end - position:
            return np.int64(-1), np.int64(0)
        record_end = position + length
        position += 1  # attributes, unused
        _, position = _varint(data, position, record_end)  # time
        if position < 0:
            return np.int64(-1), np.int64(0)
        delta, position = _varint(data, position, record_end)
        if position < 0:
            return np.int64(-1), np.int64(0)
        key_length, position = _varint(data, position, record_end)
        if position < 0 or key_length > record_end - position:
            return np.int64(-1), np.int64(0)
        position += max(key_length, 0)
        length, position = _varint(data, position, record_end)
        if position < 0 or length > record_end - position:
            return np.int64(-1), np.int64(0)
        if length > 0 and delta >= first_delta:
            for i in range(length):
                text[written + i] = data[position + i]
            starts[values], ends[values], deltas[values] = written, written + length, delta
            written += length
            values += 1
            if text[written - 1] != _LINE_FEED:
                text[written] = _LINE_FEED
                written += 1
        position = record_end
    if position != end:
        return np.int64(-1), np.int64(0)
    return values, written


class Values:
    """The values of messages that follow each other in a partition.

    ``text`` holds them as records, each ended by a line feed; message i is
    ``text[starts[i]:ends[i]]`` and has the offset ``offsets[i]``; all arrays are int64.
    ``count`` messages were read, those without a value included.
    """

    def __init__(
        self,
        text: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        offsets: NDArray[np.int64],
        count: int,
    ) -> None:
        self.text = text
        self.starts = starts
        self.ends = ends
        self.offsets = offsets
        self.count = count

    def __len__(self) -> int:
        return len(self.text)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        for start, end, offset in zip(self.starts, self.ends, self.offsets, strict=True):
            yield int(offset), self.text[start:end]

    @classmethod
    def of_batch(cls, data: bytes | memoryview, records: int, base: int, first: int) -> Values:
        """The values in a batch's uncompressed records, of offsets from ``first`` on.

        Raises CorruptRecordError if they are garbled.
        """
        array = np.frombuffer(data, np.uint8)
        if records > len(array):
            raise CorruptRecordError(f"{records} records in {len(array)} bytes")
        text = np.empty(len(array), np.uint8)
        starts, ends, deltas = (np.empty(records, np.int64) for _ in range(3))
        values, length = _extract(array, records, first - base, text, starts, ends, deltas)
        if values < 0:
            raise CorruptRecordError("a record is longer than its batch")
        return cls(
            text[:length].tobytes(),
            starts[:values],
            ends[:values],
            deltas[:values] + base,
            records,
        )

    @classmethod
    def of_messages(cls, messages: list[tuple[int, bytes | None]]) -> Values:
        """The values of messages given as pairs of offset and value."""
        kept = [(offset, value) for offset, value in messages if value]
        lines = [value if value.endswith(b"\n") else value + b"\n" for _, value in kept]
        after = np.cumsum([len(line) for line in lines], dtype=np.int64)
        starts = after - np.array([len(line) for line in lines], np.int64)
        lengths = np.array([len(value) for _, value in kept], np.int64)
        offsets = np.array([offset for offset, _ in kept], np.int64)
        return cls(b"".join(lines), starts, starts + lengths, offsets, len(messages))
