"""Where reading goes on, by partition: in memory, and as a checkpoint's JSON holds it.

JSON has ``daemon``, an identity, ``partitions``, ``{TOPIC: {NUMBER: OFFSET}}``, and ``topics``,
``{TOPIC: {TOPIC_ID: [NUMBER]}}``. An offset is of one topic: one that was deleted and made again
under the same name has another id, and its offsets begin at 0 again. Old checkpoints, and brokers
older than 2.8, have no ids.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from kafka.structs import TopicPartition

from streamer.errors import ConfigurationError

Offsets = dict[TopicPartition, int]


class Place(NamedTuple):
    """The next message to read, and the id of the topic that it is in, if that is known."""

    offset: int
    topic_id: str = ""

    def is_in(self, topic_id: str) -> bool:
        """Whether that may be the same topic, as far as ids are known."""
        return not self.topic_id or not topic_id or self.topic_id == topic_id

    def at(self, offset: int) -> Place:
        """Another place in the same topic."""
        return Place(offset, self.topic_id)


Places = dict[TopicPartition, Place]


def as_json(daemon: str, places: Mapping[TopicPartition, Place]) -> dict[str, Any]:
    """Places as JSON, with the identity of the daemon that has read what is before them."""
    partitions: dict[str, dict[str, int]] = {}
    topics: dict[str, dict[str, list[int]]] = {}
    for (topic, number), place in sorted(places.items()):
        partitions.setdefault(topic, {})[str(number)] = place.offset
        if place.topic_id:
            topics.setdefault(topic, {}).setdefault(place.topic_id, []).append(number)
    return {"daemon": daemon, "partitions": partitions, "topics": topics}


def from_json(position: Mapping[str, Any]) -> Places:
    """Places of a checkpoint's position; ConfigurationError if it is garbled."""
    try:
        ids = {
            (topic, int(number)): str(topic_id)
            for topic, numbers_of in position.get("topics", {}).items()
            for topic_id, numbers in numbers_of.items()
            for number in numbers
        }
        return {
            TopicPartition(topic, int(number)): Place(
                int(offset), ids.get((topic, int(number)), "")
            )
            for topic, offsets in position.get("partitions", {}).items()
            for number, offset in offsets.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the checkpoint's Kafka position is garbled ({error}); take an older snapshot"
        ) from error


def part_of(position: Mapping[str, Any], share: Container[tuple[str, int]]) -> dict[str, Any]:
    """A position with the partitions alone that are in ``share``."""
    places = {p: place for p, place in from_json(position).items() if p in share}
    return as_json(str(position.get("daemon", "")), places)


def joined(positions: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Positions as one; of a partition that is in several the last one counts."""
    daemon, places = "", Places()
    for position in positions:
        daemon = str(position.get("daemon", daemon))
        places |= from_json(position)
    return as_json(daemon, places)
