"""Text as training takes it: sentences as rows of words."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from w2v_online.learning.noted import NotedTokens


@dataclass(frozen=True)
class Encoded:
    """Sentences as rows: ``sentence_ends[i]`` is where sentence i ends in ``ids``."""

    ids: NDArray[np.int32]
    sentence_ends: NDArray[np.int64]
    is_replayed: bool = False
    """Whether it was trained before; losses are of fresh text only."""
    noted: NotedTokens | None = None
    """All tokens of the same sentences, where they are to be scored before they are trained."""

    def copy(self) -> Encoded:
        """The same in memory of its own; what is noted is shared."""
        return replace(self, ids=self.ids.copy(), sentence_ends=self.sentence_ends.copy())

    def part(self, first: int, end: int) -> Encoded:
        """Sentences ``first`` up to ``end``, where that is not all of them a copy of their ends."""
        if first == 0 and end == len(self.sentence_ends):
            return self
        begin = int(self.sentence_ends[first - 1]) if first else 0
        ends = self.sentence_ends[first:end]
        return replace(
            self,
            ids=self.ids[begin : int(ends[-1]) if len(ends) else begin],
            sentence_ends=ends - begin,
            noted=None if self.noted is None else self.noted.part(first, end),
        )
