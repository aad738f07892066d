"""The quality probe: a test set that the learner is scored on whenever a snapshot is written.

Cheap by construction: only the most frequent words take part, and of a long file a sample is used,
the same one every time. Reads the learner and changes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from streamer.errors import ConfigurationError
from w2v_online.analysis.evaluation import (
    evaluate_word_analogies,
    evaluate_word_pairs,
    read_analogies,
    read_pairs,
)
from w2v_online.errors import FileFormatError
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.reading.vectors import WordVectors

PROBE_WORDS = 30_000
"""Most frequent words, the only ones that questions and answers are taken from."""

PROBE_QUESTIONS = 1_000
"""Maximum number of questions from an analogy file, evenly spread over it."""


class QualityProbe:
    """The questions of one file, word pairs or analogies; ConfigurationError if it is neither."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._analogies: list[list[str]] = []
        try:
            self._pairs = read_pairs(file)
        except FileFormatError:
            self._pairs = []
            try:
                sections = read_analogies(file)
            except FileFormatError as error:
                raise ConfigurationError(
                    f"--probe: {error}; word pairs are lines of two words and a number"
                ) from error
            questions = [question for section in sections.values() for question in section]
            chosen = np.linspace(0, len(questions) - 1, min(PROBE_QUESTIONS, len(questions)))
            self._analogies = [questions[int(i)] for i in chosen]

    def ask(self, learner: OnlineWord2Vec) -> dict[str, Any]:
        """The score now, for the log and the manifest.

        ``spearman`` of word pairs or ``accuracy`` of analogies (3CosAdd), None if too few of their
        words have vectors; the number of questions, and of those with unknown words.
        """
        weighted = learner.vocabulary.weighted_counts
        rows = np.argsort(-weighted, kind="stable")[:PROBE_WORDS].astype(np.int32)
        words = bytes(learner.vocabulary.word_lines(rows)).decode().split("\n")[:-1]
        vectors = WordVectors.from_arrays(words, learner.embeddings.vectors[rows])
        result: dict[str, Any] = {"file": self._file.name}
        if self._pairs:
            similarity = evaluate_word_pairs(vectors, self._pairs)
            result["spearman"] = _rounded(similarity.spearman)
            result |= {"pairs": similarity.pairs, "unknown_pairs": similarity.unknown_pairs}
            return result
        analogies = evaluate_word_analogies(
            vectors, {"probe": self._analogies}, methods=("3cosadd",)
        )
        result["accuracy"] = _rounded(analogies.total.accuracy["3cosadd"])
        result["questions"] = analogies.total.questions
        result["unknown_questions"] = analogies.unknown_questions
        return result


def _rounded(score: float) -> float | None:
    return None if np.isnan(score) else round(score, 4)
