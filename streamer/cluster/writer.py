"""Worker 0's checkpoints: ordinary snapshots of its learner, with the positions of all workers.

When one is due the driver decides, for all workers have to be at its moment; it is written while
learning goes on.
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
from streamer.cluster.settings import ClusterSettings
from streamer.config.types import Interval
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.snapshots import retention

READY_SECONDS = 0.005

SAFE, WRITING, FAILED = "safe", "writing", "failed"
"""What became of a checkpoint that was wanted."""


class Writer:
    """Writes what the driver asks for; ``positions`` are those of all sources until now."""

    def __init__(
        self,
        settings: ClusterSettings,
        learner: OnlineWord2Vec,
        positions: dict[str, Any],
        log: Any,
    ) -> None:
        folder = SnapshotFolder(settings.snapshot_dir, is_held=True)
        retention.clean(folder.path)  # what was being written when an earlier worker died
        self._checkpointer = Checkpointer(
            learner,
            folder,
            Entries(
                settings.source,
                positions,
                {"lowercase": settings.lowercase},
                QualityProbe(settings.probe) if settings.probe else None,
            ),
            Interval(seconds=math.inf),
            settings.retention,
            log,
        )

    def write(self, checkpoint: Checkpoint) -> str:
        """Write one of this moment: SAFE if it is on disk, WRITING while it gets there, FAILED."""
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
        """Go on with one that is being written; to be called between two batches."""
        if self._checkpointer.is_writing:
            self._checkpointer.advance({})

    def written(self) -> Written:
        """What was written so far."""
        return self._checkpointer.written

    def cancel(self) -> None:
        """End what is under way."""
        self._checkpointer.cancel()
