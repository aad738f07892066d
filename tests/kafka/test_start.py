"""Where a partition begins, case by case, and what passes between the threads."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from kafka.structs import TopicPartition

from streamer.sources.kafka.handover import Chunk, Handover
from streamer.sources.kafka.start import OURS, Committed, Known, Start, choose
from streamer.sources.kafka.values import Values

_ME = "me"
_OTHER = Committed(70, OURS + "other")
_TIME = datetime(2026, 1, 31, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("known", "start", "expected"),
    [
        (Known(10, 90), "earliest", Start(10, "start")),
        (Known(10, 90), "latest", Start(90, "start")),
        (Known(10, 90, at_time=40), _TIME, Start(40, "start")),
        (Known(10, 90), _TIME, Start(90, "start")),  # nothing is as late
        (Known(10, 90, is_new=True), "latest", Start(10, "new")),
        (Known(10, 90, committed=Committed(50)), "latest", Start(50, "group")),
        (Known(10, 90, 30), "latest", Start(30, "checkpoint")),
        (Known(10, 90, 30, Committed(50)), "latest", Start(30, "checkpoint")),
        (Known(10, 90, 30, Committed(50, OURS + _ME)), "latest", Start(30, "checkpoint")),
        (Known(10, 90, 30, _OTHER), "latest", Start(70, "another daemon")),
        (Known(10, 90, 80, _OTHER), "latest", Start(80, "checkpoint")),
        (Known(40, 90, 30), "latest", Start(40, "expired", lost=10)),
        (Known(40, 90, committed=Committed(30)), "latest", Start(40, "expired", lost=10)),
        (Known(0, 20, 30), "latest", Start(0, "beyond")),
    ],
)
def test_where_a_partition_begins(known: Known, start: str, expected: Start) -> None:
    assert choose(known, _ME, start, "earliest") == expected  # type: ignore[arg-type]


def test_what_to_do_with_expired_offsets() -> None:
    assert choose(Known(40, 90, 30), _ME, "earliest", "latest") == Start(90, "expired", lost=60)
    assert choose(Known(40, 90, 30), _ME, "earliest", "stop") is None
    assert choose(Known(40, 90), _ME, "earliest", "stop") == Start(40, "start")


_P, _Q = TopicPartition("t", 0), TopicPartition("t", 1)


def _chunk(partition: TopicPartition, offset: int) -> Chunk:
    return Chunk(partition, Values.of_messages([(offset, b"m%d" % offset)]), offset + 1)


def test_a_position_is_behind_what_was_taken() -> None:
    handover = Handover({})
    handover.begin(_P, 5)
    handover.put([_chunk(_P, 5), _chunk(_P, 6)], handover.turns())
    assert handover.positions == {}
    chunks, positions, _ = handover.take(1, 0)  # the start, and one chunk
    assert [chunk.next_offset for chunk in chunks] == [5, 6]
    assert positions == {_P: 6}
    assert handover.next_to_fetch(_P) == 7


def test_what_was_polled_before_a_partition_was_let_go_is_thrown_away() -> None:
    handover = Handover({})
    handover.begin(_P, 0)
    handover.begin(_Q, 0)
    turns = handover.turns()
    handover.put([_chunk(_P, 0)], turns)
    assert handover.drop([_P]) == {}
    handover.put([_chunk(_P, 1), _chunk(_Q, 0)], turns)
    handover.begin(_P, 0)
    handover.put([_chunk(_P, 1)], turns)
    chunks, positions, _ = handover.take(1 << 20, 0)
    assert [(chunk.partition, chunk.next_offset) for chunk in chunks] == [(_Q, 0), (_Q, 1), (_P, 0)]
    assert positions == {_P: 0, _Q: 1}


def test_durable_is_what_a_checkpoint_holds() -> None:
    handover = Handover({})
    handover.begin(_P, 3)
    handover.take(1, 0)
    assert handover.is_durable(handover.drop([_P])), "nothing was learned of it"
    handover.begin(_P, 3)
    handover.put([_chunk(_P, 3)], handover.turns())
    handover.take(1 << 20, 0)
    offsets = handover.drop([_P])
    assert not handover.is_durable(offsets)
    handover.set_durable({_P: 4})
    assert handover.is_durable(offsets)
    assert handover.take_commit() == {_P: 4}
    assert handover.take_commit() is None


def test_a_checkpoint_that_could_not_be_written_is_not_waited_for() -> None:
    handover = Handover({})
    handover.want_checkpoint()
    assert handover.take(1, 0)[2]
    assert not handover.is_checkpoint_refused
    handover.take(1, 0)
    assert handover.is_checkpoint_refused
    handover.want_checkpoint()
    assert handover.take(1, 0)[2]
    handover.set_durable({})
    handover.take(1, 0)
    assert not handover.is_checkpoint_refused


def test_an_error_reaches_the_pipeline() -> None:
    handover = Handover({})
    handover.fail(ValueError("first"))
    handover.fail(ValueError("second"))
    with pytest.raises(ValueError, match="first"):
        handover.take(1, 10)
