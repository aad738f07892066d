"""The questions that can be asked over HTTP, as models: parameters, limits and answers.

One declaration for checking requests and for the OpenAPI description.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.exceptions import HTTPException

from w2v_online.vectors import WordVectors

MAX_WORDS = 16
"""Words in one request: an answer stays in the tens of kilobytes."""

MAX_TOPN = 1000

Word = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Words = Annotated[list[Word], Field(min_length=1, max_length=MAX_WORDS)]


class Question(BaseModel):
    """Parameters of one path; ``answer`` is called in the thread that searches."""

    model_config = ConfigDict(extra="forbid")

    def answer(self, vectors: WordVectors) -> dict[str, Any]:
        """What goes into the response beside the snapshot's name."""
        raise NotImplementedError


class Neighbors(Question):
    """The words nearest to each word, by cosine."""

    word: Words = Field(description="Word to ask about; repeated for several.")
    topn: int = Field(10, ge=1, le=MAX_TOPN, description="Answers to each word.")
    restrict_vocab: int | None = Field(
        None, ge=1, description="Look only at so many most frequent words."
    )

    def answer(self, vectors: WordVectors) -> dict[str, Any]:
        """``{"neighbors": {word: [{"word": ..., "cosine": ...}, ...]}}``."""
        _require(vectors, self.word)
        answers = vectors.most_similar_batch(self.word, self.topn, self.restrict_vocab)
        return {
            "neighbors": {
                word: [{"word": near, "cosine": cosine} for near, cosine in found]
                for word, found in zip(self.word, answers, strict=True)
            }
        }


class Similarity(Question):
    """The cosine of two words' vectors."""

    a: Word
    b: Word

    def answer(self, vectors: WordVectors) -> dict[str, Any]:
        """``{"similarity": cosine}``."""
        _require(vectors, [self.a, self.b])
        return {"similarity": vectors.similarity(self.a, self.b)}


class Vectors(Question):
    """Vectors of words, and how often each was seen."""

    word: Words = Field(description="Word to look up; repeated for several.")

    def answer(self, vectors: WordVectors) -> dict[str, Any]:
        """``{"vectors": {word: {"count": ..., "vector": [...]}}}``."""
        _require(vectors, self.word)
        table = vectors.table
        rows = [table.rows[word] for word in self.word]
        return {
            "vectors": {
                word: {
                    "count": table.counts[row].item(),
                    "vector": np.ascontiguousarray(table.vector(row)),
                }
                for word, row in zip(self.word, rows, strict=True)
            }
        }


def _require(vectors: WordVectors, words: list[str]) -> None:
    # Not left to the table: looking for near spellings would take the learner's time.
    for word in words:
        if word not in vectors:
            raise HTTPException(404, f"{word!r} has no vector")


QUESTIONS: dict[str, type[Question]] = {
    "/v1/neighbors": Neighbors,
    "/v1/similarity": Similarity,
    "/v1/vectors": Vectors,
}
