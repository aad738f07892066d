"""Text as training takes it: sentences as rows of words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Encoded:
    """Sentences as rows: ``sentence_ends[i]`` is where sentence i ends in ``ids``."""

    ids: NDArray[np.int32]
    sentence_ends: NDArray[np.int64]
    is_replayed: bool = False
    """Whether it was trained before; losses are of fresh text only."""

    def copy(self) -> Encoded:
        """The same in memory of its own."""
        return Encoded(self.ids.copy(), self.sentence_ends.copy(), self.is_replayed)

    def part(self, first: int, end: int) -> Encoded:
        """Sentences ``first`` up to ``end``, where that is not all of them a copy of their ends."""
        if first == 0 and end == len(self.sentence_ends):
            return self
        begin = int(self.sentence_ends[first - 1]) if first else 0
        ends = self.sentence_ends[first:end]
        return Encoded(self.ids[begin : int(ends[-1]) if len(ends) else begin], ends - begin)
