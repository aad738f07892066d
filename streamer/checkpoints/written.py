"""What was written: the figures of checkpoints, as metrics and the cluster's reports carry them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Written:
    """The checkpoints that a process, or a worker in its epoch, wrote, and figures of the last."""

    snapshots: int = 0
    failures: int = 0
    path: str = ""
    seconds: float = 0.0
    """Time from its beginning until it was on disk."""
    pause_seconds: float = 0.0
    """Time that the learner stood still for it."""
    bytes: int = 0

    def another(self, path: Path, seconds: float, pause_seconds: float) -> Written:
        """These and one more."""
        return replace(
            self,
            snapshots=self.snapshots + 1,
            path=str(path),
            seconds=seconds,
            pause_seconds=pause_seconds,
            bytes=_folder_bytes(path),
        )

    def failed(self) -> Written:
        """These and one that could not be written."""
        return replace(self, failures=self.failures + 1)


def _folder_bytes(path: Path) -> int:
    """Bytes of all files in a snapshot's folder, 0 if it was deleted meanwhile."""
    try:
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    except OSError:
        return 0
