"""Assigns pieces of the stream, partitions or logs, to workers; one worker reads each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamer.sources.base import Piece, Share


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
