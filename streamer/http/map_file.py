"""The last map of a folder of snapshots, as a file in it: words stay there across restarts.

What cannot be read is no map, and what cannot be written is drawn again: nobody is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from streamer.http.map_process import Drawn, document_of, layout_of
from w2v_online.output import whole_file
from w2v_online.snapshots.reader import sequence_of

NAME = ".map.json"


@dataclass(frozen=True)
class SavedMap:
    """A map that was drawn before."""

    drawn: Drawn
    snapshot: str
    """Name of the snapshot that it shows."""
    words: int
    """Words of the stream up to there."""


class MapFile:
    """``folder`` is one of snapshots; in a snapshot itself, nothing is written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._is_kept = sequence_of(folder.name) < 0

    def read(self) -> SavedMap | None:
        """The map that was saved last."""
        if not self._is_kept:
            return None
        try:
            document: dict[str, Any] = orjson.loads(self._path.read_bytes())
            layout = layout_of(document)
            clusters = [
                {
                    "name": [str(word) for word in cluster["name"]],
                    "x": float(cluster["x"]),
                    "y": float(cluster["y"]),
                    "words": int(cluster["words"]),
                }
                for cluster in document["clusters"]
            ]
            saved = SavedMap(
                Drawn(layout, clusters), str(document["snapshot"]), int(document["stream_words"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if len(layout.words) != len(layout.positions) or not math.isfinite(layout.positions.sum()):
            return None
        return saved

    def write(self, saved: SavedMap) -> None:
        """Keep this one instead."""
        if not self._is_kept:
            return
        document = {
            "snapshot": saved.snapshot,
            "stream_words": saved.words,
            **document_of(saved.drawn.layout),
            "clusters": saved.drawn.clusters,
        }
        try:
            with whole_file(self._path) as file:
                file.write(orjson.dumps(document))
        except OSError:
            pass
