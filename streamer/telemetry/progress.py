"""Progress of a running daemon: a live line on a terminal, an event every few seconds elsewhere.

Everything goes to stderr.
"""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from streamer.config.settings import RunSettings
from streamer.telemetry.counters import Counters
from w2v_online.stats import BatchStats

LOG_SECONDS = 10.0
"""How often progress is logged when there is no live line."""

_CURVE = "▁▂▃▄▅▆▇█"
_CURVE_POINTS = 30
_CURVE_SECONDS = 2.0
"""The live line's loss curve: its levels, points, and the time between two of them."""


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
        self._live = (
            _live()
            if settings.progress == "on" or (settings.progress == "auto" and is_terminal)
            else None
        )
        self._pause_seconds = LOG_SECONDS if self._live is None else 0.5
        self._quiet = settings.progress == "off"
        self._began = self._shown = self._curve_at = clock()
        self._curve: deque[float] = deque(maxlen=_CURVE_POINTS)
        self._learned = self._began
        self._words_at_shown = 0
        self._line = "starting"
        self.counters = Counters(settings.loss)

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
        age = "none yet" if snapshot_age is None else f"{snapshot_age:.0f} s ago"
        lag = f"  lag {figures['lag_messages']:,.0f}" if "lag_messages" in figures else ""
        self._line = (
            f"{rate:,.0f} words/s  {total_words:,} words  vocabulary {vocabulary:,}  "
            f"loss {counters.loss:.3f}{lag}  snapshot {age}"
        )
        if self._live is not None:
            self._live.update(f"{self._line}  {self._loss_curve(now)}", refresh=True)
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
            self._live.update(self._line, refresh=True)
        elif not self._quiet:
            self._log.info("annealing", done=round(done, 2))

    def status(self) -> str:
        """The last figures that were shown, in one line."""
        return self._line

    def _loss_curve(self, now: float) -> str:
        """The loss over the last minute, as a line of blocks."""
        loss = self.counters.loss
        if not math.isnan(loss) and (not self._curve or now - self._curve_at >= _CURVE_SECONDS):
            self._curve.append(loss)
            self._curve_at = now
        low, high = min(self._curve, default=0.0), max(self._curve, default=0.0)
        scale = (len(_CURVE) - 1) / max(high - low, 1e-3)
        return "".join(_CURVE[round((value - low) * scale)] for value in self._curve)

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


def _live() -> Any:
    from rich.console import Console
    from rich.live import Live

    return Live(console=Console(stderr=True), auto_refresh=False)
