"""What learners and shards tell each other: counts and rows, keyed by word.

Words are UTF-8, each followed by a line feed, which no word contains. Plain bytes and NumPy arrays,
so that whatever carries them needs no code of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


def _no_updates() -> NDArray[np.uint32]:
    return np.empty(0, np.uint32)


@dataclass(frozen=True)
class CountChanges:
    """Sightings: of words, and of the stream as a whole."""

    words: bytes = b""
    increments: NDArray[np.uint32] = field(default_factory=_no_updates)
    """uint32[n]: occurrences of each word."""

    records: int = 0
    total_words: int = 0
    """Tokens, dropped ones included."""

    dropped_tokens: int = 0
    dropped_bytes: int = 0
    unsent: float = 0.0
    """Sightings that any one word may have had besides, forgotten before they could be sent."""

    @property
    def nbytes(self) -> int:
        """Size of what is sent."""
        return len(self.words) + self.increments.nbytes + 40

    @staticmethod
    def joined(parts: Sequence[CountChanges]) -> CountChanges:
        """All of them as one; a word may come more than once."""
        return CountChanges(
            b"".join(part.words for part in parts),
            np.concatenate([_no_updates(), *(part.increments for part in parts)]),
            sum(part.records for part in parts),
            sum(part.total_words for part in parts),
            sum(part.dropped_tokens for part in parts),
            sum(part.dropped_bytes for part in parts),
            sum(part.unsent for part in parts),
        )


@dataclass(frozen=True)
class RowChanges:
    """Rows of one of the matrices: from a learner what they learned, from a shard all of them."""

    words: bytes
    vectors: NDArray[np.int8] | NDArray[np.float32]
    """[n, D] in units: int8, or float32 where nothing was rounded."""

    units: NDArray[np.float32]
    """float32[n]: what the values of each row are multiples of."""

    updates: NDArray[np.uint32]
    """uint32[n]: how many made these changes; from a shard, of all workers ever."""

    is_new: NDArray[np.uint8]
    """uint8[n]: whether a learner sends the row for the first time, and whole."""

    unknown: bytes = b""
    """Words of which a shard was sent changes without having the row: to be sent whole."""

    @staticmethod
    def empty(words: bytes, n: int, vector_size: int, *, exact: bool) -> RowChanges:
        """Room for ``n`` rows."""
        return RowChanges(
            words,
            np.empty((n, vector_size), np.float32)
            if exact
            else np.empty((n, vector_size), np.int8),
            np.empty(n, np.float32),
            np.empty(n, np.uint32),
            np.zeros(n, np.uint8),
        )

    @property
    def exact(self) -> bool:
        """Whether nothing was rounded."""
        return self.vectors.dtype == np.float32

    @property
    def nbytes(self) -> int:
        """Size of what is sent."""
        arrays = sum(a.nbytes for a in (self.vectors, self.units, self.updates, self.is_new))
        return len(self.words) + arrays + len(self.unknown)


@dataclass(frozen=True)
class Update:
    """One message between a learner and a shard, of the words that belong to the shard."""

    counts: CountChanges
    vectors: RowChanges
    output_vectors: RowChanges

    @property
    def nbytes(self) -> int:
        """Size of what goes over the wire."""
        return self.counts.nbytes + self.vectors.nbytes + self.output_vectors.nbytes
