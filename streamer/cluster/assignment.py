"""Assigns pieces of the stream to workers, and splits and joins positions by piece.

A piece is a partition or a log; one worker reads it at a time. Positions are those of
:mod:`streamer.sources`; a worker's covers its own pieces only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


# Kafka's positions are imported only where the source is Kafka: its client takes a while.


def part_of(position: Mapping[str, Any], share: Share, source: str) -> dict[str, Any]:
    """A source's position without the pieces that are not in ``share``."""
    if source == "kafka":
        from streamer.sources.kafka import positions

        return positions.part_of(position, share)
    return {path: marks for path, marks in position.items() if Piece(path) in share}


def joined(parts: Iterable[Mapping[str, Any]], source: str) -> dict[str, Any]:
    """Join positions of different pieces; if two have the same piece, the later one counts."""
    if source == "kafka":
        from streamer.sources.kafka import positions

        return positions.joined(parts)
    whole: dict[str, Any] = {}
    for position in parts:
        whole |= position
    return whole
