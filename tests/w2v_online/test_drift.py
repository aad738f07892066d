"""Movement between snapshots, and maps that stay put."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors
from w2v_online.analysis.alignment import robust_rotation, rotation
from w2v_online.analysis.drift import FLOOR, drift, history
from w2v_online.analysis.layout import lay_out, paths
from w2v_online.errors import SnapshotError, UnknownWordError


def _random_turn(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    turn, _ = np.linalg.qr(generator.normal(size=(size, size)))
    return turn


@pytest.fixture
def pair() -> tuple[WordVectors, WordVectors]:
    """The same words before and after: turned as a whole, noise for rare words, three swapped."""
    generator = np.random.default_rng(11)
    words = [f"w{number}" for number in range(600)]
    before = generator.normal(size=(600, 12)) / np.arange(1, 13)
    after = before + generator.normal(size=(600, 12)) * np.linspace(0.01, 0.2, 600)[:, None]
    for a, b in ((5, 100), (33, 250)):
        after[[a, b]] = after[[b, a]]
    counts = (100_000 / np.arange(1, 601)).astype(np.int64)
    old = WordVectors.from_arrays(words, before, counts)
    # The later snapshot knows the words in another order, and one more.
    order = generator.permutation(600)
    new_words = ["added", *(words[row] for row in order)]
    turned = after[order] @ _random_turn(generator, 12)
    new_vectors = np.concatenate([generator.normal(size=(1, 12)), turned])
    return old, WordVectors.from_arrays(new_words, new_vectors, [1, *(2 * counts[order])])


def test_the_best_rotation_is_found_whatever_some_words_did() -> None:
    generator = np.random.default_rng(3)
    source = generator.normal(size=(200, 10))
    turn = _random_turn(generator, 10)
    np.testing.assert_allclose(rotation(source, source @ turn), turn, atol=1e-9)
    unit = source / np.linalg.norm(source, axis=1, keepdims=True)
    target = unit @ turn
    target[:60] = target[60:120]
    np.testing.assert_allclose(robust_rotation(unit, target), turn, atol=1e-9)
    np.testing.assert_array_equal(robust_rotation(unit[:39], target[:39]), np.eye(10))


def test_swapped_words_moved_most(pair: tuple[WordVectors, WordVectors]) -> None:
    """Neither the rotation nor the noise of rare words hides the four that changed places."""
    movements = drift(*pair, topn=10, min_count=0)
    assert {movement.word for movement in movements[:4]} == {"w5", "w100", "w33", "w250"}
    first = next(movement for movement in movements if movement.word == "w5")
    assert first.moved > 0.5
    assert (first.old_count, first.new_count) == (16_666, 33_332)
    assert first.old_neighbors == [word for word, _ in pair[0].most_similar("w5", topn=5)]
    assert first.new_neighbors == [word for word, _ in pair[1].most_similar("w5", topn=5)]
    assert set(first.lost) == set(first.old_neighbors) - set(first.new_neighbors)
    assert set(first.gained) == set(first.new_neighbors) - set(first.old_neighbors)
    counted = drift(*pair, topn=600, min_count=1000, min_relative=0)
    assert min(movement.new_count for movement in counted) >= 1000
    assert "w250" not in {movement.word for movement in counted}


def test_nothing_moves_between_equals(pair: tuple[WordVectors, WordVectors]) -> None:
    """Nor in a stream that only goes on: frequent words, whose peers lie still, do not lead."""
    old, _ = pair
    assert drift(old, old, topn=600, min_count=0) == []
    generator = np.random.default_rng(4)
    noise = generator.normal(size=old.vectors.shape) * np.linspace(0.001, 0.02, 600)[:, None]
    noise[0] *= 20  # the most frequent word moves far more than its peers, and hardly at all
    noise[500] = old.vectors[499] - old.vectors[500]
    new = WordVectors.from_arrays(list(old.words), old.vectors + noise, old.counts)
    movements = drift(old, new, min_count=0)
    assert [movement.word for movement in movements] == ["w500"]
    assert all(movement.moved >= FLOOR for movement in movements)


def test_what_all_words_do_is_not_notable(pair: tuple[WordVectors, WordVectors]) -> None:
    """Early in training all words move: only those that move more than their like are told."""
    old, _ = pair
    noise = np.random.default_rng(4).normal(size=old.vectors.shape)
    noise *= 0.5 * np.linalg.norm(old.vectors, axis=1, keepdims=True) / old.vectors.shape[1] ** 0.5
    noise[500] = old.vectors[499] - old.vectors[500]
    new = WordVectors.from_arrays(list(old.words), old.vectors + noise, old.counts)
    everything = drift(old, new, topn=600, min_count=0, min_relative=0)
    told = drift(old, new, topn=600, min_count=0)
    assert len(everything) > 400
    assert len(told) < len(everything) / 2
    assert told[0].word == everything[0].word == "w500"


def test_what_cannot_be_compared_is_refused(pair: tuple[WordVectors, WordVectors]) -> None:
    old, _ = pair
    others = WordVectors.from_arrays(["x"], np.ones((1, 12)))
    with pytest.raises(ValueError, match="no word in common"):
        drift(old, others)
    with pytest.raises(ValueError, match="cannot be compared"):
        drift(old, WordVectors.from_arrays(["w1"], np.ones((1, 5))))


def test_a_word_is_followed_through_the_snapshots(tmp_path: Path) -> None:
    """Counts and neighbours of each; snapshots before its first occurrence are left out."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, sample=0.0))
    texts = [["the", "cat"], ["the", "novel"], ["a", "novel", "cat"]]
    for text in texts:
        model.learn([text] * 40)
        model.snapshot(tmp_path)
    moments = history(tmp_path, "novel")
    assert [moment.count for moment in moments] == [40, 80]
    assert [moment.words for moment in moments] == [160, 280]
    assert np.isnan(moments[0].moved)
    assert moments[0].moved_in_all == 0
    assert moments[1].moved == moments[1].moved_in_all > 0
    newest = load_vectors(tmp_path)
    assert moments[1].neighbors == [word for word, _ in newest.most_similar("novel", topn=5)]
    assert [moment.snapshot for moment in history(newest.path, "novel")] == [newest.path.name]
    with pytest.raises(UnknownWordError, match="did you mean novel"):
        history(tmp_path, "navel")
    with pytest.raises(SnapshotError, match="no snapshot"):
        history(tmp_path / "empty", "novel")
    other = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1, max_vocab_size=9))
    other.learn([["novel", "word"]])
    other.snapshot(tmp_path)
    *before, last = history(tmp_path, "novel")
    assert str(before) == str(moments)
    assert np.isnan(last.moved)
    assert last.moved_in_all == 0


def test_a_map_stays_where_it_was(pair: tuple[WordVectors, WordVectors]) -> None:
    """A new snapshot's map lies over the old one's, though its vectors are turned altogether."""
    old, new = pair
    first = lay_out(old.table, old.words[:600])
    assert first.words == old.words
    np.testing.assert_array_equal(first.positions, lay_out(old.table, old.words[:600]).positions)
    aligned = lay_out(new.table, new.words[:601], previous=first)
    places = dict(zip(aligned.words, aligned.positions, strict=True))
    stayed = [row for row in range(300) if row not in (5, 100, 33, 250)]
    distances = np.linalg.norm([places[f"w{row}"] - first.positions[row] for row in stayed], axis=1)
    assert np.median(distances) < 0.15 * np.linalg.norm(first.positions, axis=1).mean()
    for few in (0, 1, 2):
        with pytest.raises(ValueError, match="too few"):
            lay_out(old.table, old.words[:few])


def test_a_map_shows_the_directions_of_most_variance() -> None:
    generator = np.random.default_rng(5)
    vectors = generator.normal(size=(300, 6)) * [3, 2, 0.1, 0.1, 0.1, 0.1] + 5
    table = WordVectors.from_arrays([f"w{number}" for number in range(300)], vectors).table
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    largest = np.linalg.eigvalsh(np.cov(units.T))[::-1][:2]
    positions = lay_out(table, table.words).positions
    np.testing.assert_allclose(positions.var(axis=0, ddof=1), largest, rtol=1e-4)


def test_paths_begin_where_words_were(pair: tuple[WordVectors, WordVectors]) -> None:
    """Words that swapped their meanings swap their places."""
    old, new = pair
    movements = drift(*pair, topn=4, min_count=0)
    drawn = paths(old.table, new.table, movements)
    place = {word: i for i, word in enumerate(drawn.layout.words)}
    assert len(drawn.starts) == 4
    start = drawn.starts[place["w5"]]
    ends = drawn.layout.positions
    assert np.linalg.norm(start - ends[place["w100"]]) < np.linalg.norm(start - ends[place["w5"]])
