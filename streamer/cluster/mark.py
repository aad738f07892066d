"""A checkpoint as the driver knows it: where all workers begin, or roll back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from w2v_online.errors import SnapshotError
from w2v_online.snapshots.reader import Snapshot


@dataclass(frozen=True)
class Mark:
    """A checkpoint: snapshot, positions by source, and totals at that moment."""

    snapshot: str | None = None
    positions: dict[str, Any] = field(default_factory=dict)
    invalid_records: int = 0
    words: int = 0

    @classmethod
    def of(cls, saved: Snapshot) -> Mark:
        """The mark of a snapshot; SnapshotError if its manifest is garbled."""
        manifest = saved.manifest
        try:
            words = int(manifest["totals"]["words"])
        except (KeyError, TypeError, ValueError) as error:
            raise SnapshotError(
                f"{saved.path} cannot be continued: its manifest lacks or garbles {error}"
            ) from error
        return cls(
            str(saved.path.absolute()),
            manifest.get("positions", {}),
            manifest.get("counters", {}).get("invalid_records", 0),
            words,
        )
