"""What a question over HTTP is: a model of its parameters, and how its answer is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, get_origin

from pydantic import BaseModel, ConfigDict

from streamer.http.archive import Archive
from streamer.http.atlas import Atlas
from streamer.http.scorer import KeptScorer
from w2v_online.reading.vectors import WordVectors


@dataclass(frozen=True)
class Kept:
    """What answers come from: the newest snapshot's vectors, all snapshots, map and scorer."""

    vectors: WordVectors
    archive: Archive
    atlas: Atlas
    scorer: KeptScorer


class Question(BaseModel):
    """Parameters of one path; ``answer`` is called in a thread that searches."""

    model_config = ConfigDict(extra="forbid")

    is_map: ClassVar[bool] = False
    """Whether it is the map, which takes seconds: answered in a thread of its own."""

    is_view: ClassVar[bool] = False
    """Whether it looks at many words or snapshots: answered in a thread of its own."""

    is_lasting: ClassVar[bool] = True
    """Whether the answer stays the same as long as the newest snapshot does."""

    max_body_bytes: ClassVar[int] = 0
    """If not 0 it is asked by POST: its parameters are a JSON object of so many bytes at most."""

    @classmethod
    def repeated(cls) -> set[str]:
        """Parameters that may be given several times."""
        return {
            name for name, field in cls.model_fields.items() if get_origin(field.annotation) is list
        }

    def answer(self, kept: Kept) -> dict[str, Any]:
        """What goes into the response beside the snapshot's name."""
        raise NotImplementedError
