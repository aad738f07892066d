"""How good vectors are: word similarity and analogies on the standard file formats.

Questions, case folding and what counts as known are gensim's, so scores agree with its
``evaluate_word_pairs`` and ``evaluate_word_analogies`` on the same vectors; 3CosMul (Levy and
Goldberg 2014, equation 4) is added. Knows nothing of how the vectors came about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import FileFormatError
from w2v_online.reading.compressed import open_plain
from w2v_online.reading.table import VectorTable
from w2v_online.reading.vectors import WordVectors

RESTRICT_VOCAB = 300_000
"""Most frequent words that questions and answers are taken from, unless told otherwise."""

METHODS = ("3cosadd", "3cosmul")

_COSMUL_EPSILON = 1e-6
"""Keeps 3CosMul's denominator from zero (Levy and Goldberg use 0.001, gensim this)."""

_BLOCK_QUESTIONS = 512
_BLOCK_FLOATS = 1 << 25
"""Questions asked at once, and cosines that 3CosMul holds for them: at most 128 MB."""

_FOUND = 8
"""Answers looked at: the first that is not, in any case, a word of the question counts."""


@dataclass(frozen=True)
class SimilarityScore:
    """Agreement with people's judgements of word pairs; nan with fewer than two known pairs."""

    spearman: float
    pearson: float
    pairs: int
    """Pairs that were scored."""
    unknown_pairs: int
    """Pairs with a word that has no vector, left out."""


@dataclass(frozen=True)
class SectionScore:
    """Answers to one section's questions; ``correct`` by method."""

    name: str
    questions: int
    correct: dict[str, int]

    @property
    def accuracy(self) -> dict[str, float]:
        """Share of correct answers by method; nan without questions."""
        return {
            method: correct / self.questions if self.questions else float("nan")
            for method, correct in self.correct.items()
        }


@dataclass(frozen=True)
class AnalogyScore:
    """Answers to "a is to b as c is to ?", by section and in total."""

    total: SectionScore
    unknown_questions: int
    """Questions with a word that has no vector, left out."""
    sections: list[SectionScore] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    """Two words and how similar people find them."""

    first: str
    second: str
    judgement: float


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a word similarity file: two words and a judgement a line.

    Fields end at tabs, or commas, or white space, whichever the line has first in this order; the
    judgement is the first number from the third field on. Other lines (headings, comments with #)
    are passed over. FileFormatError if there is no pair at all.
    """
    pairs = []
    for line in _lines(path):
        if line.startswith("#"):
            continue
        separator = "\t" if "\t" in line else "," if "," in line else None
        fields = [text.strip() for text in line.split(separator)]
        judgement = next(
            (value for text in fields[2:] if (value := _number(text)) is not None), None
        )
        if judgement is not None and fields[0] and fields[1]:
            pairs.append(Pair(fields[0], fields[1], judgement))
    if not pairs:
        raise FileFormatError(f"{path} holds no word pairs: expected two words and a number a line")
    return pairs


def read_analogies(path: Path) -> dict[str, list[list[str]]]:
    """The questions of an analogy file by section: ``: name`` lines, and four words a line.

    Lines of another length are passed over. FileFormatError if there is no question at all.
    """
    sections: dict[str, list[list[str]]] = {}
    name = ""
    for line in _lines(path):
        if line.startswith(":"):
            name = line[1:].strip()
            continue
        words = line.split()
        if len(words) == 4:
            sections.setdefault(name, []).append(words)
    if not sections:
        raise FileFormatError(f"{path} holds no analogies: expected four words a line")
    return sections


def _lines(path: Path) -> list[str]:
    try:
        with open_plain(path) as (_, file):
            return file.read().decode().splitlines()
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is not UTF-8 text: {error.reason}") from error


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def evaluate_word_pairs(
    vectors: WordVectors,
    pairs: str | Path | list[Pair],
    *,
    restrict_vocab: int = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> SimilarityScore:
    """Correlation of cosines with judgements, over pairs of the ``restrict_vocab`` first words.

    With ``case_insensitive`` a word means its most frequent spelling in any case. Equal values
    share their mean rank. Raises FileFormatError.
    """
    if not isinstance(pairs, list):
        pairs = read_pairs(Path(pairs))
    table = vectors.table
    spelling = _Spelling(table, restrict_vocab, case_insensitive)
    rows = np.array([[spelling.row(p.first), spelling.row(p.second)] for p in pairs])
    known = (rows >= 0).all(axis=1)
    judgements = np.array([pair.judgement for pair in pairs])[known]
    first, second = (table.unit(rows[known, side]).astype(np.float64) for side in (0, 1))
    cosines = np.einsum("ij,ij->i", first, second)
    return SimilarityScore(
        spearman=_correlation(_ranks(judgements), _ranks(cosines)),
        pearson=_correlation(judgements, cosines),
        pairs=int(known.sum()),
        unknown_pairs=int((~known).sum()),
    )


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank of each value from 0 on, the mean of their ranks for equal ones."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = (ends - (counts + 1) / 2)[inverse]
    return ranks


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    if len(a) < 2:
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else float("nan")


class _Spelling:
    """Words as questions spell them, to rows."""

    def __init__(self, table: VectorTable, restrict_vocab: int, case_insensitive: bool) -> None:
        self._fold = str.upper if case_insensitive else str
        words = table.words[:restrict_vocab]
        self._rows: dict[str, int] = {}
        for row, word in enumerate(words):
            self._rows.setdefault(self._fold(word), row)
        self.words = words

    def row(self, word: str) -> int:
        """The first row with this spelling, -1 if there is none."""
        return self._rows.get(self._fold(word), -1)

    def first_rows(self) -> NDArray[np.int64]:
        """int64[V]: for each row the first one with the same spelling."""
        return np.array([self._rows[self._fold(word)] for word in self.words], np.int64)


def evaluate_word_analogies(
    vectors: WordVectors,
    analogies: str | Path | dict[str, list[list[str]]],
    *,
    restrict_vocab: int = RESTRICT_VOCAB,
    case_insensitive: bool = True,
    methods: tuple[str, ...] = METHODS,
) -> AnalogyScore:
    """Questions answered right, over those of the ``restrict_vocab`` first words.

    The answer is the nearest word that is not one of the question's, in any case with
    ``case_insensitive``. Raises FileFormatError.
    """
    if not isinstance(analogies, dict):
        analogies = read_analogies(Path(analogies))
    table = vectors.table
    spelling = _Spelling(table, restrict_vocab, case_insensitive)
    asked = [[spelling.row(word) for word in q] for qs in analogies.values() for q in qs]
    questions = np.array(asked, np.int64)
    known = (questions >= 0).all(axis=1)
    first_rows = spelling.first_rows()
    correct = {
        method: _answer(table, questions[known], len(first_rows), first_rows, method)
        for method in methods
    }
    sections = []
    section_of = np.repeat(np.arange(len(analogies)), [len(qs) for qs in analogies.values()])[known]
    for i, name in enumerate(analogies):
        chosen = section_of == i
        right = {method: int(answers[chosen].sum()) for method, answers in correct.items()}
        sections.append(SectionScore(name, int(chosen.sum()), right))
    totals = {method: int(answers.sum()) for method, answers in correct.items()}
    total = SectionScore("total", int(known.sum()), totals)
    return AnalogyScore(total, int((~known).sum()), sections)


def _answer(
    table: VectorTable,
    questions: NDArray[np.int64],
    searched: int,
    first_rows: NDArray[np.int64],
    method: str,
) -> NDArray[np.bool_]:
    """Whether each question (rows a, b, c, expected) is answered right."""
    right = np.zeros(len(questions), bool)
    find, size = _nearest_add, _BLOCK_QUESTIONS
    if method == "3cosmul":
        find, size = _nearest_mul, max(1, min(size, _BLOCK_FLOATS // (3 * max(1, searched))))
    for first in range(0, len(questions), size):
        block = questions[first : first + size]
        found = first_rows[find(table, block, searched)]
        is_allowed = (found[:, :, None] != block[:, None, :3]).all(axis=2)
        best = found[np.arange(len(block)), is_allowed.argmax(axis=1)]
        right[first : first + len(block)] = is_allowed.any(axis=1) & (best == block[:, 3])
    return right


def _nearest_add(
    table: VectorTable, questions: NDArray[np.int64], searched: int
) -> NDArray[np.int64]:
    """int64[questions, _FOUND]: rows by cosine with b - a + c, best first."""
    a, b, c = (table.unit(questions[:, side]) for side in range(3))
    # Of no unit length: cosines are then off by a factor, which leaves the order as it is.
    return table.nearest(b - a + c, _FOUND, searched)[0]


def _nearest_mul(
    table: VectorTable, questions: NDArray[np.int64], searched: int
) -> NDArray[np.int64]:
    """int64[questions, _FOUND]: rows by cos(b) cos(c) / cos(a), cosines shifted to [0, 1]."""
    asked, inverse = np.unique(questions[:, :3], return_inverse=True)
    columns = inverse.reshape(-1, 3).T
    cosines = np.ascontiguousarray(table.cosines(table.unit(asked), slice(0, searched)).T)
    cosines += 1.0
    cosines /= 2.0
    rows = np.empty((len(questions), min(_FOUND, searched)), np.int64)
    for i, (a, b, c) in enumerate(columns.T):
        scores = cosines[b] * cosines[c] / (cosines[a] + _COSMUL_EPSILON)
        rows[i] = _best(scores, rows.shape[1])
    return rows


def _best(scores: NDArray[np.float32], topn: int) -> NDArray[np.int64]:
    """int64[topn]: where the highest scores stand, best first."""
    # The best lie in the classes (positions modulo the number of classes) with the best maxima.
    classes = max(topn, len(scores) // 32)
    whole = len(scores) // classes * classes
    maxima = scores[:whole].reshape(-1, classes).max(axis=0)
    kept = np.argpartition(-maxima, topn - 1)[:topn]
    places = (kept + classes * np.arange(whole // classes)[:, None]).ravel()
    places = np.concatenate([places, np.arange(whole, len(scores))])
    best: NDArray[np.int64] = places[np.argsort(-scores[places], kind="stable")[:topn]]
    return best
