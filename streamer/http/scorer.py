"""The newest snapshot's model for scoring, in memory while somebody asks for scores.

Loading takes seconds and as much memory as the model, so it is done when the first question comes,
and undone when none has come for a while.
"""

from __future__ import annotations

import threading
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

    def get(self) -> Scorer:
        """The scorer, loaded if need be; SnapshotError if none can be had."""
        with self._lock:
            if self._newest is None:
                self._newest = self._load()
            else:
                self._refresh(self._newest)
            self._restart_timer()
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

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(IDLE_SECONDS, self.close)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """Release the memory."""
        with self._lock:
            self._newest = None
            if self._timer is not None:
                self._timer.cancel()
