"""Progress of a running daemon: a live line on a terminal, an event every few seconds elsewhere.

Everything goes to stderr.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from streamer.config.settings import RunSettings
from streamer.sources.registry import KINDS
from streamer.telemetry.counters import Counters
from streamer.telemetry.live_line import LiveLine
from w2v_online.stats import BatchStats

LOG_SECONDS = 10.0
"""How often progress is logged when there is no live line."""


class Progress:
    """Progress of a stream, on a live line or in the log; a context manager."""

    def __init__(
        self,
        settings: RunSettings,
        log: Any,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        is_terminal = sys.stderr.isatty()
        self._log = log
        self._clock = clock
        # What is typed would land in the live line.
        is_typed = KINDS[settings.source].is_typed()
        is_wanted = settings.progress == "auto" and is_terminal and not is_typed
        self._live = LiveLine() if settings.progress == "on" or is_wanted else None
        self._pause_seconds = LOG_SECONDS if self._live is None else 0.5
        self._quiet = settings.progress == "off"
        self._began = self._shown = clock()
        self._learned = self._began
        self._words_at_shown = 0
        self._line = "starting"
        self.counters = Counters()

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def restart_clock(self) -> None:
        """Measure the mean rate from now on: learning begins."""
        self._began = self._learned = self._clock()

    def learned(self, stats: BatchStats, text_bytes: int = 0) -> None:
        """Add a batch of ``text_bytes`` bytes that was learned."""
        self.counters.add(stats, text_bytes)
        if stats.words:
            self._learned = self._clock()

    def show(
        self,
        total_words: int,
        vocabulary: int,
        snapshot_age: float | None,
        source_figures: Callable[[], dict[str, float]],
    ) -> None:
        """Show the figures if that is due; the log has those of the source, too."""
        now = self._clock()
        elapsed = now - self._shown
        if elapsed < self._pause_seconds:
            return
        counters, figures = self.counters, source_figures()
        rate = (counters.words - self._words_at_shown) / elapsed
        self._shown, self._words_at_shown = now, counters.words
        parts = [f"{total_words:,} words", f"{rate:,.0f} words/s", f"vocabulary {vocabulary:,}"]
        if "lag_messages" in figures:
            parts.append(f"lag {figures['lag_messages']:,.0f} messages")
        age = "none yet" if snapshot_age is None else f"{snapshot_age:.0f} s ago"
        parts.append(f"snapshot {age}")
        if not math.isnan(counters.loss):
            parts.append(f"loss {counters.loss:.3f}")
        self._line = ", ".join(parts)
        if self._live is not None:
            self._live.show(parts, counters.loss)
        elif not self._quiet:
            self._log.info(
                "progress",
                words_per_second=round(rate),
                words=total_words,
                vocabulary=vocabulary,
                loss=round(counters.loss, 4),
                **_by_kind(counters),
                snapshot_age_seconds=None if snapshot_age is None else round(snapshot_age),
                **figures,
            )

    def annealing(self, done: float) -> None:
        """Show how much of the kept text was learned again, if it is time to."""
        now = self._clock()
        if now - self._shown < self._pause_seconds:
            return
        self._shown = now
        self._line = f"annealing {done:.0%}: training on the kept text, rate decaying to zero"
        if self._live is not None:
            self._live.show([self._line])
        elif not self._quiet:
            self._log.info("annealing", done=round(done, 2))

    def status(self) -> str:
        """The last figures that were shown, in one line."""
        return self._line

    @property
    def words_per_second(self) -> float:
        """Mean rate from the start to the last batch."""
        return self.counters.words / max(self._learned - self._began, 1e-9)


def _by_kind(counters: Counters) -> dict[str, float]:
    """Losses by kind of pair, where there is more than one."""
    if not counters.has_negatives:
        return {}
    return {
        "loss_per_positive": round(counters.loss_per_positive, 4),
        "loss_per_negative": round(counters.loss_per_negative, 4),
    }
