"""What there is to read, and whether it is read: looked at between two polls.

Answers of brokers are asked for only while nothing comes, or nothing is assigned.
"""

from __future__ import annotations

import time
from typing import Any

from kafka.errors import AuthorizationError, KafkaError
from kafka.structs import TopicPartition

from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.clientlog import reason_of
from streamer.sources.kafka.figures import Figures
from streamer.sources.kafka.group import ask_group
from streamer.sources.kafka.handover import Handover
from streamer.sources.kafka.partitions import Partitions, Subscription
from streamer.sources.kafka.watchdog import Action, Cause, Watchdog

QUIET_SECONDS = 10.0
"""Without a message for so long, brokers are asked where partitions end."""

ANSWER_SECONDS = 5.0
"""Longest wait for their answer."""

SPARE_SECONDS = 30.0
"""A member that the group needs not is looked at again after so long."""

METADATA_SECONDS = 15.0
"""Metadata that are so much older than they should be mean that no broker answers."""


class Stalls:
    """Looks whether something is read while there is something to read; says so if not."""

    def __init__(
        self,
        config: dict[str, Any],
        subscription: Subscription,
        handover: Handover,
        partitions: Partitions,
        figures: Figures,
        log: Any,
    ) -> None:
        self._config = config
        self._wanted = subscription
        self._handover = handover
        self._partitions = partitions
        self._figures = figures
        self._log = log
        self._watchdog = Watchdog()
        self._asked_at = time.monotonic()
        self._has_answer = True
        self._spare_until = 0.0
        self._is_said = False
        self.progress = 0
        """Partitions begun and chunks read since the last look."""

    @property
    def seconds(self) -> float:
        """For how long nothing was read although there was something to read, else 0."""
        return self._watchdog.seconds

    @property
    def is_stalled(self) -> bool:
        """Whether that lasts for so long that somebody should know."""
        return self._watchdog.is_stalled

    def look(self, consumer: Consumer, *, paused: bool) -> Action | None:
        """Look; what to do about it, None if nothing."""
        progress, self.progress = self.progress > 0, 0
        if progress:
            self._asked_at = time.monotonic()
            self._has_answer = True
        if not consumer.is_connected:
            return None  # which the source says anyway
        self._watchdog.see(self._cause(consumer, paused), progress=progress)
        if self._is_said and self._watchdog.cause is None:
            self._is_said = False
            self._log.info("kafka_reading_again", group=self._config["group_id"])
        if not self._watchdog.is_due():
            return None
        if self._watchdog.cause is Cause.UNASSIGNED and not self._is_forgotten(consumer):
            return None
        return self._act()

    def _cause(self, consumer: Consumer, paused: bool) -> Cause | None:
        """Why nothing is read, as far as can be seen without asking much."""
        assigned = consumer.assignment()
        if not assigned:
            longest = consumer.config["metadata_max_age_ms"] / 1000 + METADATA_SECONDS
            if consumer.metadata_age_seconds > longest:
                return Cause.NO_ANSWER
            is_spare = time.monotonic() < self._spare_until
            return Cause.UNASSIGNED if self._readable(consumer) and not is_spare else None
        if self._partitions.held:
            return Cause.NOT_BEGUN
        if paused:
            return None
        if time.monotonic() - self._asked_at > QUIET_SECONDS:
            self._ask_for_ends(consumer)
        if not self._has_answer:
            return Cause.NO_ANSWER
        return Cause.NOTHING_COMES if self._is_behind() else None

    def _readable(self, consumer: Consumer) -> set[TopicPartition]:
        """Partitions of the topics that the group is to share."""
        topics = () if self._wanted.partitions else consumer.subscription() or ()
        return {TopicPartition(t, n) for t in topics for n in consumer.known_partitions(t)}

    def _is_behind(self) -> bool:
        """Whether there are messages behind what was fetched."""
        for partition, end in self._figures.ends.items():
            place = self._handover.next_to_fetch(partition)
            if place is not None and end > place.offset:
                return True
        return False

    def _ask_for_ends(self, consumer: Consumer) -> None:
        self._asked_at = time.monotonic()
        begun = sorted(self._handover.fetching)
        try:
            ends = consumer.end_offsets(begun, timeout_ms=int(1000 * ANSWER_SECONDS))
        except KafkaError as error:
            self._has_answer = False
            self._log.warning("kafka_error", reason=reason_of(error))
            return
        self._has_answer = True
        self._partitions.ends_at(ends)

    def _is_forgotten(self, consumer: Consumer) -> bool:
        """Whether there are partitions that nobody has, as the group's coordinator tells."""
        readable = self._readable(consumer)
        group = self._config["group_id"]
        try:
            others = ask_group(self._config, consumer.member_id)
        except AuthorizationError as error:
            self._log.warning("kafka_group_unknown", group=group, reason=reason_of(error))
            self._spare_until = time.monotonic() + 10 * SPARE_SECONDS
            return False
        except KafkaError as error:
            self._log.warning("kafka_error", reason=reason_of(error))
            return True
        if others.is_rebalancing:
            self._watchdog.wait()
            return False
        if readable <= others.partitions:
            if not self._spare_until:
                self._log.info(
                    "kafka_spare_member",
                    group=group,
                    note="other members have all partitions; this one waits for one to leave",
                )
            self._spare_until = time.monotonic() + SPARE_SECONDS
            return False
        self._spare_until = 0.0
        return True

    def _act(self) -> Action:
        cause = self._watchdog.cause
        assert cause is not None  # noqa: S101 for mypy: something is due
        action = self._watchdog.act()
        self._figures.stalls += 1
        self._is_said = True
        self._log.warning(
            "kafka_reads_nothing",
            reason=cause.value,
            group=self._config["group_id"],
            topics=self._wanted.pattern or ",".join(self._wanted.topics or self._wanted.partitions),
            seconds=round(self._watchdog.seconds),
            action=action.value,
        )
        return action
