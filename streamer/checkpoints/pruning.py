"""Old snapshots are deleted in a thread of their own: freeing gigabytes takes a while."""

from __future__ import annotations

import threading
from typing import Any

from streamer.checkpoints.folder import SnapshotFolder
from w2v_online.errors import SnapshotError
from w2v_online.snapshots.retention import Retention


class Pruning:
    """Deletes snapshots of ``folder``, one thread at a time; a failure is logged."""

    def __init__(self, folder: SnapshotFolder, log: Any) -> None:
        self._folder = folder
        self._log = log
        self._thread: threading.Thread | None = None

    def start(self, keep: Retention, *, locally: bool = False) -> None:
        """Delete what ``keep`` lets go, in the background; see :meth:`SnapshotFolder.prune`."""
        self.wait()
        self._thread = threading.Thread(
            target=self._prune, args=(keep, locally), name="prune", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is done."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _prune(self, keep: Retention, locally: bool) -> None:
        try:
            self._folder.prune(keep, locally=locally)
        except SnapshotError as error:
            self._log.error("prune_failed", reason=str(error))
