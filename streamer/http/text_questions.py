"""The questions about texts: what is near to one, vectors of lines, and how surprising they are.

Texts become tokens as when the model was trained, by the code that embeds lines elsewhere.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, ClassVar

from pydantic import Field, StringConstraints
from starlette.exceptions import HTTPException

from streamer.http.question import Kept, Question
from streamer.http.word_questions import TopN, Words, require, with_counts
from w2v_online.config import By, Of
from w2v_online.errors import W2VError

MAX_TOKENS = 256
"""Tokens of a text that are looked up."""

MAX_TEXT = 4096

MAX_LINES = 1000
MAX_LINE = 65_536
"""Lines in one request, and characters in one of them."""

SHOWN_WORDS = 5
"""Words that are told of a line, as in an alert."""

Lines = Annotated[
    list[Annotated[str, StringConstraints(max_length=MAX_LINE)]],
    Field(min_length=1, max_length=MAX_LINES, description="Lines as they come."),
]


class Text(Question):
    """The words nearest to a text, of which rare words weigh most.

    The text is split by the model's own tokenizer. A token without a vector is looked up without
    the punctuation around it, and in lower case.
    """

    text: str = Field(min_length=1, max_length=MAX_TEXT, description="A text as it comes.")
    topn: TopN = Field(10, description="Answers.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"text": {"known": [...], "unknown": [...], "neighbors": [...]}}``."""
        vectors = kept.vectors
        known, unknown = [], []
        try:
            tokens = vectors.tokenize(self.text)
        except W2VError as error:
            raise HTTPException(503, str(error)) from error
        for token in tokens[:MAX_TOKENS]:
            word = next((w for w in _forms(token) if w in vectors), None)
            known.append(word) if word else unknown.append(token)
        found: list[tuple[str, float]] = []
        if known:
            own = set(known)
            near = vectors.most_similar([vectors.embed(known)], topn=self.topn + len(own))
            found = [(word, cosine) for word, cosine in near if word not in own][: self.topn]
        return {
            "text": {
                "known": known,
                "unknown": unknown,
                "neighbors": with_counts(vectors.table, found),
            }
        }


class Predict(Question):
    """The words that the model expects in the middle of a context, with probabilities."""

    word: Words = Field(description="Word of the context; repeated for several.")
    topn: TopN = Field(10, description="Answers.")

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"predict": [{"word": ..., "probability": ...}, ...]}``."""
        require(kept.vectors, self.word)
        try:
            found = kept.vectors.predict(self.word, self.topn)
        except W2VError as error:
            raise HTTPException(503, str(error)) from error
        return {"predict": [{"word": word, "probability": p} for word, p in found]}


class Embed(Question):
    """A vector for each line: the weighted mean of its tokens' vectors, rare words first.

    Lines are split by the model's own tokenizer. A line without a known token has zeros.
    """

    max_body_bytes: ClassVar[int] = 1 << 20
    is_view: ClassVar[bool] = True
    is_lasting: ClassVar[bool] = False
    lines: Lines

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"embed": {"vectors": [[...]], "tokens": [...], "known_tokens": [...]}}``."""
        try:
            embedded = kept.vectors.lines.embed([line.encode() for line in self.lines])
        except W2VError as error:
            raise HTTPException(503, str(error)) from error
        return {
            "embed": {
                "vectors": embedded.vectors,
                "tokens": embedded.tokens,
                "known_tokens": embedded.known_tokens,
            }
        }


class Score(Question):
    """How surprising lines are to the newest model that can score, as `w2v-stream score` tells.

    Each line of the answer has its number among those sent, its surprise in nats, its surprise by
    contexts alone and by rarity alone, `log_probability` (with negative sampling `log_sigmoid`),
    and its most surprising words. `p` is the share of recent records that were at least as
    surprising, null unless `run --alerts` measures by the same `by` and `of`.
    """

    max_body_bytes: ClassVar[int] = 1 << 20
    is_view: ClassVar[bool] = True
    is_lasting: ClassVar[bool] = False
    lines: Lines
    by: By | None = Field(
        None, description="As of `score`; default: as of `run --alerts`, or mean."
    )
    of: Of | None = Field(
        None, description="As of `score`; default: as of `run --alerts`, or context."
    )

    def answer(self, kept: Kept) -> dict[str, Any]:
        """``{"score": {"by": ..., "of": ..., "lines": [{"line": 1, "surprise": ...}, ...]}}``."""
        # Imported here: the server answers other questions without any training code.
        from streamer.scoring.lines import ScoredLines, chosen_measure

        scorer = kept.scorer.get()
        measure = chosen_measure(scorer, self.by, self.of)
        try:
            split = kept.vectors.lines.text.split([line.encode() for line in self.lines])
        except W2VError as error:
            raise HTTPException(503, str(error)) from error
        scored = ScoredLines.by(scorer, measure, split.tokens, separated=split.is_separated)
        lines = [
            {
                "line": line + 1,
                **scored.figures(i),
                "tokens": int(scored.scores.words[i]),
                "unknown_tokens": int(scored.scores.unknown_words[i]),
                "words": scored.most_surprising_words(i, SHOWN_WORDS),
            }
            for i, line in enumerate(split.lines.tolist())
        ]
        snapshot = {} if scorer.snapshot is None else {"snapshot": scorer.snapshot.path.name}
        return {**snapshot, "score": {**measure.as_dict(), "lines": lines}}


def _forms(token: str) -> list[str]:
    """How a word of a text may be written in the vocabulary: as it is, bare, in lower case."""
    bare = token
    while bare and unicodedata.category(bare[0])[0] == "P":
        bare = bare[1:]
    while bare and unicodedata.category(bare[-1])[0] == "P":
        bare = bare[:-1]
    return [token, bare, token.lower(), bare.lower()]


TEXT_QUESTIONS: dict[str, type[Question]] = {
    "/v1/text": Text,
    "/v1/predict": Predict,
    "/v1/embed": Embed,
    "/v1/score": Score,
}
