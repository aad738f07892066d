"""The questions about words of the newest snapshot, as models: parameters, limits and answers.

One declaration for checking requests and for the OpenAPI description.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException

from streamer.http.question import Kept, Question
from w2v_online.reading.table import VectorTable
from w2v_online.reading.vectors import WordVectors
from w2v_online.reading.words import word_id

MAX_WORDS = 16
"""Words in one request: an answer stays in the tens of kilobytes."""

MAX_TOPN = 1000

Word = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Words = Annotated[list[Word], Field(min_length=1, max_length=MAX_WORDS)]
TopN = Annotated[int, Field(ge=1, le=MAX_TOPN)]


INFER: Any = Field(
    False,
    description="Infer vectors of unknown words from their spelling, of models that were learned "
    "with --subwords. The answer marks them as `inferred`.",
)


class Neighbors(Question):
    """The words nearest to each word, by cosine."""

    word: Words = Field(description="Word to ask about; repeated for several.")
    topn: int = Field(10, ge=1, le=MAX_TOPN, description="Answers to each word.")
    restrict_vocab: int | None = Field(
        None, ge=1, description="Search only the N most frequent words."
    )
    infer: bool = INFER

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"neighbors": {word: [{"word": ..., "cosine": ..., "count": ...}]}, "counts": {...}}``.

        ``counts`` are those of the words that were asked about; ``inferred`` has those whose vector
        was inferred, if there are any, ``unknown`` those without one.
        """
        vectors = kept.vectors
        inferred = inferred_of(vectors, self.word) if self.infer else {}
        known, unknown = _parted(vectors, self.word, inferred)
        found = vectors.most_similar_batch(known, self.topn, self.restrict_vocab)
        answers = dict(zip(known, found, strict=True))
        for word, vector in inferred.items():
            found = vectors.most_similar_batch(vector[None], self.topn, self.restrict_vocab)
            answers[word] = found[0]
        return {
            "neighbors": {
                word: with_counts(vectors.table, answers[word])
                for word in dict.fromkeys(self.word)
                if word in answers
            },
            "counts": {word: counted(vectors.table, word)["count"] for word in known},
            **({"inferred": list(inferred)} if inferred else {}),
            "unknown": unknown,
        }


class Similarity(Question):
    """The cosine of two words' vectors."""

    a: Word
    b: Word

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"similarity": cosine}``."""
        vectors = kept.vectors
        require(vectors, [self.a, self.b])
        return {"similarity": vectors.similarity(self.a, self.b)}


class Vectors(Question):
    """Vectors of words, and how often each word occurred."""

    word: Words = Field(description="Word to look up; repeated for several.")
    infer: bool = INFER

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"vectors": {word: {"id": ..., "count": ..., "vector": [...]}}}``.

        A vector that was inferred has ``"inferred": true`` and the count 0; ``unknown`` lists the
        words without one.
        """
        vectors = kept.vectors
        inferred = inferred_of(vectors, self.word) if self.infer else {}
        _, unknown = _parted(vectors, self.word, inferred)
        found = [word for word in self.word if word not in unknown]
        return {
            "vectors": {word: _vector(vectors, word, inferred) for word in found},
            "unknown": unknown,
        }


def _parted(
    vectors: WordVectors, words: list[str], inferred: dict[str, NDArray[np.float32]]
) -> tuple[list[str], list[str]]:
    """Those that have a vector, and those without one, an inferred one either.

    HTTPException 404 if that is all of them: one unknown word keeps no answer back.
    """
    others = [word for word in dict.fromkeys(words) if word not in inferred]
    known = [word for word in others if word in vectors]
    if not known and not inferred:
        require(vectors, words)
    return known, [word for word in others if word not in vectors]


def _vector(
    vectors: WordVectors, word: str, inferred: dict[str, NDArray[np.float32]]
) -> dict[str, Any]:
    if word in inferred:
        return {"id": word_id(word), "count": 0, "inferred": True, "vector": inferred[word]}
    row = vectors.table.rows[word]
    return {
        "id": word_id(word),
        "count": vectors.table.counts[row].item(),
        "vector": np.ascontiguousarray(vectors.table.vector(row)),
    }


class Analogy(Question):
    """The word that is to c as b is to a (3CosAdd)."""

    a: Word
    b: Word
    c: Word
    topn: TopN = Field(10, description="Answers.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"analogy": [{"word": ..., "cosine": ..., "count": ...}, ...]}``."""
        vectors = kept.vectors
        require(vectors, [self.a, self.b, self.c])
        found = vectors.analogy(self.a, self.b, self.c, self.topn)
        return {"analogy": with_counts(vectors.table, found)}


class Spellings(Question):
    """Known words spelled similarly: most similar first, frequent ones before rare ones."""

    word: str = Field(min_length=1, max_length=256)
    topn: int = Field(8, ge=1, le=100, description="Answers, at most.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"spellings": [{"word": ..., "count": ...}, ...]}``."""
        table = kept.vectors.table
        near = table.spellings(self.word, self.topn)
        return {"spellings": [counted(table, word) for word in near]}


class Frequent(Question):
    """The most frequent words."""

    offset: int = Field(0, ge=0, description="Number of most frequent words to skip.")
    topn: TopN = Field(100, description="Words.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"words": [{"word": ..., "count": ...}, ...]}``."""
        table = kept.vectors.table
        chosen = table.words[self.offset : self.offset + self.topn]
        return {"words": [counted(table, word) for word in chosen]}


def counted(table: VectorTable, word: str) -> dict[str, Any]:
    """A word with its count, as a document."""
    return {"word": word, "count": table.counts[table.rows[word]].item()}


def with_counts(table: VectorTable, found: list[tuple[str, float]]) -> list[dict[str, Any]]:
    """Words and cosines as documents, each with the word's count."""
    return [{**counted(table, word), "cosine": cosine} for word, cosine in found]


def inferred_of(vectors: WordVectors, words: list[str]) -> dict[str, NDArray[np.float32]]:
    """Inferred vectors of the words without one; HTTPException 404 if the model has no n-grams.

    A word of unknown spelling has none.
    """
    missing = [word for word in dict.fromkeys(words) if word not in vectors]
    if missing and not vectors.has_subwords:
        raise HTTPException(
            404, f"{missing[0]!r} has no vector, and the model was learned without --subwords"
        )
    found = {word: vectors.infer(word) for word in missing}
    return {word: vector for word, vector in found.items() if vector.any()}


def require(vectors: WordVectors, words: list[str]) -> None:
    """HTTPException 404 for the first that has no vector."""
    # Not left to the table: looking for near spellings would take the learner's time.
    for word in words:
        if word not in vectors:
            raise HTTPException(404, f"{word!r} has no vector")


WORD_QUESTIONS: dict[str, type[Question]] = {
    "/v1/neighbors": Neighbors,
    "/v1/similarity": Similarity,
    "/v1/vectors": Vectors,
    "/v1/analogy": Analogy,
    "/v1/spellings": Spellings,
    "/v1/words": Frequent,
}
