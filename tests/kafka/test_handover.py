"""The buffer between poller and pipeline: a partition's messages once, whatever the group does."""

from __future__ import annotations

from kafka.structs import TopicPartition

from streamer.sources.kafka.handover import Chunk, Handover
from streamer.sources.kafka.positions import Place
from streamer.sources.kafka.values import Values

_PARTITION = TopicPartition("t", 0)


def _chunk(next_offset: int) -> Chunk:
    return Chunk(_PARTITION, Values.of_messages([(next_offset - 1, b"a")]), Place(next_offset))


def _offsets(handover: Handover) -> list[int]:
    chunks, _, _ = handover.take(1 << 20, 0.0)
    return [chunk.next.offset for chunk in chunks]


def test_what_was_polled_before_a_partition_was_given_again_is_thrown_away() -> None:
    """Dropped and begun again between poll and put: the messages will be fetched once more."""
    handover = Handover({})
    handover.begin(_PARTITION, Place(0))
    turns = handover.turns()
    handover.drop([_PARTITION])
    handover.begin(_PARTITION, Place(0))
    handover.put([_chunk(5)], turns)
    assert _offsets(handover) == [0]
    assert handover.next_to_fetch(_PARTITION) == Place(0)
    handover.put([_chunk(5)], handover.turns())
    assert _offsets(handover) == [5]


def test_what_is_polled_of_a_partition_that_is_gone_or_unknown_is_thrown_away() -> None:
    handover = Handover({})
    handover.put([_chunk(5)], {})
    handover.begin(_PARTITION, Place(0))
    turns = handover.turns()
    handover.drop([_PARTITION])
    handover.put([_chunk(5)], turns)
    assert _offsets(handover) == []
    assert handover.buffered_bytes == 0
