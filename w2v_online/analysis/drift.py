"""Whose meaning moved: two snapshots compared word by word, or one word through many.

Vectors are laid over each other by orthogonal Procrustes on the words that stayed (Hamilton,
Leskovec & Jurafsky 2016); what a word moved is one minus its cosine with its old self. Rare words
always move more, because each occurrence moves them more, so words are ranked by what they moved
in relation to others seen as often.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online.analysis.alignment import robust_rotation
from w2v_online.errors import SnapshotError
from w2v_online.reading.table import VectorTable
from w2v_online.reading.vectors import WordVectors, load_vectors
from w2v_online.reading.words import as_dict
from w2v_online.snapshots import reader

MIN_COUNT = 100
"""Sightings below which a word's movement is mostly chance."""

FLOOR = 0.05
"""Least movement (one minus the cosine) that is reported. Below it is what learning on does to any
word: after 65 million words a million more move 0.7% of the vectors so far, and frequent words
hardly at all, so that in relation to their peers the least noise would seem much."""

NOTABLE = 1.5
"""Movement in relation to words seen as often from which a word is worth telling."""

_FITTED_WORDS = 10_000
"""Most frequent words that fix the rotation."""

_PEERS = 200
"""Words before and after one in the order of counts that its movement is compared with."""

_STEP = 20
"""Words that share one median: close enough in count."""


@dataclass(frozen=True)
class Movement:
    """What happened to one word between two snapshots."""

    word: str
    moved: float
    """One minus the cosine of its vectors: 0 stayed, 1 unrelated to what it was."""
    relative: float
    """``moved`` over the median of words seen as often, or over FLOOR if that is less."""
    old_count: float
    new_count: float
    old_neighbors: list[str]
    new_neighbors: list[str]

    @property
    def lost(self) -> list[str]:
        """Neighbours that are none any more."""
        return [word for word in self.old_neighbors if word not in self.new_neighbors]

    @property
    def gained(self) -> list[str]:
        """Neighbours that were none before."""
        return [word for word in self.new_neighbors if word not in self.old_neighbors]


@dataclass(frozen=True)
class Moment:
    """One word in one snapshot of a row."""

    snapshot: str
    created: str
    words: int
    """Words of the stream so far."""
    count: float
    moved: float
    """Since the snapshot before; nan in the first one of a model that knows the word."""
    moved_in_all: float
    """Since that first one."""
    neighbors: list[str]


def drift(
    old: WordVectors,
    new: WordVectors,
    *,
    topn: int = 50,
    min_count: float = MIN_COUNT,
    min_relative: float = NOTABLE,
    neighbors: int = 5,
) -> list[Movement]:
    """The ``topn`` words that moved most from ``old`` to ``new``, most first.

    Considered are words that both know and that ``new`` has counted ``min_count`` times (all, if
    nothing is known of its counts). Left out are those that moved less than FLOOR, so that of equal
    snapshots nothing remains, or less than ``min_relative`` times as far as words seen as often:
    early in training all words move, and that is no news. ValueError if there is no word to
    consider, or if the sizes of the vectors differ.
    """
    before, after = old.table, new.table
    comparison = Comparison(before, after)
    words = _considered(before, after, min_count)
    old_rows = _rows(before, words)
    new_rows = _rows(after, words)
    moved = comparison.moved(old_rows, new_rows)
    relative = moved / np.maximum(usual(moved, np.array(old_rows)), FLOOR)
    order = np.argsort(-relative, kind="stable")
    most = order[(moved[order] >= FLOOR) & (relative[order] >= min_relative)][:topn]
    chosen = [words[i] for i in most]
    old_near = old.most_similar_batch(chosen, neighbors)
    new_near = new.most_similar_batch(chosen, neighbors)
    return [
        Movement(
            word=words[i],
            moved=float(moved[i]),
            relative=float(relative[i]),
            old_count=before.counts[old_rows[i]].item(),
            new_count=after.counts[new_rows[i]].item(),
            old_neighbors=[word for word, _ in old_near[place]],
            new_neighbors=[word for word, _ in new_near[place]],
        )
        for place, i in enumerate(most.tolist())
    ]


def _considered(before: VectorTable, after: VectorTable, min_count: float) -> list[str]:
    counts = after.counts if after.counts.any() else np.full(len(after), np.inf)
    known = set(before.words)
    words = [
        word
        for word, count in zip(after.words, counts.tolist(), strict=True)
        if count >= min_count and word in known
    ]
    if not words:
        raise ValueError(
            f"{before.name} and {after.name} have no word in common that occurs at least "
            f"{min_count:g} times"
        )
    return words


def _rows(table: VectorTable, words: list[str]) -> list[int]:
    rows = as_dict(table.words)  # most of them are asked for
    return [rows[word] for word in words]


class Comparison:
    """Two tables laid over each other by the rotation that their frequent words agree on.

    ValueError if their vectors are of different sizes.
    """

    def __init__(self, before: VectorTable, after: VectorTable) -> None:
        if before.vector_size != after.vector_size:
            raise ValueError(
                f"{before.name} has vectors of {before.vector_size} numbers and {after.name} "
                f"of {after.vector_size}: they cannot be compared"
            )
        self._before, self._after = before, after
        found = [after.rows.get(word) for word in before.words[:_FITTED_WORDS]]
        shared = [(old_row, row) for old_row, row in enumerate(found) if row is not None]
        self._turn = robust_rotation(
            before.unit([old_row for old_row, _ in shared]), after.unit([row for _, row in shared])
        )

    def turned(self, old_rows: list[int]) -> NDArray[np.float64]:
        """float64[n, D]: the old unit vectors of words where they lie among the new ones."""
        turned: NDArray[np.float64] = self._before.unit(old_rows) @ self._turn
        return turned

    def moved(self, old_rows: list[int], new_rows: list[int]) -> NDArray[np.float64]:
        """float64[n]: one minus the cosine of each word's new vector with its old one."""
        cosines = np.einsum("ij,ij->i", self.turned(old_rows), self._after.unit(new_rows))
        moved: NDArray[np.float64] = 1.0 - np.minimum(cosines, 1.0)
        return moved


def usual(moved: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    """float64[n]: the median movement of each word's peers, its neighbours in ``order``.

    ``moved`` is float64[n], ``order`` int64[n]: rows, which lie in the order of counts.
    """
    ranked = np.argsort(order, kind="stable")
    medians = np.empty(len(moved))
    for place in range(0, len(ranked), _STEP):
        peers = ranked[max(0, place - _PEERS) : place + _STEP + _PEERS]
        medians[ranked[place : place + _STEP]] = np.median(moved[peers])
    return np.maximum(medians, 1e-9)


def history(
    folder: str | Path, word: str, *, neighbors: int = 5, most: int | None = None
) -> list[Moment]:
    """One word through the complete snapshots of a folder, oldest first; those without it left out.

    ``folder`` may be a snapshot itself, which is then the only one.
    Where vectors change their size a model has begun anew: nothing is compared with the one before.
    ``most``: look at so many snapshots, evenly spread, the oldest and the newest among them.
    Raises SnapshotError if there is no snapshot, UnknownWordError if none knows the word.
    """
    moments: list[Moment] = []
    first = previous = latest = None
    folder = Path(folder)
    alone = [folder] if reader.exists(folder / reader.MANIFEST) else []
    for path in spread(alone or reader.folders(folder)[::-1], most):
        try:
            latest = load_vectors(path)
        except SnapshotError:
            continue
        if word not in latest:
            continue
        if first is None or first.vector_size != latest.vector_size:
            first, previous = latest, None
        moments.append(
            Moment(
                snapshot=latest.path.name,
                created=str(latest.manifest.get("created", "")),
                words=int(latest.manifest.get("totals", {}).get("words", 0)),
                count=latest.counts[latest.table.row(word)].item(),
                moved=float("nan") if previous is None else _moved_word(previous, latest, word),
                moved_in_all=_moved_word(first, latest, word),
                neighbors=[near for near, _ in latest.most_similar(word, topn=neighbors)],
            )
        )
        previous = latest
    if latest is None:
        raise SnapshotError(f"{folder} holds no snapshot")
    if not moments:
        latest.table.row(word)  # raises, with near spellings
    return moments


def spread(paths: list[Path], most: int | None) -> list[Path]:
    """At most so many of ``paths``, evenly spread, the first and the last among them."""
    if most is None or len(paths) <= most:
        return paths
    places = np.linspace(0, len(paths) - 1, most).round().astype(int)
    return [paths[place] for place in places.tolist()]


def _moved_word(before: WordVectors, after: WordVectors, word: str) -> float:
    if before is after:
        return 0.0
    rows = [before.table.row(word)], [after.table.row(word)]
    return float(Comparison(before.table, after.table).moved(*rows)[0])
