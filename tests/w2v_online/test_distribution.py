"""p-values of surprise: shares of recent records, the same however records are batched."""

import numpy as np
import pytest

from w2v_online.learning import distribution as module
from w2v_online.learning.distribution import MIN_BLOCK_RECORDS, SurpriseDistribution


def _batched(values: np.ndarray, sizes: list[int]) -> tuple[np.ndarray, SurpriseDistribution]:
    sketch, parts, begin, turn = SurpriseDistribution(), [], 0, 0
    while begin < len(values):
        end = begin + sizes[turn % len(sizes)]
        parts.append(sketch.p_values(values[begin:end]))
        begin, turn = end, turn + 1
    return np.concatenate(parts), sketch


def test_p_is_the_share_of_earlier_records_at_least_as_surprising() -> None:
    """Within the sketch's relative error of 1 percent of the value."""
    rng = np.random.default_rng(1)
    values = rng.gamma(3.0, 1.0, 40_000)
    p, sketch = _batched(values, [1000])
    seen = sketch.compared_records
    for value in (1.0, 3.0, 6.0, 9.0):
        exact = np.mean(values[:seen] >= value)
        low, high = np.mean(values >= 1.03 * value), np.mean(values >= 0.97 * value)
        told = sketch.p_values(np.array([value]))[0]
        assert low - 1e-3 <= told <= high + 1e-3, (value, exact, told)
    late = p[20_000:]
    assert np.mean(late <= 0.01) == pytest.approx(0.01, abs=0.004)
    assert p.min() > 0.0


def test_batches_do_not_matter() -> None:
    """Every way to cut the stream into batches gives the same p-values and the same state.

    Also while blocks grow from the least to the greatest number of records.
    """
    values = np.random.default_rng(2).exponential(2.0, 80_000)
    whole, one = _batched(values, [80_000])
    pieces, other = _batched(values, [1, 7, 300, 513, 5000])
    np.testing.assert_array_equal(whole, pieces)
    for name, array in one.state().items():
        np.testing.assert_array_equal(array, other.state()[name])


def test_a_restored_sketch_goes_on_alike() -> None:
    """At any record, not only at a block's end."""
    values = np.random.default_rng(3).exponential(2.0, 2_000)
    whole, _ = _batched(values, [2_000])
    first, sketch = _batched(values[:777], [100])
    again = SurpriseDistribution()
    again.restore(sketch.state())
    np.testing.assert_array_equal(np.concatenate([first, again.p_values(values[777:])]), whole)


def test_old_records_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """After two windows of a calm stream, what was usual before counts as unusual."""
    monkeypatch.setattr(module, "WINDOW_RECORDS", 1024)
    sketch = SurpriseDistribution()
    sketch.p_values(np.full(2048, 9.0))
    assert sketch.p_values(np.array([9.0]))[0] > 0.9
    sketch.p_values(np.full(3 * 1024, 1.0))
    assert sketch.p_values(np.array([9.0]))[0] < 0.01
    assert sketch.compared_records <= 2 * 1024 + MIN_BLOCK_RECORDS


def test_surprise_at_a_p_value_is_where_p_values_reach_it() -> None:
    """And infinite as long as too few records were seen for so small a p-value."""
    sketch = SurpriseDistribution()
    assert sketch.surprise_at(0.1) == np.inf
    sketch.p_values(np.random.default_rng(4).exponential(1.0, 10_240))
    threshold = sketch.surprise_at(0.01)
    assert sketch.p_values(np.array([1.03 * threshold]))[0] <= 0.01
    assert sketch.p_values(np.array([0.97 * threshold]))[0] > 0.01


def test_values_that_are_no_numbers_are_the_least_surprising() -> None:
    """Records without known words have no surprise."""
    sketch = SurpriseDistribution()
    sketch.p_values(np.linspace(1, 2, MIN_BLOCK_RECORDS))
    np.testing.assert_array_equal(sketch.p_values(np.array([np.nan, 0.0, -1.0])), 1.0)
