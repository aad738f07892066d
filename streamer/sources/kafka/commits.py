"""Offsets to the group: what is durable, when it is, and never in the way of polling."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.clientlog import reason_of
from streamer.sources.kafka.figures import Figures
from streamer.sources.kafka.handover import Handover
from streamer.sources.kafka.positions import Place, Places
from streamer.sources.kafka.start import note_of

COMMIT_SECONDS = 5.0
"""Longest wait for a commit where there must be one."""

RETRY_SECONDS = 1.0
"""Pause after a commit that failed; polling goes on."""


@dataclass(frozen=True)
class _SentCommit:
    """A commit on its way."""

    future: Any
    news: Places
    began: float


class Commits:
    """Tells the group how far this daemon has come; ``consumer`` is to be set first."""

    def __init__(self, daemon: str, handover: Handover, figures: Figures, log: Any) -> None:
        self.consumer: Consumer
        self._daemon = daemon
        self._handover = handover
        self._figures = figures
        self._log = log
        self._committed: Places = {}
        self._sent: _SentCommit | None = None
        self._commit_after = 0.0

    def begin(self, begins: Mapping[TopicPartition, tuple[Place, int | None]]) -> None:
        """Partitions begin at a place each, and the group knows an offset of the same topic.

        Of those that it does not know at all it is told, so that it remembers where they began; a
        position that it has passed (because that does not exist any more) it is told again.
        """
        unknown = {}
        for partition, (place, committed) in begins.items():
            self._committed.pop(partition, None)
            if committed is None:
                unknown[partition] = place
            elif place.offset >= committed:
                self._committed[partition] = place.at(committed)
        if unknown:
            news = self._as_commits(self._news(unknown))
            self.consumer.commit(news, timeout_ms=int(1000 * COMMIT_SECONDS))

    def step(self) -> None:
        """See how the last commit went, and send the next; never wait for the group."""
        if self._sent is not None and self._sent.future.is_done:
            sent, self._sent = self._sent, None
            if sent.future.succeeded():
                self._told(sent.news, sent.began)
            else:
                self._figures.errors += 1
                reason = reason_of(sent.future.exception)
                self._log.warning("kafka_commit_failed", reason=reason, retry_seconds=RETRY_SECONDS)
                self._commit_after = time.monotonic() + RETRY_SECONDS
                self._handover.set_durable(self._handover.durable)  # wants to be told again
        if self._sent is None and time.monotonic() >= self._commit_after:
            news = self._own_news()
            if news:
                future = self.consumer.commit_async(self._as_commits(news))
                self._sent = _SentCommit(future, news, time.monotonic())

    def finish(self) -> None:
        """Before leaving: what is durable and not told yet, and wait for it."""
        if self._sent is not None:
            self._handover.set_durable(self._handover.durable)
        news = self._own_news()
        if news:
            began = time.monotonic()
            self.consumer.commit(self._as_commits(news), timeout_ms=int(1000 * COMMIT_SECONDS))
            self._told(news, began)

    def _own_news(self) -> Places:
        places = self._handover.take_commit()
        if places is None:
            return {}
        # Of others the group may know more than the checkpoint: another daemon may have gone on.
        begun = self._handover.fetching & self.consumer.assignment()
        return self._news(self._of_topics_now({p: places[p] for p in begun & places.keys()}))

    def _news(self, places: Places) -> Places:
        """What the group does not know yet; an offset of a topic that was made anew is news."""
        news = {}
        for partition, place in places.items():
            told = self._committed.get(partition)
            if told is None or place.offset > told.offset or not place.is_in(told.topic_id):
                news[partition] = place
        return news

    def _as_commits(self, places: Places) -> dict[TopicPartition, OffsetAndMetadata]:
        return {
            partition: OffsetAndMetadata(place.offset, note_of(self._daemon, place.topic_id), -1)
            for partition, place in places.items()
        }

    def _of_topics_now(self, places: Places) -> Places:
        """Durable places without those of a topic that was made anew since."""
        now = {partition: self._handover.next_to_fetch(partition) or place
               for partition, place in places.items()}  # fmt: skip
        return {p: place for p, place in places.items() if place.is_in(now[p].topic_id)}

    def _told(self, news: Places, began: float) -> None:
        self._committed |= news
        self._figures.commits += 1
        self._figures.commit_seconds += time.monotonic() - began

    async def release(self, partitions: set[TopicPartition]) -> None:
        """Tell the group what is durable of begun partitions that are let go, while it listens."""
        durable = self._handover.durable
        places = {p: durable[p] for p in partitions & durable.keys()}
        news = self._news(self._of_topics_now(places))
        if not news:
            return
        began = time.monotonic()
        try:
            future = self.consumer.commit_async(self._as_commits(news))
        except KafkaError as error:
            self._log.warning("kafka_commit_failed", reason=reason_of(error))
            return
        while not future.is_done and time.monotonic() < began + COMMIT_SECONDS:
            await self.consumer.sleep(0.005)
        if future.succeeded():
            self._told(news, began)
        else:
            self._log.warning("kafka_commit_failed", reason=reason_of(future.exception))
