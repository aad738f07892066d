"""The snapshots of a folder as questions see them: the newest in memory, one earlier at hand.

What a question is given never changes under it: a newer snapshot is another object. Safe in
threads. Looks for a newer snapshot when somebody asks, not before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from w2v_online.errors import SnapshotError
from w2v_online.reading.changes import Changes
from w2v_online.reading.vectors import WordVectors, load_vectors
from w2v_online.snapshots import reader

LOOK_SECONDS = 1.0
"""How often it is looked for a newer snapshot, at most."""

_MANIFESTS = 256
"""Entries that are remembered: as many snapshots as a folder may hold with hours and days kept."""


@dataclass(frozen=True)
class Entry:
    """One complete snapshot of the folder, as its manifest describes it."""

    name: str
    created: str
    words: int
    """Words of the stream so far."""
    vocabulary: int


class Archive:
    """The complete snapshots below ``folder``, or the one snapshot that it is.

    ``tokenizer`` are keywords of :func:`load_vectors` about how text is split.
    """

    def __init__(self, folder: Path, *, tokenizer: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self._tokenizer = dict(tokenizer or {})
        self._lock = threading.Lock()
        self._earlier_lock = threading.Lock()
        self._newest: WordVectors | None = None
        self._looked_at = 0.0
        self._earlier: WordVectors | None = None
        self._changes: tuple[tuple[str, str, float], Changes] | None = None
        self._entry = lru_cache(_MANIFESTS)(_read_entry)

    def newest(self, *, at_once: bool = False) -> WordVectors:
        """The newest complete snapshot, ready for questions; SnapshotError if there is none.

        It is looked for a newer one every LOOK_SECONDS, or ``at_once``.
        """
        with self._lock:
            now = time.monotonic()
            if at_once or self._newest is None or now - self._looked_at > LOOK_SECONDS:
                self._newest = self._look(self._newest)
                self._looked_at = now
            return self._newest

    def _look(self, loaded: WordVectors | None) -> WordVectors:
        if loaded is not None and reader.newest_name(self.folder) in ("", loaded.path.name):
            return loaded
        vectors = load_vectors(self.folder, **self._tokenizer)
        if loaded is not None and vectors.path == loaded.path:
            return loaded
        vectors.table.prepare()
        return vectors

    def entries(self) -> list[Entry]:
        """The complete snapshots, newest first; damaged ones and those that vanish are left out."""
        paths = reader.folders(self.folder) or [self.newest().path]
        found = []
        for path in paths:
            try:
                found.append(self._entry(path))
            except SnapshotError:
                continue
        return found

    def earlier(self, name: str) -> WordVectors:
        """One of :meth:`entries`; the last one asked for stays in memory. Raises SnapshotError."""
        with self._earlier_lock:
            return self._load_earlier(name)

    def _load_earlier(self, name: str) -> WordVectors:
        if self._earlier is None or self._earlier.path.name != name:
            self._earlier = None  # gone before the next one is there: two would be in memory
            self._earlier = load_vectors(self._path(name))
        return self._earlier

    def changes(self, since: str, vectors: WordVectors, threshold: float) -> Changes:
        """What changed since one of :meth:`entries`; the last answer stays, for its other pages."""
        asked = since, vectors.path.name, threshold
        if self._changes is None or self._changes[0] != asked:
            self._changes = asked, vectors.changes(self.earlier(since), threshold)
        return self._changes[1]

    def words(self, name: str) -> list[str]:
        """The words of one of :meth:`entries` alone. Raises SnapshotError."""
        return reader.read(self._path(name)).words()

    def _path(self, name: str) -> Path:
        return self.folder if self.folder.name == name else self.folder / name


def _read_entry(path: Path) -> Entry:
    manifest: dict[str, Any] = reader.read(path).manifest
    totals = manifest.get("totals", {})
    return Entry(
        path.name,
        str(manifest.get("created", "")),
        int(totals.get("words", 0)),
        int(totals.get("vocabulary", 0)),
    )
