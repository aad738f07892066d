"""What a source is: something that hands over records with the position behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Batch:
    """Complete records, each ended by a line feed, and the position of the next record to read.

    A checkpoint taken after this batch was learned resumes *after* it: ``position`` never names a
    record that ``records`` holds.
    """

    records: bytes
    position: dict[str, Any] = field(default_factory=dict)


class Source(Protocol):
    """Records in order."""

    @property
    def name(self) -> str:
        """Key of this source's position in a manifest."""

    @property
    def position(self) -> dict[str, Any]:
        """The next record to read."""

    def next_batch(self) -> Batch | None:
        """What has arrived, within a moment: an empty batch when nothing has, None at the end."""

    def stop(self) -> Batch | None:
        """Read no more: what was read but not handed over yet, then None."""

    def close(self) -> None:
        """Let go of whatever the source holds."""
