"""Assigns pieces of the stream, partitions or logs, to workers; one worker reads each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from streamer.sources.base import Piece, Share
from streamer.sources.shared import Pieces

SEARCH_SECONDS = 5.0
"""Time between two searches for new partitions and logs."""


def deal(pieces: Mapping[Piece, float], shares: Sequence[Share]) -> list[Share]:
    """Assign each piece without a worker to the one with the smallest load; others stay.

    ``pieces`` have weights; ``shares`` are what each worker has already. Pieces that do not exist
    any more are removed. The result does not depend on the order of the pieces.
    """
    dealt = [set(share & pieces.keys()) for share in shares]
    loads = [sum(pieces[piece] for piece in share) for share in dealt]
    new = pieces.keys() - {piece for share in dealt for piece in share}
    for piece in sorted(new, key=lambda piece: (-pieces[piece], piece)):
        # Many pieces may have no weight yet: their number counts, too.
        least = min(range(len(dealt)), key=lambda i: (loads[i], len(dealt[i]), i))
        dealt[least].add(piece)
        loads[least] += pieces[piece]
    return [frozenset(share) for share in dealt]


class Shares:
    """Which worker reads which pieces: the first ones read, the others only merge."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._shares: list[Share] = []
        self._searched_at = 0.0

    def __len__(self) -> int:
        """Workers that read."""
        return len(self._shares)

    @property
    def pieces(self) -> int:
        """How many pieces are read."""
        return sum(map(len, self._shares))

    def of(self, number: int) -> Share:
        """What a worker reads."""
        return self._shares[number] if number < len(self._shares) else frozenset()

    def begin(self, readers: int, position: Mapping[str, Any]) -> None:
        """Assign what there is at a checkpoint's position to so many workers.

        Whatever was assigned before: a log that was read then may have lost its name since.
        """
        self._shares = deal(self._pieces.find(position), [frozenset()] * readers)

    def deal(self, readers: int) -> None:
        """Assign new pieces, and all of them again if more workers are to read than before."""
        known = {piece: 0.0 for share in self._shares for piece in share}
        if readers > len(self._shares):
            self._shares = [frozenset()] * readers
        self._shares = deal(known | self._pieces.find({}), self._shares)

    def has_new_pieces(self) -> bool:
        """Whether there are pieces that nobody reads; looks for them every SEARCH_SECONDS."""
        now = time.monotonic()
        if now - self._searched_at < SEARCH_SECONDS:
            return False
        self._searched_at = now
        known = frozenset().union(*self._shares)
        return not self._pieces.find({}).keys() <= known
