"""What is published of a row that changes and of one that does not, and that state stays apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.w2v_online.texts import zipf_text
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.learning.averages import decode
from w2v_online.learning.publishing import (
    MAX_SHARE,
    MIN_SHARE,
    RELIABLE_UPDATES,
    USUAL,
    change_scores,
    deviations,
    shares,
)
from w2v_online.learning.state import take_over
from w2v_online.snapshots import reader

_CONFIG = LearnerConfig(vector_size=16, min_count=2, max_vocab_size=1000, sample=0)


def _model() -> OnlineWord2Vec:
    model = OnlineWord2Vec(_CONFIG)
    model.learn_text(zipf_text(1500))
    return model


def test_the_share_rises_where_a_score_is_unusual_among_rows_updated_as_often() -> None:
    """Scores of rare words vary twice as much, so theirs must be greater to count."""
    rng = np.random.default_rng(6)
    n = 4000
    updates = np.repeat([RELIABLE_UPDATES + 100, 20_000], n).astype(np.uint32)
    updates[-10:] = 1_000_000  # the most frequent words never follow
    variation = np.repeat([0.6, 0.3], n)
    scores = np.exp(variation * rng.normal(size=2 * n)).astype(np.float32)
    times = np.array([USUAL - 0.2, USUAL + 0.5, USUAL + 1.2])  # of what is usual
    expected = np.array([MIN_SHARE, (MIN_SHARE + MAX_SHARE) / 2, MAX_SHARE])
    for first in (0, n):
        scores[first : first + 3] = np.exp(times * variation[first])
    found = shares(scores, updates)
    np.testing.assert_allclose(found[:3], expected, atol=0.05)
    np.testing.assert_allclose(found[n : n + 3], expected, atol=0.05)
    seldom = np.full(2 * n, RELIABLE_UPDATES - 1, np.uint32)
    np.testing.assert_array_equal(shares(scores, seldom), np.full(2 * n, MIN_SHARE, np.float32))


@pytest.mark.parametrize("scores", [[], [np.nan], [0.0], [3.0], [np.nan, 0.0, 1.0, 50.0]])
def test_few_rows_have_shares_too(scores: list[float]) -> None:
    found = shares(np.array(scores, np.float32), np.full(len(scores), 5000, np.uint32))
    assert found.dtype == np.float32
    assert ((found >= np.float32(MIN_SHARE)) & (found <= np.float32(MAX_SHARE + 1e-6))).all()


def test_a_score_is_a_deviation_over_what_is_usual_among_rows_updated_as_often() -> None:
    """Deviations that shrink with updates: a row counts as changing beside its like only."""
    rng = np.random.default_rng(4)
    updates = rng.integers(20, 200_000, 5000).astype(np.uint32)
    deviation = (10.0 / np.sqrt(updates) * rng.uniform(0.8, 1.25, 5000)).astype(np.float32)
    changing = np.array([17, 4001])
    deviation[changing] *= 5
    scores = change_scores(deviation, updates)
    assert np.median(scores) == pytest.approx(1.0, abs=0.05)
    assert set(np.argsort(-scores)[:2].tolist()) == set(changing.tolist())
    np.testing.assert_allclose(scores[changing], 5.0, rtol=0.35)


def test_averages_that_were_just_begun_do_not_say_what_is_usual() -> None:
    deviation = np.repeat(np.float32([0.0, 0.5]), [700, 300])
    scores = change_scores(deviation, np.full(1000, 25, np.uint32))
    np.testing.assert_allclose(scores, np.repeat([0.0, 1.0], [700, 300]), rtol=1e-6)


@pytest.mark.parametrize("rows", [0, 1, 63, 64, 129])
def test_few_rows_have_scores_too(rows: int) -> None:
    scores = change_scores(np.ones(rows, np.float32), np.full(rows, 50, np.uint32))
    np.testing.assert_allclose(scores, np.ones(rows), rtol=1e-6)
    assert np.isfinite(change_scores(np.zeros(rows, np.float32), np.ones(rows, np.uint32))).all()


def test_readers_get_a_row_between_its_average_and_its_vector(tmp_path: Path) -> None:
    model = _model()
    assert model.averages is not None
    rows = model.averages.rows
    assert len(rows) > 50
    vectors, averages = model.embeddings.vectors[rows], model.averages.of(rows)
    scores = change_scores(deviations(vectors, averages), model.averages.averaged[rows])
    share = shares(scores, model.averages.averaged[rows])[:, None]
    expected = averages + share * (vectors - averages)
    np.testing.assert_allclose(model.vectors()[rows], expected, atol=1e-7)
    assert np.abs(expected - averages).max() > 1e-3
    wv = load_vectors(model.snapshot(tmp_path))
    order = [model.vocabulary.entry(word) for word in wv.words]
    np.testing.assert_array_equal(wv.vectors, model.vectors()[order])


@pytest.mark.parametrize("vectors_only", [False, True])
def test_a_snapshot_holds_the_change_scores(tmp_path: Path, vectors_only: bool) -> None:
    model = _model()
    path = model.snapshot(tmp_path, vectors_only=vectors_only)
    order = [model.vocabulary.entry(word) for word in load_vectors(path).words]
    saved = np.load(path / "change_scores.npy")
    np.testing.assert_array_equal(saved, model.change_scores()[order])
    assert np.isnan(saved).any()  # rare words have no average
    assert np.isfinite(saved).any()


def test_averages_are_restored_as_they_were(tmp_path: Path) -> None:
    model = _model()
    restored = OnlineWord2Vec.restore(model.snapshot(tmp_path))
    assert model.averages is not None
    assert restored.averages is not None
    rows = model.averages.rows
    np.testing.assert_array_equal(restored.averages.rows, rows)
    used = [decode(averages.words[rows], 16) for averages in (model.averages, restored.averages)]
    np.testing.assert_array_equal(*used)
    np.testing.assert_array_equal(restored.vectors(), model.vectors())


def test_an_older_snapshot_whose_averages_are_published_goes_on_the_same(tmp_path: Path) -> None:
    """Such a one has no averages.npy: what it published are the averages."""
    model = _model()
    assert model.averages is not None
    saved = reader.read_whole(model.snapshot(tmp_path))
    rows = saved.state["rows"]
    older = {name: array for name, array in saved.state.items() if name != "averages"}
    values = model.embeddings.vectors.copy()
    values[model.averages.rows] = model.averages.of(model.averages.rows)
    restored = OnlineWord2Vec(_CONFIG)

    class Older:
        state, vectors = older, values[rows]

    take_over(restored, Older())  # type: ignore[arg-type]
    np.testing.assert_array_equal(restored.vectors(), model.vectors())
    for each in (model, restored):
        each.learn_text(zipf_text(300, seed=3))
    np.testing.assert_array_equal(restored.vectors(), model.vectors())


def test_words_that_swap_their_contexts_are_those_that_change() -> None:
    """Two groups of words; in the second half some stand in the other group's contexts."""
    rng = np.random.default_rng(5)

    def text(lines: int, swapped: tuple[str, ...] = ()) -> bytes:
        made = []
        for _ in range(lines):
            group = "ab"[int(rng.integers(2))]
            words = [f"{group}{i}" for i in rng.integers(0, 60, 20)]
            other = {"a": "b", "b": "a"}[group]
            made.append(" ".join(other + w[1:] if w[1:] in swapped else w for w in words))
        return ("\n".join(made) + "\n").encode()

    model = OnlineWord2Vec(_CONFIG)
    model.learn_text(text(20_000))
    model.learn_text(text(4_000, ("3", "17", "40")))
    words = model.vocabulary.words()
    scores = np.nan_to_num(model.change_scores())
    top = {words[i] for i in np.argsort(-scores)[:6]}
    assert top == {group + number for group in "ab" for number in ("3", "17", "40")}


def test_without_averages_nothing_is_known_of_changes(tmp_path: Path) -> None:
    model = OnlineWord2Vec(_CONFIG.model_copy(update={"averaging": False}))
    model.learn_text(zipf_text(100))
    assert np.isnan(model.change_scores()).all()
    assert not (model.snapshot(tmp_path) / "change_scores.npy").exists()
