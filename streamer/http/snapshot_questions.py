"""The questions about many words or several snapshots: map, drift, history, and what there is.

Each is answered from the snapshots that are kept, most of them in the thread for views.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
from pydantic import Field
from starlette.exceptions import HTTPException

from streamer.http.atlas import MAP_WORDS
from streamer.http.question import Kept, Question
from streamer.http.word_questions import Word, counted
from w2v_online.analysis import changes, drift
from w2v_online.analysis.examples import examples
from w2v_online.config import CHANGING_MIN_COUNT
from w2v_online.errors import SnapshotError, UnknownWordError
from w2v_online.reading.changes import THRESHOLD

MAX_MOMENTS = 8
"""Snapshots, spread over those that are kept, that a word is followed through."""


class Snapshots(Question):
    """The snapshots that are kept, newest first."""

    is_lasting: ClassVar[bool] = False  # old ones go a moment after a new one has come

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"snapshots": [{"name": ..., "created": ..., "words": ..., "vocabulary": ...}]}``."""
        return {"snapshots": [asdict(entry) for entry in kept.archive.entries()]}


class Map(Question):
    """Map of the most frequent content words, aligned with the map of the previous snapshot."""

    is_map: ClassVar[bool] = True
    words: int = Field(
        MAP_WORDS,
        ge=3,
        le=MAP_WORDS,
        description="Most frequent words to show; new ones come besides.",
    )

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"map": {...}}``, columns as :meth:`streamer.http.atlas.Atlas.map` says."""
        try:
            columns = kept.atlas.map(kept.vectors)
        except ValueError as error:
            raise HTTPException(404, str(error)) from error
        n_words = len(columns["words"])
        places = range(n_words if self.words == MAP_WORDS else min(self.words, n_words))
        return {
            "map": {
                key: column if key in ("before", "clusters") else [column[i] for i in places]
                for key, column in columns.items()
            }
        }


class Examples(Question):
    """Words worth asking for: from different parts of the text, with near neighbours."""

    is_view: ClassVar[bool] = True
    topn: int = Field(24, ge=1, le=100, description="Words, at most.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"examples": [{"word": ..., "count": ...}, ...]}``, the most frequent first."""
        table = kept.vectors.table
        return {"examples": [counted(table, word) for word in examples(table, self.topn)]}


def _earlier(kept: Kept, since: str | None) -> str:
    """The name of a snapshot that is kept, the oldest unless one is given; HTTPException 404."""
    names = [entry.name for entry in kept.archive.entries()]
    if not names:
        raise HTTPException(404, "there are no snapshots any more")
    if since and since not in names:
        raise HTTPException(404, f"there is no snapshot {since!r} any more")
    return since or names[-1]


class Drift(Question):
    """The words whose meaning moved most since an earlier snapshot, then and now."""

    is_view: ClassVar[bool] = True
    since: str | None = Field(
        None, max_length=255, description="Name of that snapshot; the oldest unless given."
    )
    topn: int = Field(50, ge=1, le=1000, description="Words.")
    min_count: int = Field(drift.MIN_COUNT, ge=1, description="Minimum occurrences of a word.")
    min_relative: float = Field(
        drift.NOTABLE,
        ge=0,
        description="Words that moved at least so many times as far as words as frequent.",
    )

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"drift": {"since": ..., "words": [...]}}``; see w2v_online.analysis.drift.Movement."""
        since = _earlier(kept, self.since)
        if since == kept.vectors.path.name:
            raise HTTPException(404, "there is no earlier snapshot yet to compare with")
        try:
            found = drift.drift(
                kept.archive.earlier(since),
                kept.vectors,
                topn=self.topn,
                min_count=self.min_count,
                min_relative=self.min_relative,
            )
        except (SnapshotError, ValueError) as error:
            raise HTTPException(404, str(error)) from error
        return {"drift": {"since": since, "words": [asdict(movement) for movement in found]}}


class Changing(Question):
    """The words that are changing in the newest snapshot, without a second one to compare with."""

    is_view: ClassVar[bool] = True
    topn: int = Field(50, ge=1, le=1000, description="Words.")
    min_count: int = Field(CHANGING_MIN_COUNT, ge=1, description="Least occurrences of a word.")
    threshold: float = Field(
        changes.THRESHOLD,
        ge=0,
        description="Change score from which a word counts as changing; about 1 is usual.",
    )

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"changing": [...]}``; see w2v_online.analysis.changes.Change."""
        try:
            found = changes.changing(
                kept.vectors, topn=self.topn, min_count=self.min_count, threshold=self.threshold
            )
        except SnapshotError as error:
            raise HTTPException(404, str(error)) from error
        return {"changing": [asdict(change) for change in found]}


class Changes(Question):
    """What changed since an earlier snapshot: words that are new, moved or gone, a page at a time.

    New words come first, then those that moved, then those that are gone. New and moved words also
    have `count` and `vector`, moved ones also `cosine`.
    """

    is_view: ClassVar[bool] = True
    since: str | None = Field(
        None, max_length=255, description="Name of that snapshot; the oldest unless given."
    )
    threshold: float = Field(
        THRESHOLD, ge=-1, le=1, description="A vector moved if its cosine is below this."
    )
    offset: int = Field(0, ge=0, description="Number of changes to skip.")
    topn: int = Field(1000, ge=1, le=1000, description="Changes on a page.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"changes": {"since": ..., "new": n, "moved": n, "gone": n, "changes": [...]}}``."""
        since = _earlier(kept, self.since)
        try:
            found = kept.archive.changes(since, kept.vectors, self.threshold)
        except (SnapshotError, ValueError) as error:
            raise HTTPException(404, str(error)) from error
        table, n_new = found.table, len(found.new_rows)
        rows = np.concatenate([found.new_rows, found.moved_rows])
        page = range(self.offset, min(self.offset + self.topn, len(found)))
        documents: list[dict[str, Any]] = []
        for place in page:
            if place >= len(rows):
                documents.append({"change": "gone", "word": found.gone[place - len(rows)]})
                continue
            row = int(rows[place])
            change = "new" if place < n_new else "moved"
            document: dict[str, Any] = {"change": change, "word": table.words[row]}
            if place >= n_new:
                document["cosine"] = float(found.cosines[place - n_new])
            document |= {"count": table.counts[row].item(), "vector": np.array(table.vector(row))}
            documents.append(document)
        counts = {"new": n_new, "moved": len(found.moved_rows), "gone": len(found.gone)}
        return {"changes": {"since": since, **counts, "changes": documents}}


class History(Question):
    """One word through up to eight of the snapshots that are kept, oldest first."""

    is_view: ClassVar[bool] = True
    word: Word
    topn: int = Field(8, ge=1, le=100, description="Neighbours in each.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"history": [...]}``, see drift.Moment; at most MAX_MOMENTS of them."""
        try:
            moments = drift.history(
                kept.archive.folder, self.word, neighbors=self.topn, most=MAX_MOMENTS
            )
        except UnknownWordError as error:
            raise HTTPException(404, f"{self.word!r} has no vector in any snapshot") from error
        return {"history": [asdict(moment) for moment in moments]}


SNAPSHOT_QUESTIONS: dict[str, type[Question]] = {
    "/v1/snapshots": Snapshots,
    "/v1/map": Map,
    "/v1/examples": Examples,
    "/v1/drift": Drift,
    "/v1/changing": Changing,
    "/v1/changes": Changes,
    "/v1/history": History,
}
