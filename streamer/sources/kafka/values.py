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

FRAMES = {"none": 0, "auto": 1, "confluent": 2}
"""What may precede a message's text, as the kernel is told."""

_FRAME_BYTES = 5
"""A frame of Confluent's wire format: a zero byte, and the schema's id in four, big end first."""

NO_SCHEMA = -1
"""In the place of a schema's id: there was no frame."""


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


@inner
def _schema(data, position, length, frame):  # type: ignore[no-untyped-def]
    """The schema's id in the frame that a value begins with, NO_SCHEMA if it has none."""
    if frame == 0 or length <= _FRAME_BYTES or data[position] != 0:
        return np.int64(NO_SCHEMA)
    follows = data[position + _FRAME_BYTES]
    if frame == 1 and not (follows == 123 or follows == 91 or follows == 34):  # { [ "
        return np.int64(NO_SCHEMA)
    schema = np.int64(0)
    for i in range(1, _FRAME_BYTES):
        schema = schema << 8 | np.int64(data[position + i])
    return schema


@kernel
def _extract(  # type: ignore[no-untyped-def]
    data, records, first_delta, frame, text, starts, ends, deltas, schemas
):
    """Copy the values of a batch's records, each ended by a line feed, into ``text``.

    data : uint8[n], the records, not compressed
    records : how many there are
    first_delta : records with a smaller offset, relative to the batch's, are left out
    frame : one of FRAMES, what is taken off a value's beginning
    text : uint8[n], written; a record's own frame is longer than the line feed it may get
    starts, ends, deltas : int64[records], written: each value's place in text, its offset
    schemas : int64[records], written: the schema's id that was taken off, NO_SCHEMA if none was

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
            schemas[values] = _schema(data, position, length, frame)
            if schemas[values] != NO_SCHEMA:
                position += _FRAME_BYTES
                length -= _FRAME_BYTES
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
    ``text[starts[i]:ends[i]]`` and has the offset ``offsets[i]``; ``schemas[i]`` is the schema's id
    that was before it, NO_SCHEMA if none was. All arrays are int64. ``count`` messages were read,
    those without a value included.
    """

    def __init__(
        self,
        text: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        offsets: NDArray[np.int64],
        schemas: NDArray[np.int64],
        count: int,
    ) -> None:
        self.text = text
        self.starts = starts
        self.ends = ends
        self.offsets = offsets
        self.schemas = schemas
        self.count = count

    def __len__(self) -> int:
        return len(self.text)

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        """Offset, schema's id and text of each message."""
        arrays = self.starts, self.ends, self.offsets, self.schemas
        for start, end, offset, schema in zip(*arrays, strict=True):
            yield int(offset), int(schema), self.text[start:end]

    @classmethod
    def of_batch(
        cls, data: bytes | memoryview, records: int, base: int, first: int, frame: str = "none"
    ) -> Values:
        """The values in a batch's uncompressed records, of offsets from ``first`` on.

        ``frame`` is one of FRAMES. Raises CorruptRecordError if records are garbled.
        """
        array = np.frombuffer(data, np.uint8)
        if records > len(array):
            raise CorruptRecordError(f"the batch claims {records} records in {len(array)} bytes")
        text = np.empty(len(array), np.uint8)
        starts, ends, deltas, schemas = (np.empty(records, np.int64) for _ in range(4))
        values, length = _extract(
            array, records, first - base, FRAMES[frame], text, starts, ends, deltas, schemas
        )
        if values < 0:
            raise CorruptRecordError("a record is longer than its batch")
        return cls(
            text[:length].tobytes(),
            starts[:values],
            ends[:values],
            deltas[:values] + base,
            schemas[:values],
            records,
        )

    @classmethod
    def of_messages(cls, messages: list[tuple[int, bytes | None]], frame: str = "none") -> Values:
        """The values of messages given as pairs of offset and value."""
        kept = [(offset, *unframed(value, frame)) for offset, value in messages if value]
        lines = [value if value.endswith(b"\n") else value + b"\n" for _, _, value in kept]
        after = np.cumsum([len(line) for line in lines], dtype=np.int64)
        starts = after - np.array([len(line) for line in lines], np.int64)
        lengths = np.array([len(value) for _, _, value in kept], np.int64)
        offsets = np.array([offset for offset, _, _ in kept], np.int64)
        schemas = np.array([schema for _, schema, _ in kept], np.int64)
        return cls(b"".join(lines), starts, starts + lengths, offsets, schemas, len(messages))


def unframed(value: bytes, frame: str) -> tuple[int, bytes]:
    """The schema's id that a value begins with, NO_SCHEMA if none, and the rest of the value."""
    is_framed = frame != "none" and len(value) > _FRAME_BYTES and value[0] == 0
    if not is_framed or (frame == "auto" and value[_FRAME_BYTES] not in b'{["'):
        return NO_SCHEMA, value
    return int.from_bytes(value[1:_FRAME_BYTES], "big"), value[_FRAME_BYTES:]


def framed(value: bytes, schema: int) -> bytes:
    """A value behind the frame that was taken off it."""
    return value if schema == NO_SCHEMA else b"\0" + schema.to_bytes(4, "big") + value
