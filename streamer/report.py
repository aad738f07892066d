"""What a person or a log collector sees of a running daemon: events, and progress.

Everything goes to stderr. Events are one line each with a stable name; progress is a live line on
a terminal and an event every few seconds elsewhere.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import orjson
import structlog

from streamer.settings import RunSettings
from w2v_online.learner import BatchStats

LOG_SECONDS = 10.0
"""How often progress is logged when there is no live line."""

_LOSS_WORDS = 200_000.0
"""Words over which the shown loss and rate are averaged (exponentially)."""


def make_log(log_format: str, log_level: str) -> Any:
    """A structlog logger that writes one line an event to stderr."""
    renderer: Any
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer(
            serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
        )
    else:
        renderer = structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], drop_missing=True
        )
    return structlog.wrap_logger(
        structlog.PrintLogger(file=_Stderr()),  # type: ignore[arg-type]
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[log_level.upper()]
        ),
    )


class _Stderr:
    """Whatever ``sys.stderr`` is at the moment of writing: a live display puts itself there."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class Progress:
    """Running figures of a stream, shown as a live line or logged; use as a context manager."""

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
        self._quiet = settings.progress == "off"
        self._began = self._shown = clock()
        self._learned = self._began
        self._words_at_shown = 0
        self.words = 0
        self.loss = math.nan

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

    def learned(self, stats: BatchStats) -> None:
        """Take in what a batch did."""
        if stats.words:
            self.words += stats.words
            self._learned = self._clock()
        if stats.pairs:
            weight = 1.0 - math.exp(-stats.words / _LOSS_WORDS)
            old = stats.loss if math.isnan(self.loss) else self.loss
            self.loss = old + weight * (stats.loss - old)

    def show(
        self,
        total_words: int,
        vocabulary: int,
        snapshot_age: float | None,
        source_figures: Callable[[], dict[str, float]],
    ) -> None:
        """Show the figures if it is time to, with those of the source in log lines."""
        now = self._clock()
        elapsed = now - self._shown
        if elapsed < (0.5 if self._live is not None else LOG_SECONDS):
            return
        rate = (self.words - self._words_at_shown) / elapsed
        self._shown, self._words_at_shown = now, self.words
        if self._live is not None:
            age = "none yet" if snapshot_age is None else f"{snapshot_age:.0f} s ago"
            self._live.update(
                f"{rate:>11,.0f} words/s  {total_words:,} words  vocabulary {vocabulary:,}  "
                f"loss {self.loss:.3f}  snapshot {age}",
                refresh=True,
            )
        elif not self._quiet:
            self._log.info(
                "progress",
                words_per_second=round(rate),
                words=total_words,
                vocabulary=vocabulary,
                loss=round(self.loss, 4),
                snapshot_age_seconds=None if snapshot_age is None else round(snapshot_age),
                **source_figures(),
            )

    @property
    def words_per_second(self) -> float:
        """Mean rate from the start to the last batch that was learned."""
        return self.words / max(self._learned - self._began, 1e-9)


def _live() -> Any:
    from rich.console import Console
    from rich.live import Live

    return Live(console=Console(stderr=True), auto_refresh=False)
