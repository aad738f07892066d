"""Worker 0's checkpoints: ordinary snapshots of its learner, with the positions of all workers.

The driver decides when one is due, because all workers have to reach the same state first; it is
written while learning continues.
"""

from __future__ import annotations

import math
import time
from typing import Any

from streamer.checkpoints.checkpointer import Checkpointer
from streamer.checkpoints.entries import Entries
from streamer.checkpoints.folder import SnapshotFolder
from streamer.checkpoints.quality_probe import QualityProbe
from streamer.checkpoints.written import Written
from streamer.cluster.messages import Checkpoint
from streamer.config.cluster_settings import ClusterSettings
from streamer.config.types import Interval
from streamer.text.saved import text_entry
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.snapshots import retention

READY_SECONDS = 0.005

SAFE, WRITING, FAILED = "safe", "writing", "failed"
"""Outcomes of a checkpoint."""


class Writer:
    """Writes the checkpoints that the driver requests; ``positions`` are those of all sources."""

    def __init__(
        self,
        settings: ClusterSettings,
        learner: OnlineWord2Vec,
        positions: dict[str, Any],
        log: Any,
    ) -> None:
        folder = SnapshotFolder(settings.snapshot_dir, is_held=True)
        retention.clean(folder.path)  # removes what an earlier worker was writing when it died
        self._checkpointer = Checkpointer(
            learner,
            folder,
            Entries(
                settings.source,
                positions,
                text_entry(settings),
                QualityProbe(settings.probe) if settings.probe else None,
            ),
            Interval(seconds=math.inf),
            settings.retention,
            log,
            # The driver waits for what it has asked for.
            writes_empty=lambda: True,
            replaces_words=True,
            # The driver rolls back to the one before as long as it has not heard of a new one.
            prunes=False,
        )

    def write(self, checkpoint: Checkpoint) -> str:
        """Write one of this moment; return SAFE if it is on disk, else WRITING or FAILED."""
        checkpointer, position = self._checkpointer, checkpoint.position
        checkpointer.keep = checkpoint.keep
        counters = {"invalid_records": checkpoint.invalid_records}
        if checkpoint.is_last:
            checkpointer.advance(position, counters, at_once=True)
            return SAFE if checkpointer.is_saved(position) else FAILED
        failures = checkpointer.written.failures
        checkpointer.advance(position, counters, is_wanted=True)
        while checkpointer.is_preparing:
            time.sleep(READY_SECONDS)
            checkpointer.advance(position, counters)
        if checkpointer.is_writing:
            return WRITING
        return SAFE if checkpointer.written.failures == failures else FAILED

    def advance(self) -> None:
        """Advance the one that is being written; to be called between two batches."""
        if self._checkpointer.is_writing:
            self._checkpointer.advance({})

    def prune(self) -> None:
        """Delete old ones: the driver knows the newest."""
        self._checkpointer.prune()

    def written(self) -> Written:
        """The checkpoints written so far."""
        return self._checkpointer.written

    def cancel(self) -> None:
        """Cancel the one under way."""
        self._checkpointer.cancel()
