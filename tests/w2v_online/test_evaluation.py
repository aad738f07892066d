"""Scores against plain Python, and against gensim's own evaluation on the same vectors."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pytest

from tests import reference
from w2v_online import WordVectors
from w2v_online.analysis.evaluation import (
    evaluate_word_analogies,
    evaluate_word_pairs,
    read_analogies,
    read_pairs,
)
from w2v_online.errors import FileFormatError


@pytest.fixture
def vectors() -> WordVectors:
    """60 words, some in two cases, with a hidden structure."""
    generator = np.random.default_rng(7)
    words = [f"w{number}" for number in range(50)] + [f"W{number}" for number in range(10)]
    grid = np.repeat(generator.normal(size=(6, 8)), 10, axis=0)
    table = grid + np.tile(generator.normal(size=(10, 8)), (6, 1))
    table += 0.5 * generator.normal(size=table.shape)
    return WordVectors.from_arrays(words, table.astype(np.float32))


def _pairs_file(folder: Path, vectors: WordVectors) -> Path:
    generator = np.random.default_rng(3)
    lines = ["# a comment", "word1\tword2\thuman"]
    for _ in range(80):
        first, second = generator.choice(50, 2, replace=False)
        judgement = round(3 * reference.cosine(vectors.vectors[first], vectors.vectors[second]))
        lines.append(f"w{first}\tW{second}\t{judgement + generator.integers(0, 4)}")
    lines.append("w1\tunknown\t5")
    file = folder / "pairs.tsv"
    file.write_text("\n".join(lines) + "\n")
    return file


def _analogies_file(folder: Path) -> Path:
    generator = np.random.default_rng(5)
    lines = []
    for section in ("one", "two"):
        lines.append(f": {section}")
        for _ in range(60):
            row, other = generator.choice(5, 2, replace=False)
            a, b = generator.choice(10, 2, replace=False)
            asked = (10 * row + a, 10 * row + b, 10 * other + a, 10 * other + b)
            lines.append(" ".join(f"{'wW'[number % 2]}{number}" for number in asked))
    lines.append("w1 w2 w3 unknown")
    file = folder / "questions.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_pairs_are_scored_like_plain_python_does(vectors: WordVectors, tmp_path: Path) -> None:
    file = _pairs_file(tmp_path, vectors)
    score = evaluate_word_pairs(vectors, file)
    known = [pair for pair in read_pairs(file) if pair.second != "unknown"]
    rows = [(int(pair.first[1:]), int(pair.second[1:])) for pair in known]
    cosines = [reference.cosine(vectors.vectors[a], vectors.vectors[b]) for a, b in rows]
    expected = reference.spearman([pair.judgement for pair in known], cosines)
    assert score.spearman == pytest.approx(expected, abs=1e-6)
    assert 0.2 < score.spearman < 0.98
    assert (score.pairs, score.unknown_pairs) == (80, 1)


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_analogies_are_answered_like_plain_python_does(
    vectors: WordVectors, tmp_path: Path, method: str
) -> None:
    file = _analogies_file(tmp_path)
    without_cases = WordVectors.from_arrays(vectors.words[:50], vectors.vectors[:50])
    score = evaluate_word_analogies(without_cases, file, methods=(method,))
    for name, section in zip(("one", "two"), score.sections, strict=True):
        expected = 0
        for question in read_analogies(file)[name]:
            if "unknown" in question:
                continue
            a, b, c, answer = (int(word[1:]) for word in question)
            found = reference.solve_analogy(
                without_cases.vectors, a, b, c, multiply=method == "3cosmul"
            )
            expected += found == answer
        assert section.correct[method] == expected
    assert 10 < score.total.correct[method] < 115
    assert (score.total.questions, score.unknown_questions) == (120, 1)


@pytest.mark.parametrize("restrict_vocab", [55, 300_000])
@pytest.mark.parametrize("case_insensitive", [True, False])
def test_scores_are_gensims(
    vectors: WordVectors, tmp_path: Path, restrict_vocab: int, case_insensitive: bool
) -> None:
    """Case folding, restricted vocabularies, ties and unknown words as gensim has them."""
    models = pytest.importorskip("gensim.models")
    keyed = models.KeyedVectors(vectors.vector_size)
    keyed.add_vectors(vectors.words, np.array(vectors.vectors))
    options = {"restrict_vocab": restrict_vocab, "case_insensitive": case_insensitive}
    pairs, questions = _pairs_file(tmp_path, vectors), _analogies_file(tmp_path)
    ours = evaluate_word_pairs(vectors, pairs, **options)
    pearson, spearman, unknown = keyed.evaluate_word_pairs(str(pairs), **options)
    assert ours.spearman == pytest.approx(spearman[0], abs=1e-6)
    assert ours.pearson == pytest.approx(pearson[0], abs=1e-6)
    assert 100 * ours.unknown_pairs / (ours.pairs + ours.unknown_pairs) == pytest.approx(unknown)
    score = evaluate_word_analogies(vectors, questions, **options)
    accuracy, sections = keyed.evaluate_word_analogies(str(questions), **options)
    assert [len(section["correct"]) for section in sections] == [
        section.correct["3cosadd"] for section in [*score.sections, score.total]
    ]
    if score.total.questions:
        assert score.total.accuracy["3cosadd"] == pytest.approx(accuracy)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tiger\tcat\t7.35", 7.35),
        ("tiger,cat,7.35", 7.35),
        ("sun-n moon-n 39", 39.0),
        ("old\tnew\tA\t1.58\t2.72", 1.58),
        ("new york\tcity\t8", 8.0),
    ],
)
def test_pair_files_of_every_layout_are_read(tmp_path: Path, line: str, expected: float) -> None:
    """WordSim-353 as TSV and CSV, MEN, SimLex-999 with its part of speech, words with spaces."""
    file = tmp_path / "pairs"
    file.write_text(f"Word 1\tWord 2\tHuman (mean)\r\n\nnot\tjudged\tnan\r\n{line}\r\n")
    assert [pair.judgement for pair in read_pairs(file)] == [expected]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_files_of_editors_are_read(tmp_path: Path, encoding: str) -> None:
    """With a byte order mark, also compressed; without one UTF-16 is refused, never read wrong."""
    text = "café\tthé\t9\n"
    (tmp_path / "pairs").write_bytes(gzip.compress(text.encode(encoding)))
    (tmp_path / "questions").write_bytes(": é\na b c d\n".encode(encoding))
    if encoding == "utf-16-le":
        with pytest.raises(FileFormatError):
            read_pairs(tmp_path / "pairs")
        return
    assert [pair.first for pair in read_pairs(tmp_path / "pairs")] == ["café"]
    assert read_analogies(tmp_path / "questions") == {"é": [["a", "b", "c", "d"]]}


def test_files_without_questions_are_named(vectors: WordVectors, tmp_path: Path) -> None:
    file = tmp_path / "prose.txt"
    file.write_text("some prose that asks nothing at all\n")
    for evaluate in (evaluate_word_pairs, evaluate_word_analogies):
        with pytest.raises(FileFormatError, match=r"prose\.txt holds no"):
            evaluate(vectors, file)
        with pytest.raises(FileFormatError, match="cannot be read"):
            evaluate(vectors, tmp_path / "missing")


def test_unknown_words_alone_give_no_score(vectors: WordVectors, tmp_path: Path) -> None:
    file = tmp_path / "pairs"
    file.write_text("x y 1\nz u 2\n")
    score = evaluate_word_pairs(vectors, file)
    assert math.isnan(score.spearman)
    assert (score.pairs, score.unknown_pairs) == (0, 2)
    file.write_text("x y z u\n")
    answers = evaluate_word_analogies(vectors, file)
    assert math.isnan(answers.total.accuracy["3cosadd"])
    assert answers.unknown_questions == 1
    nothing = WordVectors.from_arrays([], np.zeros((0, 2)))
    assert evaluate_word_analogies(nothing, file).unknown_questions == 1
