"""Rates by the age of a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.kernels.training import MAX_UPDATES
from w2v_online.learning.objectives import objective_class
from w2v_online.learning.objectives.hs import HierarchicalSoftmax
from w2v_online.learning.objectives.ns import NegativeSampling
from w2v_online.learning.rates import (
    ANNEALING_TAU,
    ANNEALING_WORDS,
    INFANCY_WORDS,
    MAX_YOUNG_SCALE,
    MIN_ALPHA,
    MIN_ANNEALING_WINDOW,
    OLD_WORDS,
    YOUTH_WORDS,
    annealing_window,
    least_rate,
    rate_indices,
    rate_scale,
    rate_table,
)

_PLAIN = NegativeSampling.skip_gram


def test_a_young_model_learns_at_higher_rates_and_a_grown_one_at_its_own() -> None:
    """From the equation: 3 at nothing read, then 2.5, 1.5 and 1, but for less than a hundredth."""
    assert rate_scale(_PLAIN, 0) == 3.0
    assert rate_scale(_PLAIN, INFANCY_WORDS) == pytest.approx(2.5, abs=0.01)
    assert rate_scale(_PLAIN, YOUTH_WORDS) == pytest.approx(1.5, abs=0.01)
    assert 1.0 < rate_scale(_PLAIN, 10 * YOUTH_WORDS) < 1.01
    scales = [rate_scale(_PLAIN, words) for words in range(0, 10 * YOUTH_WORDS, YOUTH_WORDS // 100)]
    assert scales == sorted(scales, reverse=True)


@pytest.mark.parametrize("scale", [1.25, 2.8, 6.0])
def test_a_worker_with_higher_rates_is_not_driven_too_far(scale: float) -> None:
    """MAX_YOUNG_SCALE bounds what youth adds, never what was asked for."""
    assert rate_scale(_PLAIN, 0, scale) == max(scale, min(3 * scale, MAX_YOUNG_SCALE))
    assert rate_scale(_PLAIN, 100 * YOUTH_WORDS, scale) == pytest.approx(scale, rel=1e-3)


@pytest.mark.parametrize(
    "options", [{"replay": 2}, {"cbow": True}, {"loss": "hs"}, {"loss": "softmax"}]
)
def test_others_learn_at_their_rates_from_the_start(options: dict) -> None:
    """Replay, CBOW and the other losses lose by it (docs/experiments.md)."""
    config = LearnerConfig(vector_size=4, min_count=1, max_vocab_size=9, **options)
    model = OnlineWord2Vec(config)
    model.learn([["a", "b"] * 50])
    table = rate_table(model.objective.profile, config.alpha, config.window, config.replay)
    table = np.maximum(table, np.float32(MIN_ALPHA))
    for rates, usual in zip(model.learning_rates(), table, strict=True):
        assert np.isin(rates, usual).all()


def test_a_model_grows_up_as_it_reads_and_where_it_is_restored(tmp_path: Path) -> None:
    """The floor shows it: a row with MAX_UPDATES learns at its rate times the scale."""
    config = LearnerConfig(vector_size=4, min_count=1, max_vocab_size=9, sample=0.0)
    model = OnlineWord2Vec(config)
    line = ["a", "b"] * 500
    for words in (1_000_000, 3_000_000):
        while model.total_words < words:
            model.learn([line] * 100)
        model.embeddings.matrices.updates0[:2] = MAX_UPDATES
        profile = model.objective.profile
        floor = least_rate(profile, 0.05, None, words) * rate_scale(profile, words)
        assert model.learning_rates()[0][0] == pytest.approx(floor, rel=0.01)
        restored = OnlineWord2Vec.restore(model.snapshot(tmp_path))
        assert restored.learning_rates()[0].tobytes() == model.learning_rates()[0].tobytes()


def test_the_least_rate_rises_with_age_unless_it_is_given() -> None:
    """Old models would hardly follow otherwise; hierarchical softmax loses by it."""
    profile = NegativeSampling.skip_gram
    assert least_rate(profile, 0.05, None, 0) == MIN_ALPHA
    middle = (MIN_ALPHA + profile.old_min_alpha) / 2
    assert least_rate(profile, 0.05, None, OLD_WORDS) == pytest.approx(middle)
    assert least_rate(profile, 0.05, None, 10**12) == pytest.approx(profile.old_min_alpha)
    assert least_rate(profile, 0.003, None, 10**12) == 0.003
    assert least_rate(profile, 0.05, 0.004, 10**12) == 0.004
    others = (NegativeSampling.cbow, HierarchicalSoftmax.skip_gram)
    assert {least_rate(other, 0.05, None, 10**12) for other in others} == {MIN_ALPHA}


def test_a_model_learns_at_the_least_rate_of_its_age() -> None:
    model = OnlineWord2Vec(LearnerConfig(vector_size=4, min_count=1, max_vocab_size=9))
    model.learn([["a", "b"]])
    model.embeddings.matrices.updates0[:2] = MAX_UPDATES
    model.trainers.set_age(10 * OLD_WORDS, 1.0)
    floor = least_rate(model.objective.profile, 0.05, None, 10 * OLD_WORDS)
    assert model.learning_rates()[0][0] == pytest.approx(floor, rel=0.01)
    assert floor > 4 * MIN_ALPHA


def test_annealing_windows_narrow_with_the_words_read_to_a_minimum() -> None:
    assert annealing_window(_PLAIN, 5, 0) == 5.0
    assert annealing_window(_PLAIN, 6, ANNEALING_WORDS) == 3.0
    assert annealing_window(_PLAIN, 20, 10**12) == 20 * MIN_ANNEALING_WINDOW
    assert annealing_window(_PLAIN, 1, 10**12) == annealing_window(_PLAIN, 2, 10**12) == 1.0
    windows = [annealing_window(_PLAIN, 10, words) for words in range(0, 10**8, 10**6)]
    assert windows == sorted(windows, reverse=True)


@pytest.mark.parametrize("replay", [1, 4])
def test_annealing_rates_fall_late_in_both_matrices(replay: int) -> None:
    """After tau, times how much later, a rate is down by the square root of two: the equation."""
    usual, annealing = (
        rate_table(_PLAIN, 0.025, 5, replay, annealing=annealing) for annealing in (False, True)
    )
    np.testing.assert_array_equal(annealing[:, 0], usual[:, 0])
    halves = np.array([ANNEALING_TAU * 2000 / 6, ANNEALING_TAU * 1000]).astype(np.uint32)
    for matrix, index in enumerate(rate_indices(halves)):
        assert annealing[matrix, index] == pytest.approx(annealing[matrix, 0] / 2**0.5, rel=0.03)


@pytest.mark.parametrize(("loss", "cbow"), [("ns", True), ("hs", False), ("hs", True)])
def test_others_anneal_at_their_rates_and_windows(loss: str, cbow: bool) -> None:
    """CBOW and hierarchical softmax lose by it: docs/design.md, Annealing."""
    objective = objective_class(loss)
    profile = objective.cbow if cbow else objective.skip_gram
    assert annealing_window(profile, 5, 10**9) == 5
    usual, annealing = (
        rate_table(profile, 0.025, 5, 4, annealing=annealing) for annealing in (False, True)
    )
    np.testing.assert_array_equal(annealing, usual)
