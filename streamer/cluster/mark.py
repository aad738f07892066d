"""A checkpoint as the driver knows it: what all workers begin at, or go back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from w2v_online.snapshots.reader import Snapshot


@dataclass(frozen=True)
class Mark:
    """The checkpoint to go back to: snapshot, positions by source, and sums until then."""

    snapshot: str | None = None
    positions: dict[str, Any] = field(default_factory=dict)
    invalid_records: int = 0
    words: int = 0

    @classmethod
    def of(cls, saved: Snapshot) -> Mark:
        """That of a snapshot."""
        manifest = saved.manifest
        return cls(
            str(saved.path.absolute()),
            manifest.get("positions", {}),
            manifest.get("counters", {}).get("invalid_records", 0),
            manifest["totals"]["words"],
        )
