"""The figures of the last hour, and the stream of events that a page listens to.

A thread of its own takes a sample every two seconds; memory is bounded. Events are server-sent
events as the HTML standard describes them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import Any

from streamer.http.encoding import to_json
from streamer.publishing.report import Report
from streamer.telemetry.status import Status

SAMPLE_SECONDS = 2.0
"""Time between two samples."""

HISTORY_SAMPLES = 1800
"""Samples in memory: an hour."""

MAX_STREAMS = 32
"""Pages that can listen at once; each costs a connection and some kilobytes."""

_POLL_SECONDS = 0.25
"""Time between two checks for a new sample: the longest that closing the server waits."""

_CURVES = ("words_per_second", "loss", "vocabulary", "surprise", "lag", "snapshot_age")


class Feed:
    """Samples ``status`` and tells pages; ``newest`` returns the name of the newest snapshot,
    ``stores`` what publishers tell of theirs.
    """

    def __init__(
        self,
        status: Callable[[], Status],
        newest: Callable[[], str],
        log: Any,
        stores: Callable[[], Sequence[Report]] = tuple,
    ) -> None:
        self._status = status
        self._stores = stores
        self._log = log
        self._newest = newest
        self._points: deque[tuple[float, ...]] = deque(maxlen=HISTORY_SAMPLES)
        self._state: tuple[int, dict[str, Any]] = (0, {})
        self._closing = threading.Event()
        self._streams = 0
        self._thread = threading.Thread(target=self._run, name="http-feed", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._take()
            except Exception as error:
                # It reads what another thread changes: the next sample may well succeed.
                self._log.warning("status_failed", reason=repr(error))
            if self._closing.wait(SAMPLE_SECONDS):
                return

    def _take(self) -> None:
        document = asdict(self._status())
        now = round(time.time(), 1)
        self._points.append((now, *(_number(document[name]) for name in _CURVES)))
        newest = self._newest()
        stores = [
            {**asdict(report), "lag_seconds": report.lag_seconds(newest)}
            for report in self._stores()
        ]
        state = {"time": now, "snapshot": newest, "stores": stores, **document}
        self._state = self._state[0] + 1, state

    @property
    def is_full(self) -> bool:
        """Whether no more pages can listen."""
        return self._streams >= MAX_STREAMS

    def history(self) -> dict[str, list[float]]:
        """The curves of the last hour: ``time`` in seconds since the epoch, and each figure."""
        points = list(self._points)
        names = ("time", *_CURVES)
        return {name: [point[i] for point in points] for i, name in enumerate(names)}

    async def events(self, prepare: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
        """``history`` once, then ``status`` after each sample, until the client leaves.

        ``prepare`` is awaited before a new snapshot is announced.
        """
        self._streams += 1
        try:
            yield _event("history", self.history())
            seen, snapshot = 0, ""
            while not self._closing.is_set():
                number, state = self._state
                if number != seen:
                    if state["snapshot"] != snapshot:
                        await prepare()
                    seen, snapshot = number, state["snapshot"]
                    yield _event("status", state)
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            self._streams -= 1

    def close(self) -> None:
        """End the thread and all streams."""
        self._closing.set()
        self._thread.join()


def _number(value: float | None) -> float:
    # Six digits are more than a curve shows, and an hour of them is sent at once.
    return float("nan") if value is None else float(f"{value:.6g}")


def _event(name: str, document: Any) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), to_json(document))
