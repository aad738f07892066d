"""The scorer of a folder's newest snapshot that can score, looked for anew every second at most."""

from __future__ import annotations

import time
from pathlib import Path

from w2v_online.errors import SnapshotError
from w2v_online.learning.score import Scorer, load_scorer
from w2v_online.snapshots import reader

LOOK_SECONDS = 1.0
"""Pause between two looks for a newer snapshot."""

RETRY_FACTOR = 20.0
"""After a failure, wait this many times as long as the failed attempt took."""


class NewestScorer:
    """Loads a scorer; :meth:`refresh` takes that of a newer snapshot. Raises SnapshotError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._load()

    def _load(self) -> None:
        self._look_at = time.monotonic() + LOOK_SECONDS
        latest = reader.newest_name(self._path)
        self.scorer: Scorer = load_scorer(self._path)
        self._latest = latest  # one that cannot be read is tried again

    def refresh(self) -> bool:
        """Whether a newer snapshot was taken; the one from before stays if that cannot be read."""
        began = time.monotonic()
        if began < self._look_at:
            return False
        self._look_at = began + LOOK_SECONDS
        latest = reader.newest_name(self._path)
        if latest == self._latest:
            return False
        loaded = self.scorer.snapshot
        if loaded is not None and reader.read_with_output(self._path).path == loaded.path:
            self._latest = latest  # a snapshot of vectors alone
            return False
        try:
            self._load()
        except SnapshotError:
            now = time.monotonic()
            self._look_at = now + max(LOOK_SECONDS, RETRY_FACTOR * (now - began))
            raise
        return True
