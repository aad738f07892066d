"""The figures of the last hour, and the stream of events that a page follows.

A thread of its own takes a look every two seconds; memory is bounded whatever comes. Events are
sent as they are described by the HTML standard ("Server-sent events").
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson

from streamer.telemetry.status import Status

LOOK_SECONDS = 2.0
"""Time between two looks."""

KEPT_LOOKS = 1800
"""Looks that are kept: an hour."""

MAX_STREAMS = 32
"""Pages that may listen at once; one costs a connection and some kilobytes."""

_POLL_SECONDS = 0.25
"""How often a stream looks for news of the thread: the longest that an end of the server waits."""

_CURVES = ("words_per_second", "loss", "vocabulary", "lag", "snapshot_age")


class Feed:
    """Looks at a daemon, or a folder, and tells pages; ``newest`` names the newest snapshot."""

    def __init__(self, look: Callable[[], Status], newest: Callable[[], str], log: Any) -> None:
        self._look = look
        self._log = log
        self._newest = newest
        self._points: deque[tuple[float, ...]] = deque(maxlen=KEPT_LOOKS)
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
                # It reads what another thread changes: the next look may well succeed.
                self._log.warning("status_failed", reason=repr(error))
            if self._closing.wait(LOOK_SECONDS):
                return

    def _take(self) -> None:
        document = asdict(self._look())
        now = round(time.time(), 1)
        self._points.append((now, *(_number(document[name]) for name in _CURVES)))
        state = {"time": now, "snapshot": self._newest(), **document}
        self._state = self._state[0] + 1, state

    @property
    def is_full(self) -> bool:
        """Whether no more may listen."""
        return self._streams >= MAX_STREAMS

    def history(self) -> dict[str, list[float]]:
        """The curves of the last hour: ``time`` in seconds of the epoch, and each figure."""
        points = list(self._points)
        names = ("time", *_CURVES)
        return {name: [point[i] for point in points] for i, name in enumerate(names)}

    async def events(self, prepare: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
        """``history`` once, then ``status`` after each look, until the client leaves.

        ``prepare`` is awaited before a new snapshot is told of.
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
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(document))
