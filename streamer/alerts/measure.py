"""What a record's surprise is: which of its words count, and for which reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

By = Literal["mean", "max", "pm4"]
Of = Literal["context", "rarity", "both"]


@dataclass(frozen=True)
class Measure:
    """The values of ``--alert-by`` and ``--alert-of``; see :class:`w2v_online.Surprise`."""

    by: By = "pm4"
    of: Of = "context"

    def as_dict(self) -> dict[str, Any]:
        """As a checkpoint has it."""
        return asdict(self)

    def __str__(self) -> str:
        return f"--alert-by {self.by} --alert-of {self.of}"


DEFAULT_MEASURE = Measure()
