"""Draws follow count**ns_exponent."""

from __future__ import annotations

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning.sampler import MAX_BLOCK, Negatives, NoiseDistribution


def _negatives(
    counts: np.ndarray, exponent: float = 0.75, total_words: int = 1, sentence_draws: int = 5000
) -> Negatives:
    distribution = NoiseDistribution(exponent, len(counts))
    distribution.update(counts, total_words)
    return Negatives(distribution, sentence_draws, seed_state=7)


def _draws(sampler: Negatives, blocks: int) -> np.ndarray:
    drawn = []
    for _ in range(blocks):
        sampler.refill()
        drawn.append(sampler.block.copy())
    return np.concatenate(drawn)


@pytest.mark.parametrize("exponent", [0.75, 1.0, 0.0, -0.5])
def test_shares_are_those_of_the_formula(exponent: float) -> None:
    """With systematic sampling a row's share of a block is off by at most one draw."""
    rng = np.random.default_rng(1)
    counts = rng.zipf(1.3, 5000).clip(1, 10**12).astype(float)
    sampler = _negatives(counts, exponent)
    blocks = 50
    observed = np.bincount(_draws(sampler, blocks), minlength=len(counts)) / blocks
    expected = counts.astype(float) ** exponent
    expected *= len(sampler.block) / expected.sum()
    assert np.abs(observed - expected).max() < 1.0
    # Over many blocks the mean is exact: five standard deviations of a rounding to 0 or 1.
    assert np.abs(observed - expected).max() < 5 * np.sqrt(0.25 / blocks)


def test_order_within_a_block_is_random() -> None:
    """Neighbours in a block are independent: a chi-square test of pairs at 1e-6."""
    sampler = _negatives(np.array([1.0, 16, 81, 256]))
    drawn = _draws(sampler, 20)
    pairs = np.bincount(drawn[:-1] * 4 + drawn[1:], minlength=16).reshape(4, 4)
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    expected = np.outer(shares, shares) * (len(drawn) - 1)
    chi_square = ((pairs - expected) ** 2 / expected).sum()
    assert chi_square < 44.0  # 9 degrees of freedom


def test_new_counts_are_drawn_once_the_stream_has_grown_by_half_a_percent() -> None:
    distribution = NoiseDistribution(0.75, 2)
    distribution.update(np.array([10_000.0]), 10_000)
    sampler = Negatives(distribution, 100, seed_state=3)
    sampler.renew()
    distribution.update(np.array([10_000.0, 10_000]), 10_040)
    sampler.renew()
    assert not (sampler.block == 1).any()
    distribution.update(np.array([10_000.0, 10_000]), 10_050)
    sampler.renew()
    assert (sampler.block == 1).mean() == pytest.approx(0.5, abs=0.001)


def test_without_rows_nothing_is_drawn() -> None:
    sampler = _negatives(np.zeros(0))
    assert set(_draws(sampler, 1).tolist()) == {-1}


def test_a_block_always_serves_one_sentence() -> None:
    assert len(_draws(_negatives(np.array([3.0]), sentence_draws=63_000), 1)) >= 63_000


def test_draws_of_rows_that_are_gone_are_skipped_and_of_moved_rows_follow() -> None:
    sampler = _negatives(np.array([5.0, 5, 5, 5]))
    sampler.refill()
    before = sampler.block.copy()
    working = np.zeros(4, np.int32)
    sampler.remap(np.array([1, 3], np.int32), np.array([-1, 1], np.int32), working)
    np.testing.assert_array_equal(sampler.block, np.array([0, -1, 2, 1])[before])
    assert not working.any()


def test_a_burst_is_drawn_at_its_new_rate_within_one_percent_more_of_the_stream() -> None:
    """A word that suddenly makes up half of the text is soon drawn as its count says."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=4, min_count=1, max_vocab_size=2000, sample=0))
    rng = np.random.default_rng(0)
    usual = [[f"w{i}" for i in rng.integers(0, 1000, 50)] for _ in range(4000)]
    model.learn(usual)
    before = model.total_words
    while model.total_words < 1.01 * before:
        model.learn([["burst", f"w{rng.integers(0, 1000)}"] * 5])
    row = model.vocabulary.entry("burst")
    negatives = model.trainers.first.negatives
    share = (negatives.block == row).mean()
    weights = model.vocabulary.counts**0.75
    expected = weights[row] / weights.sum()
    # The weights are at most one segment, 1 / 128 of the stream, old.
    assert expected * 0.2 < share <= expected * 1.01


def test_a_block_has_a_power_of_two_draws() -> None:
    counts = np.array([3.0])
    sizes = [len(_draws(_negatives(counts, sentence_draws=n), 1)) for n in (1, 4095, 4096, 4097)]
    assert sizes == [1, 4096, 4096, 8192]


def test_expected_draws_are_told_for_any_count() -> None:
    """Also counts whose power is found between the last two of the table."""
    counts = np.array([3.0, 1.0, 2.0 - 2.0**-40, 2.0**20 - 2.0**-20])
    distribution = NoiseDistribution(0.75, len(counts))
    distribution.update(counts, 1)
    powers = counts**0.75
    np.testing.assert_allclose(distribution.state()["noise_weights"], powers, rtol=1e-6)
    expected = np.log(1000 * powers / powers.sum())
    np.testing.assert_allclose(distribution.log_draws(counts, 1000), expected, rtol=1e-6)
    assert distribution.log_draws(np.zeros(1), 1000)[0] == distribution.log_draws(np.ones(1), 1000)


def test_memory_is_what_is_told_before() -> None:
    """Of a vocabulary larger than the largest block."""
    rows = MAX_BLOCK + MAX_BLOCK // 2
    distribution = NoiseDistribution(0.75, rows)
    sampler = Negatives(distribution, 100, seed_state=1)
    distribution.update(np.ones(rows), 1)
    sampler.refill()
    assert sampler.block.nbytes == sampler.max_bytes
    assert distribution._weights.nbytes + distribution._working.nbytes == distribution.max_bytes


def test_a_saved_block_is_gone_on_with_where_it_was() -> None:
    """The same draws come next, and a block of the same age is not thrown away."""
    counts = np.array([5.0, 2, 9])
    first, second = _negatives(counts, total_words=100), _negatives(counts[::-1])
    first.refill()
    first.next[0] = 1000
    second._distribution.restore(first._distribution.state())
    second.restore(first.state())
    second.renew()
    rest = first.block[1000:].copy()
    assert second.block[int(second.next[0]) :].tolist() == rest.tolist()
    assert _draws(second, 1).tolist() == _draws(first, 1).tolist()


def test_other_numbers_are_drawn_after_another_seed() -> None:
    counts = np.array([5.0, 2, 9])
    first, second, usual = (_negatives(counts) for _ in range(3))
    first.reseed(8)
    second.reseed(8)
    assert _draws(first, 1).tolist() == _draws(second, 1).tolist()
    assert _draws(first, 1).tolist() != _draws(usual, 1).tolist()
