"""Where a partition begins, case by case, and what passes between the threads."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

import pytest
from kafka.structs import TopicPartition

from streamer.errors import ConfigurationError
from streamer.sources.kafka.handover import Chunk, Handover
from streamer.sources.kafka.partitions import Subscription
from streamer.sources.kafka.positions import Place, as_json, from_json
from streamer.sources.kafka.start import Committed, Known, Start, choose, look_up, note_of
from streamer.sources.kafka.values import Values

_ME = "me"
_MINE = Committed(50, note_of(_ME, ""))
_OTHER = Committed(70, note_of("other", ""))
_OLD, _NEW = Place(30, "old"), Place(30, "new")
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
        (Known(10, 90, Place(30)), "latest", Start(30, "checkpoint")),
        (Known(10, 90, Place(30), Committed(50)), "latest", Start(30, "checkpoint")),
        (Known(10, 90, Place(30), _MINE), "latest", Start(30, "checkpoint")),
        (Known(10, 90, Place(30), _OTHER), "latest", Start(70, "another daemon")),
        (Known(10, 90, Place(80), _OTHER), "latest", Start(80, "checkpoint")),
        (Known(40, 90, Place(30)), "latest", Start(40, "expired", lost=10)),
        (Known(40, 90, committed=Committed(30)), "latest", Start(40, "expired", lost=10)),
        (Known(0, 20, Place(30)), "latest", Start(0, "beyond")),
        # a transaction is open
        (Known(0, 20, Place(30), log_end=40), "latest", Start(30, "checkpoint")),
        (Known(0, 20, committed=Committed(40), log_end=40), "earliest", Start(40, "group")),
        (Known(0, 20, committed=Committed(41), log_end=40), "earliest", Start(0, "beyond")),
        (Known(0, 20, log_end=40), "latest", Start(20, "start")),
        # ids of topics
        (Known(10, 90, _NEW, topic_id="new"), "latest", Start(30, "checkpoint")),
        (Known(10, 90, _NEW, topic_id=""), "latest", Start(30, "checkpoint")),
        (Known(10, 90, Place(30), topic_id="new"), "latest", Start(30, "checkpoint")),
        (Known(10, 90, _OLD, topic_id="new"), "latest", Start(10, "recreated")),
        (Known(0, 20, _OLD, topic_id="new"), "latest", Start(0, "recreated")),
        (Known(10, 90, _OLD, _MINE, topic_id="new"), "latest", Start(10, "recreated")),
        (Known(10, 90, _OLD, _OTHER, topic_id="new"), "latest", Start(70, "group")),
        (
            Known(10, 90, _OLD, Committed(50, note_of("other", "old")), topic_id="new"),
            "latest",
            Start(10, "recreated"),
        ),
        (
            Known(10, 90, _OLD, Committed(50, note_of(_ME, "new")), topic_id="new"),
            "latest",
            Start(50, "group"),
        ),
        (
            Known(10, 90, _NEW, Committed(50, note_of("other", "old")), topic_id="new"),
            "latest",
            Start(30, "checkpoint"),
        ),
        (
            Known(10, 90, None, Committed(50, note_of("other", "old")), topic_id="new"),
            "earliest",
            Start(10, "start"),
        ),
    ],
)
def test_where_a_partition_begins(known: Known, start: str, expected: Start) -> None:
    assert choose(known, _ME, start, "earliest") == expected  # type: ignore[arg-type]


class _HalfLed:
    """A consumer whose broker leads the first of two partitions."""

    def refresh_topics(self, _seconds: float) -> None: ...

    def known_partitions(self, _topic: str) -> set[int]:
        return {0, 1}

    def led_partitions(self, _topic: str) -> set[int]:
        return {0}

    def topic_id(self, _topic: str) -> str:
        return "id"

    def committed(self, *_partition: object, **_options: object) -> None:
        return None

    def beginning_offsets(self, partitions: list[TopicPartition], **_options: object) -> Any:
        return {partition: (5, 8, 9)[partition.partition] for partition in partitions}

    end_offsets = log_ends = beginning_offsets


def test_partitions_without_a_leader_hold_up_no_others() -> None:
    asked = dict.fromkeys((_P, _Q))
    found = look_up(_HalfLed(), asked, "earliest", set(), 1.0)  # type: ignore[arg-type]
    assert found == {_P: Known(5, 5, topic_id="id", log_end=5)}


def test_what_to_do_with_expired_offsets() -> None:
    assert choose(Known(40, 90, Place(30)), _ME, "earliest", "latest") == Start(
        90, "expired", lost=60
    )
    assert choose(Known(40, 90, Place(30)), _ME, "earliest", "stop") is None
    assert choose(Known(40, 90), _ME, "earliest", "stop") == Start(40, "start")


_P, _Q = TopicPartition("t", 0), TopicPartition("t", 1)


def _chunk(partition: TopicPartition, offset: int) -> Chunk:
    return Chunk(partition, Values.of_messages([(offset, b"m%d" % offset)]), Place(offset + 1))


def test_a_position_is_behind_what_was_taken() -> None:
    handover = Handover({})
    handover.begin(_P, Place(5))
    handover.put([_chunk(_P, 5), _chunk(_P, 6)], handover.turns())
    assert handover.positions == {}
    chunks, positions, _ = handover.take(1, 0)  # the start, and one chunk
    assert [chunk.next.offset for chunk in chunks] == [5, 6]
    assert positions == {_P: Place(6)}
    assert handover.next_to_fetch(_P) == Place(7)


def test_what_was_polled_before_a_partition_was_let_go_is_thrown_away() -> None:
    handover = Handover({})
    handover.begin(_P, Place(0))
    handover.begin(_Q, Place(0))
    turns = handover.turns()
    handover.put([_chunk(_P, 0)], turns)
    assert handover.drop([_P]) == {}
    handover.put([_chunk(_P, 1), _chunk(_Q, 0)], turns)
    handover.begin(_P, Place(0))
    handover.put([_chunk(_P, 1)], turns)
    chunks, positions, _ = handover.take(1 << 20, 0)
    assert [(chunk.partition, chunk.next.offset) for chunk in chunks] == [(_Q, 0), (_Q, 1), (_P, 0)]
    assert positions == {_P: Place(0), _Q: Place(1)}


def test_durable_is_what_a_checkpoint_holds() -> None:
    handover = Handover({})
    handover.begin(_P, Place(3))
    handover.take(1, 0)
    assert handover.is_durable(handover.drop([_P])), "nothing was learned of it"
    handover.begin(_P, Place(3))
    handover.put([_chunk(_P, 3)], handover.turns())
    handover.take(1 << 20, 0)
    offsets = handover.drop([_P])
    assert not handover.is_durable(offsets)
    handover.set_durable({_P: Place(4)})
    assert handover.is_durable(offsets)
    assert handover.take_commit() == {_P: Place(4)}
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


def test_places_come_back_from_json_and_old_checkpoints_have_no_ids() -> None:
    places = {_P: Place(5, "a"), _Q: Place(7, "b"), TopicPartition("u", 10): Place(0)}
    position = as_json("me", places)
    assert position["partitions"] == {"t": {"0": 5, "1": 7}, "u": {"10": 0}}
    assert position["topics"] == {"t": {"a": [0], "b": [1]}}
    assert from_json(position) == places
    assert from_json({"daemon": "me", "partitions": {"t": {"0": 5}}}) == {_P: Place(5)}
    assert from_json({}) == {}
    for garbled in ({"partitions": {"t": 5}}, {"partitions": {"t": {"x": 1}}}, {"topics": [1]}):
        with pytest.raises(ConfigurationError, match="garbled"):
            from_json(garbled)


def test_a_pattern_leaves_the_dead_letters_out() -> None:
    subscription = Subscription((), "a.*|x", {}, "earliest", "stop", "me", excluded="app.dead")
    assert subscription.regex is not None
    matches = [t for t in ("app", "app.dead", "app.deader", "x", "xy", "appXdead")
               if re.match(subscription.regex, t)]  # fmt: skip
    assert matches == ["app", "app.deader", "x", "appXdead"]
