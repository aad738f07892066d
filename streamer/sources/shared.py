"""Sources that several workers of a cluster can read together, each its share of the pieces."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from streamer.sources.base import Piece, S, Share, SourceKind


class Pieces(Protocol):
    """Finds pieces of the stream."""

    def find(self, position: Mapping[str, Any]) -> dict[Piece, float]:
        """Those that exist now, and those of a checkpoint's position that may still have a rest.

        With their weights: how much there is to read, if known.
        """

    def close(self) -> None:
        """Close connections."""


class SharedKind(SourceKind[S]):
    """A kind of source that consists of pieces; a piece has one reader at a time.

    A position covers the pieces of one worker, or of all. Here a position has a key for each piece.
    """

    @abstractmethod
    def pieces(self, settings: S, is_stopping: Callable[[], bool], log: Any) -> Pieces:
        """Finds the pieces that the settings name."""

    def absolute(self, settings: S) -> S:
        """The settings as processes with other working directories can use them."""
        return settings

    def beginning(self, position: dict[str, Any]) -> dict[str, Any]:
        """The position that all workers start from, of the checkpoint's or of ``{}``."""
        return position

    def part_of(self, position: Mapping[str, Any], share: Share) -> dict[str, Any]:
        """A position without the pieces that are not in ``share``."""
        return {name: marks for name, marks in position.items() if Piece(name) in share}

    def joined(self, parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Join positions of different pieces; if two have the same piece, the later one counts."""
        whole: dict[str, Any] = {}
        for position in parts:
            whole |= position
        return whole
