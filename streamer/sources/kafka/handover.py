"""What passes between the polling thread and the pipeline's, all of it under one lock.

Chunks of text go one way through a bounded buffer, durable positions the other. A partition
belongs to the buffer from its start until it is dropped; what comes for it before or after, or
was polled before it was dropped and given again, is thrown away, so a position and what was
handed over never disagree.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kafka.structs import TopicPartition

from streamer.sources.kafka.positions import Place, Places
from streamer.sources.kafka.values import Values


@dataclass(frozen=True)
class Chunk:
    """Messages that follow each other in a partition; ``next`` is behind the last."""

    partition: TopicPartition
    values: Values
    next: Place


class Handover:
    """The buffer, the positions behind what was taken from it, and those that are durable."""

    def __init__(self, positions: Mapping[TopicPartition, Place]) -> None:
        self._changed = threading.Condition()
        self._chunks: deque[Chunk] = deque()
        self._buffered_bytes = 0
        self._positions: Places = dict(positions)
        self._durable: Places = dict(positions)
        self._fetched: Places = {}
        self._begun: Places = {}
        self._turns: dict[TopicPartition, int] = {}  # how often each partition was begun
        self._checkpoint_wanted = False
        self._checkpoint_asked = False
        self._checkpoint_refused = False
        self._commit_wanted = False
        self._error: Exception | None = None
        self._stopped = False

    # --- the pipeline's side ---

    def take(self, max_bytes: int, seconds: float) -> tuple[list[Chunk], Places, bool]:
        """Chunks, waiting for the first one at most so long; positions; is a checkpoint wanted."""
        with self._changed:
            if not self._chunks and not self._checkpoint_wanted and self._error is None:
                self._changed.wait(seconds)
            if self._error is not None:
                raise self._error
            chunks: list[Chunk] = []
            size = 0
            while self._chunks and (size == 0 or size + len(self._chunks[0].values) <= max_bytes):
                chunk = self._chunks.popleft()
                chunks.append(chunk)
                size += len(chunk.values)
                self._positions[chunk.partition] = chunk.next
            self._buffered_bytes -= size
            # The pipeline comes back for more without one being durable: it could not be written.
            self._checkpoint_refused |= self._checkpoint_asked
            self._checkpoint_asked = self._checkpoint_wanted
            self._checkpoint_wanted = False
            return chunks, dict(self._positions), self._checkpoint_asked

    def stop(self) -> None:
        """Hand over nothing more."""
        with self._changed:
            self._stopped = True
            self._drop_chunks(set(self._fetched))

    def set_durable(self, places: Mapping[TopicPartition, Place]) -> None:
        """A checkpoint with these positions is on disk."""
        with self._changed:
            self._durable = dict(places)
            self._commit_wanted = True
            self._checkpoint_asked = False

    @property
    def positions(self) -> Places:
        """The next message to hand over, of every partition known."""
        with self._changed:
            return dict(self._positions)

    # --- the polling side ---

    def begin(self, partition: TopicPartition, place: Place) -> None:
        """From now on chunks of this partition are taken; the first one begins at ``place``."""
        with self._changed:
            self._turns[partition] = self._turns.get(partition, 0) + 1
            if place != self._positions.get(partition) or self._is_durable(partition, place):
                self._begun[partition] = place  # nothing before it waits for a checkpoint
            else:  # it was learned, dropped without a checkpoint, and given again
                self._begun.pop(partition, None)
            self._fetched[partition] = place
            self._chunks.append(Chunk(partition, Values.of_messages([]), place))
            self._changed.notify_all()

    @property
    def fetching(self) -> set[TopicPartition]:
        """Partitions that have begun and were not dropped: those that chunks are taken of."""
        with self._changed:
            return set(self._fetched)

    def turns(self) -> dict[TopicPartition, int]:
        """What to show to :meth:`put`; to be taken before chunks are polled."""
        with self._changed:
            return {partition: self._turns[partition] for partition in self._fetched}

    def put(self, chunks: Iterable[Chunk], turns: Mapping[TopicPartition, int]) -> None:
        """Buffer chunks, but those of partitions that were dropped since ``turns`` was taken."""
        with self._changed:
            if self._stopped:
                return
            for chunk in chunks:
                partition = chunk.partition
                turn = turns.get(partition)
                if partition in self._fetched and turn == self._turns[partition]:
                    self._chunks.append(chunk)
                    self._buffered_bytes += len(chunk.values)
                    self._fetched[partition] = chunk.next
            self._changed.notify_all()

    def drop(self, partitions: Iterable[TopicPartition]) -> Places:
        """Throw away what is buffered of these; return the positions of what was handed over."""
        with self._changed:
            dropped = set(partitions)
            self._drop_chunks(dropped)
            for partition in dropped:
                self._fetched.pop(partition, None)
            return {p: self._positions[p] for p in dropped if p in self._positions}

    def _drop_chunks(self, partitions: set[TopicPartition]) -> None:
        kept = [chunk for chunk in self._chunks if chunk.partition not in partitions]
        self._chunks = deque(kept)
        self._buffered_bytes = sum(len(chunk.values) for chunk in kept)

    def want_checkpoint(self) -> None:
        """Ask the pipeline for a checkpoint as soon as it can."""
        with self._changed:
            self._checkpoint_wanted = True
            self._checkpoint_refused = False
            self._changed.notify_all()

    @property
    def is_checkpoint_refused(self) -> bool:
        """Whether the checkpoint that was wanted could not be written."""
        return self._checkpoint_refused

    def is_durable(self, places: Mapping[TopicPartition, Place]) -> bool:
        """Whether a checkpoint on disk holds all that was read before these places."""
        with self._changed:
            return all(self._is_durable(*place) for place in places.items())

    def _is_durable(self, partition: TopicPartition, place: Place) -> bool:
        return place in (self._durable.get(partition), self._begun.get(partition))

    def take_commit(self) -> Places | None:
        """Durable positions that nobody was told of yet, None if there are no new ones."""
        with self._changed:
            wanted, self._commit_wanted = self._commit_wanted, False
            return dict(self._durable) if wanted else None

    def fail(self, error: Exception) -> None:
        """Make the pipeline's next :meth:`take` raise ``error``."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    # --- for both ---

    @property
    def durable(self) -> Places:
        """The positions of the newest checkpoint on disk."""
        with self._changed:
            return dict(self._durable)

    @property
    def buffered_bytes(self) -> int:
        """Text that waits to be taken."""
        return self._buffered_bytes

    def next_to_fetch(self, partition: TopicPartition) -> Place | None:
        """The message behind the last one buffered or handed over, None if nothing is known."""
        with self._changed:
            return self._fetched.get(partition, self._positions.get(partition))
