"""How good vectors are: word similarity and analogies, by gensim's own evaluation.

The same words in the same order for every program, so all are asked the same questions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from gensim.models import KeyedVectors
from gensim.test.utils import datapath

from benchmarks.programs import Vectors
from w2v_online import OnlineWord2Vec, WordVectors
from w2v_online.analysis import evaluation

ANALOGY_WORDS = 30_000
"""Most frequent words that questions and answers are taken from."""

SCORES = {"wordsim353": "WordSim-353", "simlex999": "SimLex-999", "analogies": "analogies %"}
"""The scores, all times 100, and what tables call them."""


@dataclass(frozen=True)
class Quality:
    """Scores of one program's vectors; nan where the text has too few of the words asked for."""

    wordsim353: float
    simlex999: float
    analogies: float


def evaluate(vectors: Vectors, frequent: list[str]) -> Quality:
    """Scores of vectors, given the words of the text that have one, most frequent first."""
    keyed = _keyed(vectors, frequent)
    accuracy, _ = keyed.evaluate_word_analogies(
        datapath("questions-words.txt"), restrict_vocab=ANALOGY_WORDS
    )
    return Quality(*_similarity(keyed), analogies=100 * accuracy)


def similarity(vectors: Vectors, frequent: list[str]) -> tuple[float, float]:
    """WordSim-353 and SimLex-999 alone: a second instead of a minute."""
    return _similarity(_keyed(vectors, frequent))


def _keyed(vectors: Vectors, frequent: list[str]) -> KeyedVectors:
    rows = {word: row for row, word in enumerate(vectors[0])}
    words = [word for word in frequent if word in rows]
    keyed = KeyedVectors(vectors[1].shape[1])
    keyed.add_vectors(words, vectors[1][[rows[word] for word in words]].astype(np.float32))
    return keyed


def _similarity(keyed: KeyedVectors) -> tuple[float, float]:
    return _spearman(keyed, "wordsim353.tsv"), _spearman(keyed, "simlex999.txt")


def _spearman(keyed: KeyedVectors, name: str) -> float:
    """Rank correlation with people's judgement, times 100; unknown pairs are left out."""
    try:
        _, spearman, _ = keyed.evaluate_word_pairs(datapath(name))
    except ValueError:  # none of its pairs is known
        return math.nan
    return 100 * float(spearman[0])


def vectors_of(model: OnlineWord2Vec) -> WordVectors:
    """What a snapshot of the model would publish, without writing one."""
    order = np.argsort(-model.vocabulary.counts, kind="stable")
    words = model.vocabulary.words()
    return WordVectors.from_arrays([words[i] for i in order], model.vectors()[order])


def own_scores(vectors: WordVectors) -> dict[str, float]:
    """``SCORES`` by our own evaluation, in a second: it agrees with gensim's."""
    pairs = [
        evaluation.evaluate_word_pairs(vectors, evaluation.read_pairs(Path(datapath(name))))
        for name in ("wordsim353.tsv", "simlex999.txt")
    ]
    analogies = evaluation.evaluate_word_analogies(
        vectors,
        evaluation.read_analogies(Path(datapath("questions-words.txt"))),
        restrict_vocab=ANALOGY_WORDS,
        methods=("3cosadd",),
    )
    accuracy = analogies.total.accuracy["3cosadd"]
    values = [100 * value for value in (pairs[0].spearman, pairs[1].spearman, accuracy)]
    return dict(zip(SCORES, values, strict=True))
