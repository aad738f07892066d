"""The map of the most frequent words, the same from snapshot to snapshot, and what is told of each.

Each layout begins with the one before, so that words stay where they were, also when the server was
started again (:mod:`streamer.http.map_file`). They are made in a process of their own
(:mod:`streamer.http.map_process`).
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice, takewhile
from typing import Any

import numpy as np

from streamer.http.archive import Archive, Entry
from streamer.http.map_file import MapFile, SavedMap
from streamer.http.map_process import Drawn, MapProcess
from w2v_online.analysis.drift import Comparison, usual
from w2v_online.errors import SnapshotError
from w2v_online.reading.table import VectorTable
from w2v_online.reading.vectors import WordVectors

MAP_WORDS = 3000
"""Words that are laid out; a smaller map shows the first of them."""

NEWCOMERS = 50
"""Words new since the snapshot before, the most frequent of them, that are on the map besides."""

NEWCOMER_COUNT = 50
"""Occurrences below which a new word's place says nothing yet."""

_AGE_SNAPSHOTS = 8
"""Snapshots, spread over those that are kept, that tell since when a word has a vector."""


class Atlas:
    """Maps of an archive's snapshots; the last one is remembered. Called from one thread.

    They are made beside ``training_threads``.
    """

    def __init__(self, archive: Archive, training_threads: int = 0) -> None:
        self._archive = archive
        self._file = MapFile(archive.folder)
        self._last = self._file.read()
        self._name = ""
        self._map: dict[str, Any] = {}
        self._process = MapProcess(training_threads)

    def map(self, vectors: WordVectors) -> dict[str, Any]:
        """Columns, an entry a word: ``words x y counts ages is_new moved relative``; ``clusters``.

        The MAP_WORDS most frequent content words come first, then up to NEWCOMERS that are rarer.
        ``ages`` are seconds since the first snapshot kept that has the word; ``moved`` is one minus
        the cosine with the word's vector in the snapshot named ``before``, ``relative`` that over
        what words as frequent moved; null where there is nothing to compare.
        """
        if self._name == vectors.path.name:
            return self._map
        entries = self._archive.entries()
        names = [entry.name for entry in entries]
        place = names.index(vectors.path.name) if vectors.path.name in names else 0
        older = entries[place + 1 :]
        newcomers = self._newcomers(vectors, older[:1])
        drawn = self._drawn(vectors, newcomers)
        layout = drawn.layout
        rows = [vectors.table.row(word) for word in layout.words]
        is_new, moved, relative = self._changes(layout.words, vectors, older[:1])
        self._map = {
            "before": older[0].name if older else None,
            "words": layout.words,
            "x": layout.positions[:, 0].round(4).tolist(),
            "y": layout.positions[:, 1].round(4).tolist(),
            "counts": vectors.counts[rows].tolist(),
            "ages": self._ages(layout.words, entries[place : place + 1], older),
            "is_new": is_new,
            "moved": moved,
            "relative": relative,
            "clusters": [{**found, "name": ", ".join(found["name"])} for found in drawn.clusters],
        }
        self._name = vectors.path.name
        return self._map

    def _drawn(self, vectors: WordVectors, newcomers: list[str]) -> Drawn:
        """The layout of a snapshot, which begins with the last one of the same model."""
        name, words = vectors.path.name, int(vectors.manifest.get("totals", {}).get("words", 0))
        last = self._last
        is_same = last is not None and (last.snapshot, last.words) == (name, words)
        if last and is_same and all(word in vectors for word in last.drawn.layout.words):
            return last.drawn
        # A model that has read less than the last one is another one: words lie elsewhere in it.
        previous = None if last is None or words < last.words else last.drawn.layout
        drawn = self._process.draw(vectors.path, MAP_WORDS, newcomers, previous)
        self._last = SavedMap(drawn, name, words)
        self._file.write(self._last)
        return drawn

    def close(self) -> None:
        """Draw no more."""
        self._process.close()

    def _newcomers(self, vectors: WordVectors, before: list[Entry]) -> list[str]:
        """Words beyond the most frequent that the snapshot before does not know, frequent first."""
        rarer = vectors.words[MAP_WORDS:]
        try:
            known = set(self._archive.words(before[0].name)) if rarer else set()
        except (IndexError, SnapshotError):
            return []
        counted = zip(rarer, vectors.counts[MAP_WORDS:].tolist(), strict=True)
        frequent = takewhile(lambda entry: entry[1] >= NEWCOMER_COUNT, counted)
        return list(islice((word for word, _ in frequent if word not in known), NEWCOMERS))

    def _changes(
        self, words: list[str], vectors: WordVectors, before: list[Entry]
    ) -> tuple[list[bool], list[float | None], list[float | None]]:
        """Whether each word is new since ``before``, what it moved, and that among its peers."""
        unknown: list[float | None] = [None] * len(words)
        try:
            old = self._archive.earlier(before[0].name).table
        except (IndexError, SnapshotError):
            return [False] * len(words), unknown, unknown
        is_new = [word not in old.rows for word in words]
        try:
            moved, relative = _movements(words, old, vectors.table)
        except ValueError:  # vectors of another size
            return is_new, unknown, unknown
        return is_new, moved, relative

    def _ages(self, words: list[str], newest: list[Entry], older: list[Entry]) -> list[float]:
        """Seconds before the newest snapshot when each word first had a vector in one looked at."""
        ages = dict.fromkeys(words, 0.0)
        missing = set(words)
        step = max(1, -(-len(older) // _AGE_SNAPSHOTS))
        # From the oldest on: it has nearly all of them, and the others need not be read then.
        for entry in older[::-step] if older else []:
            if not missing:
                break
            try:
                found = missing.intersection(self._archive.words(entry.name))
            except SnapshotError:
                continue
            missing -= found
            ages.update(dict.fromkeys(found, _seconds_between(entry, newest[0])))
        return list(ages.values())


def _movements(
    words: list[str], old: VectorTable, new: VectorTable
) -> tuple[list[float | None], list[float | None]]:
    places = [i for i, word in enumerate(words) if word in old.rows]
    old_rows = [old.rows[words[i]] for i in places]
    moved = Comparison(old, new).moved(old_rows, [new.rows[words[i]] for i in places])
    relative = moved / usual(moved, np.array(old_rows, np.int64)) if places else moved
    columns: tuple[list[float | None], list[float | None]] = (
        [None] * len(words),
        [None] * len(words),
    )
    for column, values in zip(columns, (moved.round(4), relative.round(2)), strict=True):
        for place, value in zip(places, values.tolist(), strict=True):
            column[place] = value
    return columns


def _seconds_between(earlier: Entry, later: Entry) -> float:
    try:
        span = datetime.fromisoformat(later.created) - datetime.fromisoformat(earlier.created)
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, span.total_seconds())
