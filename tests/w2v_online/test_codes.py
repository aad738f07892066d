"""The first pass of a search by codes: never loses a row that is among the nearest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v_online.reading.codes import CodedRows, near_best
from w2v_online.reading.table import VectorTable


def _table(vectors: np.ndarray) -> VectorTable:
    words = [f"w{i}" for i in range(len(vectors))]
    return VectorTable(words, vectors, np.zeros(len(words), np.int64), "test")


def _vectors(seed: int, rows: int, size: int) -> np.ndarray:
    """Vectors of very different lengths, in a few bundles that are hard to tell apart."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(5, size))
    vectors = centers[rng.integers(0, 5, rows)] + rng.normal(size=(rows, size)) * 0.02
    return (vectors * rng.lognormal(0, 3, (rows, 1))).astype(np.float32)


@given(
    st.integers(0, 2**32),
    st.integers(1, 700),
    st.integers(1, 130),
    st.integers(0, 40),
    st.integers(1, 700),
)
def test_search_by_codes_finds_what_a_full_search_finds(
    seed: int, rows: int, size: int, topn: int, searched: int
) -> None:
    """The nearest rows, their order and their cosines are those of a table without codes."""
    vectors = _vectors(seed, rows, size)
    plain, coded = _table(vectors), _table(vectors)
    coded.prepare()
    query = plain.unit([seed % rows])
    expected, actual = (t.nearest(query, topn, searched) for t in (plain, coded))
    np.testing.assert_allclose(actual[1], expected[1], atol=2e-6)
    exact = plain.cosines(query, slice(None))[:, 0]
    np.testing.assert_allclose(exact[actual[0][0]], expected[1][0], atol=2e-6)
    assert len(set(actual[0][0].tolist())) == len(expected[0][0])
    assert (actual[0] < searched).all()


def test_rows_and_queries_of_zeros_are_searched_too() -> None:
    """A vector of zeros is as near as any to everything, at cosine zero."""
    vectors = np.zeros((600, 8), np.float32)
    vectors[300] = 1.0
    table = _table(vectors)
    table.prepare()
    rows, cosines = table.nearest(table.unit([300]), 2)
    assert rows[0, 0] == 300
    assert cosines[0].tolist() == pytest.approx([1.0, 0.0])
    assert table.nearest(np.zeros((1, 8), np.float32), 3)[1].tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("topn", [1, 2, 40])
def test_rows_that_are_no_numbers_are_nearest_to_nothing(topn: int) -> None:
    """Files may hold such; the others are found as if they were not there."""
    vectors = np.random.default_rng(1).normal(size=(130, 8)).astype(np.float32)
    table = _table(vectors)
    expected = table.nearest(table.unit([3]), topn)
    spoilt = np.insert(vectors, len(vectors), np.nan, axis=0)
    spoilt = np.insert(spoilt, 0, np.nan, axis=0)
    rows, cosines = _table(spoilt).nearest(table.unit([3]), topn)
    np.testing.assert_array_equal(rows - 1, expected[0])
    np.testing.assert_allclose(cosines, expected[1], atol=2e-6)


@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(1, 40), st.floats(0, 0.5))
def test_rows_that_may_be_among_the_nearest_are_kept(
    seed: int, rows: int, topn: int, slack: float
) -> None:
    """Whichever cosines were meant, each off by half of the slack and many of them alike."""
    rng = np.random.default_rng(seed)
    meant = rng.integers(-9, 9, rows).astype(np.float32) / np.float32(10)
    seen = meant + rng.uniform(-0.49, 0.49, rows).astype(np.float32) * np.float32(slack)
    kept = near_best(seen, topn, slack + 1e-6)
    assert len(kept) >= min(topn, rows)
    assert (np.diff(kept) > 0).all()
    nearest = np.argsort(-meant, kind="stable")[:topn]
    assert set(nearest.tolist()) <= set(kept.tolist())


def test_codes_leave_few_rows_to_compare() -> None:
    """Of ordinary vectors nearly all are ruled out by their codes."""
    vectors = np.random.default_rng(1).normal(size=(50_000, 100)).astype(np.float32)
    table = _table(vectors)
    units = table.unit(np.arange(len(vectors)))
    codes = CodedRows(len(units), 100, lambda first, end: units[first:end])
    candidates = codes.candidates(units[7], 11, len(units))
    assert 11 <= len(candidates) < 500
    assert 7 in candidates
    assert codes.nbytes == 50_000 * 104
