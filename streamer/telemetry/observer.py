"""Samples a running daemon every few seconds and sums up its state for the page.

Reads figures that the parts keep anyway, in another thread: training does nothing for it.
"""

from __future__ import annotations

import math
import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from streamer.config.fields import flag_of
from streamer.config.settings import RunSettings
from streamer.sources.registry import KINDS
from streamer.telemetry.counters import Counters
from streamer.telemetry.health import Health
from streamer.telemetry.status import Concern, Status, spell_seconds

if TYPE_CHECKING:
    from streamer.alerts.alerts import Alerts

QUIET_SECONDS = 1.0
"""Time without text after which the source is said to be quiet."""

IDLE_SECONDS = 300.0
"""Time without text that is worth a warning."""

RATE_SAMPLES = 5
"""Samples that the rate is averaged over: batches come in bursts."""

LAG_SAMPLES = 150
"""Samples after which a lag that has grown is worth a warning."""

LAG_MESSAGES = 1000
"""A lag below this is never worth a warning."""

BAD_SHARE = 0.01
"""Share of the records that cannot be decoded above which that is worth a warning."""


class Observed(Protocol):
    """What can be seen of a run; may be read at any time, in another thread."""

    @property
    def settings(self) -> RunSettings:
        """Its settings."""

    @property
    def counters(self) -> Counters:
        """What was learned since its start."""

    @property
    def bad_records(self) -> int:
        """Records that could not be decoded or split since its start."""

    @property
    def total_words(self) -> int:
        """Words that the model has learned, in all processes."""

    @property
    def vocabulary(self) -> int:
        """Words that have a vector."""

    @property
    def vocabulary_limit(self) -> int:
        """Maximum number of words that have a vector."""

    @property
    def is_connected(self) -> bool:
        """Whether the source is connected."""

    @property
    def is_stalled(self) -> bool:
        """Whether nothing is read although there is something to read."""

    @property
    def alerts(self) -> Alerts | None:
        """What tells of unexpected records, None without --alerts."""

    def figures(self) -> dict[str, float]:
        """The source's (:meth:`streamer.sources.base.Source.figures`)."""

    def snapshot_age_seconds(self) -> float | None:
        """Seconds since the last snapshot, None before the first."""

    def snapshot_due_seconds(self) -> float | None:
        """Seconds until the next snapshot is due, None if that depends on words."""

    @property
    def snapshot_failures(self) -> int:
        """Snapshots that could not be written."""


class Observer:
    """Sums up one daemon; ``sample`` is called in one thread."""

    def __init__(self, health: Health, clock: Callable[[], float] = time.monotonic) -> None:
        self._health = health
        self._clock = clock
        self._parts: Observed | None = None
        self._samples: deque[tuple[float, int]] = deque(maxlen=RATE_SAMPLES + 1)
        self._lags: deque[float] = deque(maxlen=LAG_SAMPLES)
        self._changed_at = self._began_at = clock()
        self._bad_records = 0

    def mute(self, kind: str, is_muted: bool) -> bool:
        """Mute a kind of alerts, or not; False if there is no such kind."""
        alerts = None if self._parts is None else self._parts.alerts
        return alerts is not None and alerts.mute(kind, is_muted)

    def began(self, parts: Observed) -> None:
        """The parts are in place."""
        self._changed_at = self._began_at = self._clock()
        self._parts = parts

    def sample(self) -> Status:
        """The state of the daemon now."""
        problems = self._health.problems()
        parts = self._parts
        if parts is None:
            return Status(phase=problems[0].name if problems else "starting")
        words, now = parts.counters.words, self._clock()
        if not self._samples or self._samples[-1][1] != words:
            self._changed_at = now
        self._samples.append((now, words))
        began, words_then = self._samples[0]
        quiet = now - self._changed_at
        lag = parts.figures().get("lag_messages")
        if lag is not None:
            self._lags.append(lag)
        bad_records, self._bad_records = parts.bad_records - self._bad_records, parts.bad_records
        is_useless = quiet >= QUIET_SECONDS and bad_records > 0
        return Status(
            phase=_phase(quiet, lag, is_useless),
            source=_source_in_words(parts, lag, quiet, is_useless),
            words=parts.total_words,
            words_per_second=(words - words_then) / (now - began) if now > began else 0.0,
            loss=parts.counters.loss,
            vocabulary=parts.vocabulary,
            surprise=math.nan if parts.alerts is None else parts.alerts.recent_surprise,
            alerts=None if parts.alerts is None else parts.alerts.shown(),
            lag=lag,
            snapshot_age=parts.snapshot_age_seconds(),
            next_snapshot=parts.snapshot_due_seconds(),
            uptime=now - self._began_at,
            memory_bytes=resident_bytes(),
            options=_changed_options(parts.settings),
            warnings=[
                *(Concern(problem.text, problem.advice) for problem in problems),
                *_warnings(parts, quiet),
                *self._lag_warnings(),
            ],
        )

    def _lag_warnings(self) -> list[Concern]:
        lags = self._lags
        if len(lags) < LAG_SAMPLES or lags[-1] < LAG_MESSAGES or lags[-1] < 1.1 * lags[0]:
            return []
        return [
            Concern(
                f"Messages arrive faster than they are learned: {lags[-1]:,.0f} are waiting, "
                f"{lags[-1] - lags[0]:,.0f} more than a few minutes ago.",
                "Raise --threads, lower --replay, or share the topic among several daemons of one "
                "group. Nothing is lost while the broker keeps the messages.",
            )
        ]


def _phase(quiet_seconds: float, lag: float | None, is_useless: bool) -> str:
    if is_useless:
        return "learning nothing"
    if quiet_seconds >= QUIET_SECONDS:
        return "waiting for text"
    return "catching up" if lag is not None and lag >= LAG_MESSAGES else "learning"


def resident_bytes() -> int | None:
    """Memory that this process takes, as the system counts it; None where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _changed_options(settings: RunSettings) -> dict[str, str]:
    """Options that differ from their defaults, by flag; secrets are masked."""
    changed = settings.model_dump(mode="json", exclude_defaults=True)
    return {flag_of(name): _plain(value) for name, value in changed.items()}


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={part}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "on" if value is True else "off" if value is False else str(value)


def _source_in_words(
    parts: Observed, lag: float | None, quiet_seconds: float, is_useless: bool
) -> str:
    """Where text comes from, whether any arrives, and how much is waiting."""
    name = KINDS[parts.settings.source].title(parts.settings)
    if not parts.is_connected:
        return f"Not connected to {name}."
    waiting = "" if lag is None else f" {lag:,.0f} messages are waiting."
    if is_useless:
        return f"Reading {name}, but no record can be decoded.{waiting}"
    if quiet_seconds < QUIET_SECONDS:
        return f"Reading {name}.{waiting}"
    return f"No text from {name} for {spell_seconds(quiet_seconds)}.{waiting}"


def _warnings(parts: Observed, quiet_seconds: float) -> list[Concern]:
    """Warnings that follow from the figures."""
    found = []
    if quiet_seconds >= IDLE_SECONDS:
        found.append(
            Concern(
                f"No text has arrived for {spell_seconds(quiet_seconds)}.",
                "Check what feeds the daemon. If the stream is quiet at times, ignore this.",
            )
        )
    invalid = parts.bad_records
    records = parts.counters.records + invalid
    if invalid > BAD_SHARE * records:
        found.append(
            Concern(
                f"{invalid:,} of {records:,} records could not be decoded.",
                "Check the producer, --json-field and, if there is one, the dead-letter topic.",
            )
        )
    limit = parts.vocabulary_limit
    if parts.vocabulary >= limit:
        found.append(
            Concern(
                f"The vocabulary is full: {limit:,} words have a vector, and rare words lose "
                "theirs to more frequent ones.",
                "Raise --max-vocab-size if there is memory for it; otherwise ignore this.",
            )
        )
    failures = parts.snapshot_failures
    if failures:
        found.append(
            Concern(
                f"{failures:,} snapshots could not be written since the start.",
                "The event snapshot_failed in the log says why; it is tried again by itself.",
            )
        )
    if lost := parts.figures().get("lost_messages"):
        found.append(
            Concern(
                f"{lost:,.0f} messages were deleted before they could be read.",
                "Extend the topic's retention, or learn faster: see the lag.",
            )
        )
    return found
