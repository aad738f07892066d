"""Averages of rows: whose turn it is, what a row leaves behind, and that changes are announced."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from w2v_online.learning.averages import MIN_UPDATES, SHARE, SWEEP_VISITS, Averages, decode
from w2v_online.learning.embeddings import Embeddings

ROWS, SIZE = 40, 6


def _averages(*, pull: float = 0.0, updates: int = MIN_UPDATES) -> tuple[Embeddings, Averages]:
    """All rows but the last have been updated so often."""
    embeddings = Embeddings(ROWS, SIZE, seed_state=5)
    embeddings.grow(ROWS)
    embeddings.matrices.updates0[: ROWS - 1] = updates
    return embeddings, Averages(embeddings, ROWS, pull=pull)


def _sweep(averages: Averages) -> None:
    for _ in range(SWEEP_VISITS):
        averages.visit()


def test_each_row_has_its_turn_once_in_a_sweep() -> None:
    embeddings, averages = _averages()
    first = embeddings.vectors.copy()
    _sweep(averages)
    assert averages.rows.tolist() == list(range(ROWS - 1))
    np.testing.assert_allclose(averages.of(averages.rows), first[:-1], atol=0.01)
    embeddings.vectors[:] += 1.0
    embeddings.matrices.updates0[: ROWS - 1] += 1
    _sweep(averages)
    found = decode(averages.words, SIZE)[: ROWS - 1] - first[:-1]
    np.testing.assert_allclose(found, SHARE, atol=0.03)


def test_rows_that_have_few_updates_have_none() -> None:
    _, averages = _averages(updates=MIN_UPDATES - 1)
    _sweep(averages)
    assert averages.rows.tolist() == []


def test_nothing_remains_of_a_row_that_goes() -> None:
    """The last row takes its place, and the next one at that place starts without an average."""
    embeddings, averages = _averages()
    embeddings.matrices.updates0[:] = MIN_UPDATES
    _sweep(averages)
    last = averages.words[ROWS - 1].copy()
    averages.remove(3, ROWS - 1)
    assert averages.words[3].tobytes() == last.tobytes()
    assert averages.averaged[3] == MIN_UPDATES
    assert averages.averaged[ROWS - 1] == 0
    assert not averages.words[ROWS - 1].any()
    averages.reset(np.array([5], np.int32))
    assert averages.averaged[5] == 0
    assert not averages.words[5].any()


def test_memory_is_what_is_told() -> None:
    _, averages = _averages()
    assert averages.max_bytes == averages.words.nbytes + averages.averaged.nbytes


@pytest.mark.parametrize(
    "change",
    [
        lambda averages: averages.visit(),
        lambda averages: averages.pull(0.5),
        lambda averages: averages.reset(np.array([1, 5], np.int32)),
        lambda averages: averages.remove(1, ROWS - 1),
    ],
    ids=["visit", "pull", "reset", "remove"],
)
def test_what_changes_is_announced_before(change: Callable[[Averages], None]) -> None:
    """A snapshot that is being written copies those rows first."""
    embeddings, averages = _averages(pull=0.5)
    embeddings.matrices.updates0[:] = MIN_UPDATES
    _sweep(averages)
    embeddings.vectors[:] += 1.0
    embeddings.matrices.updates0[:] += 1
    vectors, words = embeddings.vectors.copy(), averages.words.copy()
    announced: set[int] = set()
    announced_words: set[int] = set()

    def of_vectors(rows: np.ndarray, _: np.ndarray) -> None:
        assert embeddings.vectors.tobytes() == vectors.tobytes()
        announced.update(rows.tolist())

    def of_words(rows: np.ndarray) -> None:
        assert averages.words.tobytes() == words.tobytes()
        announced_words.update(rows.tolist())

    embeddings.before_change, averages.before_change = of_vectors, of_words
    change(averages)
    moved = set(np.flatnonzero((embeddings.vectors != vectors).any(axis=1)).tolist())
    written = averages.words.view(np.int32) != words.view(np.int32)
    changed = set(np.flatnonzero(written.any(axis=1)).tolist())
    assert moved or changed
    assert moved <= announced
    assert changed <= announced_words
