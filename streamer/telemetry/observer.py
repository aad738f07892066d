"""Looks at a running daemon from the side, every few seconds, for people who look on.

Reads figures that the parts keep anyway, from another thread: training does nothing for it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from streamer.config.settings import RunSettings
from streamer.telemetry.counters import Counters
from streamer.telemetry.health import Health
from streamer.telemetry.status import Concern, Status, spell_seconds

QUIET_SECONDS = 15.0
"""Without text for so long, the source is said to be quiet."""

IDLE_SECONDS = 300.0
"""Without text for so long, it is worth a warning."""

RATE_LOOKS = 5
"""Looks that the rate is taken over: batches come in bursts."""

LAG_LOOKS = 150
"""Looks after which a lag that has only grown is worth a warning."""

LAG_MESSAGES = 1000
"""Less than that may wait at any time."""

BAD_SHARE = 0.01
"""Of the records: more that cannot be decoded are worth a warning."""


class Observed(Protocol):
    """What there is to see; may be read at any time, from another thread."""

    @property
    def settings(self) -> RunSettings:
        """What it was told."""

    @property
    def counters(self) -> Counters:
        """What was learned since the start."""

    @property
    def bad_records(self) -> int:
        """Records that could not be decoded or split since the start."""

    @property
    def total_words(self) -> int:
        """Words that the model has learned, ever."""

    @property
    def vocabulary(self) -> int:
        """Words that have a vector."""

    @property
    def vocabulary_limit(self) -> int:
        """Most words that can have one."""

    @property
    def is_connected(self) -> bool:
        """Whether text could arrive."""

    @property
    def is_stalled(self) -> bool:
        """Whether nothing is read although there is something to read."""

    def figures(self) -> dict[str, float]:
        """The source's (:meth:`streamer.sources.base.Source.figures`)."""

    def snapshot_age_seconds(self) -> float | None:
        """Since the last snapshot, None before the first."""

    @property
    def snapshot_failures(self) -> int:
        """Snapshots that could not be written."""


class Observer:
    """What is to be seen of one daemon; ``look`` is called from one thread."""

    def __init__(self, health: Health, clock: Callable[[], float] = time.monotonic) -> None:
        self._health = health
        self._clock = clock
        self._parts: Observed | None = None
        self._looks: deque[tuple[float, int]] = deque(maxlen=RATE_LOOKS + 1)
        self._lags: deque[float] = deque(maxlen=LAG_LOOKS)
        self._changed_at = clock()

    def began(self, parts: Observed) -> None:
        """The parts are there."""
        self._changed_at = self._clock()
        self._parts = parts

    def look(self) -> Status:
        """The daemon as it is now."""
        problems = self._health.problems()
        parts = self._parts
        if parts is None:
            return Status(phase=problems[0].name if problems else "starting")
        words, now = parts.counters.words, self._clock()
        if not self._looks or self._looks[-1][1] != words:
            self._changed_at = now
        self._looks.append((now, words))
        began, words_then = self._looks[0]
        quiet = now - self._changed_at
        lag = parts.figures().get("lag_messages")
        if lag is not None:
            self._lags.append(lag)
        return Status(
            phase="learning" if quiet < QUIET_SECONDS else "waiting for text",
            source=_source_in_words(parts, lag, quiet),
            words=parts.total_words,
            words_per_second=(words - words_then) / (now - began) if now > began else 0.0,
            loss=parts.counters.loss,
            vocabulary=parts.vocabulary,
            lag=lag,
            snapshot_age=parts.snapshot_age_seconds(),
            warnings=[
                *(Concern(problem.text, problem.advice) for problem in problems),
                *_warnings(parts, quiet),
                *self._lag_warnings(),
            ],
        )

    def _lag_warnings(self) -> list[Concern]:
        lags = self._lags
        if len(lags) < LAG_LOOKS or lags[-1] < LAG_MESSAGES or lags[-1] < 1.1 * lags[0]:
            return []
        return [
            Concern(
                f"The stream comes faster than it is learned: {lags[-1]:,.0f} messages wait, "
                f"{lags[-1] - lags[0]:,.0f} more than some minutes ago.",
                "Give it more --threads, take --replay away, or share the topic among several "
                "daemons of one group. Nothing is lost while the broker keeps the messages.",
            )
        ]


def _source_in_words(parts: Observed, lag: float | None, quiet_seconds: float) -> str:
    """Where text comes from, whether it does, and what waits."""
    settings = parts.settings
    name = {"file": ", ".join(settings.path), "kafka": "Kafka"}.get(
        settings.source, "standard input"
    )
    if settings.source == "kafka":
        topics = settings.kafka_topic_pattern or ", ".join(settings.kafka_topic)
        name = f"Kafka ({topics})"
    if not parts.is_connected:
        return f"Not connected to {name}."
    waiting = "" if lag is None else f" {lag:,.0f} messages wait there."
    if quiet_seconds < QUIET_SECONDS:
        return f"Text is coming in from {name}.{waiting}"
    return f"No text from {name} for {spell_seconds(quiet_seconds)}.{waiting}"


def _warnings(parts: Observed, quiet_seconds: float) -> list[Concern]:
    """What the figures give reason to warn of."""
    found = []
    if quiet_seconds >= IDLE_SECONDS:
        found.append(
            Concern(
                f"No text has come for {spell_seconds(quiet_seconds)}.",
                "Look at what feeds the daemon. Where quiet is normal there is nothing to do.",
            )
        )
    invalid = parts.bad_records
    records = parts.counters.records + invalid
    if invalid > BAD_SHARE * records:
        found.append(
            Concern(
                f"{invalid:,} of {records:,} records could not be decoded.",
                "Look at the producer, at --json-field and at the dead letters, if there are.",
            )
        )
    limit = parts.vocabulary_limit
    if parts.vocabulary >= limit:
        found.append(
            Concern(
                f"The vocabulary is full: {limit:,} words have a vector, and rare ones give "
                "way to words seen more often.",
                "Nothing, if that is meant; else raise --max-vocab-size, with memory for it.",
            )
        )
    failures = parts.snapshot_failures
    if failures:
        found.append(
            Concern(
                f"{failures:,} snapshots could not be written since the start.",
                "The log has the reason after snapshot_failed; it is tried again by itself.",
            )
        )
    if lost := parts.figures().get("lost_messages"):
        found.append(
            Concern(
                f"{lost:,.0f} messages were gone before they could be read.",
                "Lengthen the topic's retention, or learn faster: see the lag.",
            )
        )
    return found
