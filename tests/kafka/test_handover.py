"""The buffer between poller and pipeline: a partition's messages once, whatever the group does."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
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


def test_positions_are_behind_what_was_handed_over_and_durable_ones_are_told_once() -> None:
    handover = Handover({_PARTITION: Place(3)})
    assert handover.positions == handover.durable == {_PARTITION: Place(3)}
    handover.begin(_PARTITION, Place(3))
    assert handover.fetching == {_PARTITION}
    handover.put([_chunk(4), _chunk(5)], handover.turns())
    assert handover.next_to_fetch(_PARTITION) == Place(5)
    assert handover.buffered_bytes > 0
    chunks, positions, _ = handover.take(1, 0.0)
    assert (len(chunks), positions) == (2, {_PARTITION: Place(4)})
    assert handover.drop([_PARTITION]) == {_PARTITION: Place(4)}
    assert handover.buffered_bytes == 0
    assert handover.fetching == set()
    assert handover.take_commit() is None
    assert handover.is_durable({_PARTITION: Place(3)})
    assert not handover.is_durable({_PARTITION: Place(4)})
    handover.set_durable({_PARTITION: Place(4)})
    assert handover.is_durable({_PARTITION: Place(4)})
    assert handover.take_commit() == {_PARTITION: Place(4)}
    assert handover.take_commit() is None


def test_what_was_learned_without_a_checkpoint_is_not_durable_where_it_is_begun_again() -> None:
    """The group took the partition from a daemon that hung, and gave it back."""
    handover = Handover({_PARTITION: Place(3)})
    handover.begin(_PARTITION, Place(3))
    handover.put([_chunk(5)], handover.turns())
    assert _offsets(handover) == [3, 5]
    for _ in range(2):
        handover.drop([_PARTITION])
        handover.begin(_PARTITION, Place(5))
        handover.take(1, 0.0)
    assert not handover.is_durable(handover.drop([_PARTITION]))
    handover.begin(_PARTITION, Place(9))  # another daemon has learned, and committed, what follows
    handover.take(1, 0.0)
    assert handover.is_durable(handover.drop([_PARTITION]))


def test_a_checkpoint_is_refused_if_the_pipeline_comes_back_without_one() -> None:
    handover = Handover({})
    handover.take(1, 0.0)
    assert not handover.is_checkpoint_refused
    handover.want_checkpoint()
    assert handover.take(1, 0.0)[2]
    handover.set_durable({})
    assert not handover.take(1, 0.0)[2]
    assert not handover.is_checkpoint_refused
    handover.want_checkpoint()
    handover.take(1, 0.0)
    handover.take(1, 0.0)
    assert handover.is_checkpoint_refused
    handover.want_checkpoint()
    assert not handover.is_checkpoint_refused


def test_after_a_stop_nothing_is_handed_over() -> None:
    handover = Handover({})
    handover.begin(_PARTITION, Place(0))
    turns = handover.turns()
    handover.put([_chunk(5)], turns)
    handover.stop()
    handover.put([_chunk(6)], turns)
    assert _offsets(handover) == []
    assert handover.buffered_bytes == 0


@pytest.mark.parametrize(
    "wake",
    [
        lambda handover: handover.begin(_PARTITION, Place(0)),
        lambda handover: handover.put([_chunk(5)], handover.turns()),
        lambda handover: handover.want_checkpoint(),
        lambda handover: handover.fail(ValueError("gone")),
    ],
    ids=["begin", "put", "want_checkpoint", "fail"],
)
def test_a_pipeline_that_waits_is_woken(wake: Callable[[Handover], None]) -> None:
    handover = Handover({})
    handover.begin(_PARTITION, Place(0))
    handover.take(1, 0.0)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        taken = pool.submit(handover.take, 1, 30.0)
        while not (taken.done() or handover._changed._waiters):  # type: ignore[attr-defined]
            time.sleep(0.01)
        wake(handover)
        assert taken.exception() is None or "gone" in str(taken.exception())
    assert time.monotonic() - began < 30.0
