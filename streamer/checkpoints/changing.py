"""Words that begin to change: told once a snapshot is on disk, in a thread of its own."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v_online.config import CHANGING_MIN_COUNT
from w2v_online.errors import SnapshotError
from w2v_online.snapshots import reader

if TYPE_CHECKING:
    from w2v_online.analysis.changes import Change

MOST = 20
"""Words told for one snapshot; :attr:`Changing.words` counts all."""


class Changing:
    """Reads the change scores of each new snapshot, one thread at a time.

    A word is told when it begins to change, and again only after it had stopped.
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self._thread: threading.Thread | None = None
        self._known: set[str] = set()
        self.words: int | None = None
        """Frequent words that are changing in the last snapshot; None if that is not known."""

    def start(self, path: Path) -> None:
        """Read the snapshot at ``path`` in the background, unless one is being read."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._thread = threading.Thread(
            target=self._read, args=(path,), name="changing", daemon=True
        )
        self._thread.start()

    def wait(self) -> None:
        """Wait until it is done."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _read(self, path: Path) -> None:
        try:
            snapshot = reader.read(path)
            if reader.CHANGE_SCORES not in snapshot.manifest["files"]:
                return
            if not np.any(snapshot.counts[:1] >= CHANGING_MIN_COUNT):
                self.words, self._known = 0, set()
                return
            # Imported here: a model of a few words does not need it.
            from w2v_online.analysis.changes import change_scores, changes_of, changing_rows
            from w2v_online.analysis.content_words import CONSIDERED
            from w2v_online.reading.vectors import load_vectors

            vectors = load_vectors(path)
            scores = change_scores(vectors)
            rows = changing_rows(vectors, scores)
            words = vectors.table.words
            is_new = [words[row] not in self._known for row in rows.tolist()]
            begun = changes_of(vectors, scores, rows[is_new][:MOST], restrict_vocab=CONSIDERED)
        except SnapshotError as error:  # pruned meanwhile, or a damaged disk
            self._log.warning("changes_unread", path=str(path), reason=str(error))
            return
        self.words = len(rows)
        self._known = {words[row] for row in rows.tolist()}
        for change in begun:
            self._tell(change)

    def _tell(self, change: Change) -> None:
        self._log.info(
            "word_changing",
            word=change.word,
            score=round(change.score, 2),
            count=round(change.count),
            neighbors=" ".join(change.neighbors),
        )
