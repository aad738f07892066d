"""The newest snapshot's model for scoring, in memory while somebody asks for scores.

Loading takes seconds and as much memory as the model, so it is done when the first question comes,
and undone when none has come for a while.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from streamer.machine import available_bytes
from w2v_online.errors import SnapshotError
from w2v_online.snapshots import reader

if TYPE_CHECKING:
    from streamer.scoring.newest import NewestScorer
    from w2v_online.learning.score import Scorer

IDLE_SECONDS = 600.0
"""Time without a question after which the memory is released."""


class KeptScorer:
    """The scorer of the newest snapshot in ``folder``; safe in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._newest: NewestScorer | None = None
        self._timer: threading.Timer | None = None
        self._used_at = 0.0

    def get(self) -> Scorer:
        """The scorer, loaded if need be; SnapshotError if none can be had."""
        with self._lock:
            if self._newest is None:
                self._newest = self._load()
            else:
                self._refresh(self._newest)
            self._used_at = time.monotonic()
            if self._timer is None:
                self._wait(IDLE_SECONDS)
            return self._newest.scorer

    def _load(self) -> NewestScorer:
        # Imported here: the server answers other questions without any training code.
        from streamer.scoring.newest import NewestScorer

        files = reader.read_with_output(self._folder).manifest["files"]
        needed = sum(int(file["bytes"]) for file in files.values())
        free = available_bytes()
        if needed > free:
            raise SnapshotError(
                f"scoring takes {needed >> 20:,} MiB of memory, and {free >> 20:,} MiB are free"
            )
        return NewestScorer(self._folder)

    def _refresh(self, newest: NewestScorer) -> None:
        try:
            newest.refresh()
        except SnapshotError:
            pass  # the answer names the snapshot, which is still the one from before

    def _wait(self, seconds: float) -> None:
        """One timer looks when the last question came: a thread for each would cost too much."""
        self._timer = threading.Timer(seconds, self._look)
        self._timer.daemon = True
        self._timer.start()

    def _look(self) -> None:
        with self._lock:
            if self._timer is None:
                return  # closed meanwhile
            rest = self._used_at + IDLE_SECONDS - time.monotonic()
            if rest > 0:
                self._wait(rest)
            else:
                self._newest = self._timer = None

    def close(self) -> None:
        """Release the memory."""
        with self._lock:
            self._newest = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
