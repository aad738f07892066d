"""A learner that starts from vectors learned elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors

_SMALL = LearnerConfig(vector_size=6, min_count=2, max_vocab_size=40, sample=0.0)


def _words(count: int) -> tuple[list[str], np.ndarray]:
    vectors = np.random.default_rng(1).normal(size=(count, 6)).astype(np.float32)
    return [f"old{number}" for number in range(count)], vectors


def test_adopted_words_keep_their_vectors_until_they_are_seen(tmp_path: Path) -> None:
    """Unseen ones stay bit for bit, in the file's order; counts are of the stream alone."""
    words, vectors = _words(20)
    model = OnlineWord2Vec(_SMALL)
    assert model.adopt(words, vectors) == 20
    model.learn([["old3", "new", "old5"]] * 3)
    wv = load_vectors(model.snapshot(tmp_path))
    assert wv.words[:3] == ["old3", "old5", "new"]
    assert wv.counts.tolist() == [3, 3, 3] + [0] * 18
    unseen = [word for word in words if word not in ("old3", "old5")]
    assert wv.words[3:] == unseen
    np.testing.assert_array_equal(
        wv.vectors_for(unseen), vectors[[words.index(word) for word in unseen]]
    )
    assert 0 < np.abs(wv["old3"] - vectors[3]).max() < 0.1


def test_new_words_find_room_and_old_ones_are_never_evicted() -> None:
    words, vectors = _words(30)
    model = OnlineWord2Vec(_SMALL)
    model.adopt(words, vectors)
    stream = np.random.default_rng(2).integers(0, 200, (4000, 5))
    model.learn([[f"new{number}" for number in record] for record in stream.tolist()])
    rows = model.vocabulary.words()
    assert len(rows) == 40
    assert set(words) < set(rows)
    np.testing.assert_array_equal(model.embeddings.vectors[: len(words)], vectors)


@pytest.mark.parametrize("ns_exponent", [0.75, 0.0, -0.5])
def test_words_never_seen_are_no_negatives(ns_exponent: float) -> None:
    words, vectors = _words(30)
    model = OnlineWord2Vec(_SMALL.model_copy(update={"ns_exponent": ns_exponent}))
    model.adopt(words, vectors)
    model.learn([["a" * 65], ["old0", "old1"]])
    model.learn([["old0", "old1", "old2"]] * 500)
    assert np.isfinite(model.embeddings.vectors).all()
    output_updates = model.embeddings.matrices.updates1[:30]
    assert (output_updates[:3] > 0).all()
    assert not output_updates[3:].any()


def test_what_cannot_be_a_token_is_left_out_and_the_first_of_equals_counts() -> None:
    model = OnlineWord2Vec(_SMALL)
    words = ["a", "b" * 65, "", "a", "字" * 21, "c\nd", "e\x1ff", "g\x1e"]
    vectors = np.arange(48, dtype=np.float32).reshape(8, 6)
    assert model.adopt(words, vectors) == 2
    assert model.vocabulary.words() == ["a", "字" * 21]
    np.testing.assert_array_equal(model.embeddings.vectors, vectors[[0, 4]])


def test_a_warm_start_is_resumed_bit_for_bit(tmp_path: Path) -> None:
    words, vectors = _words(20)
    records = [["old1", "new", f"w{number % 7}"] for number in range(300)]
    whole, first = OnlineWord2Vec(_SMALL), OnlineWord2Vec(_SMALL)
    for model in (whole, first):
        model.adopt(words, vectors)
    first.learn(records[:100])
    second = OnlineWord2Vec.restore(first.snapshot(tmp_path))
    second.learn(records[100:])
    whole.learn(records)
    np.testing.assert_array_equal(second.embeddings.vectors, whole.embeddings.vectors)
    assert second.vocabulary.words() == whole.vocabulary.words()


def test_vectors_that_do_not_fit_are_refused() -> None:
    words, vectors = _words(50)
    model = OnlineWord2Vec(_SMALL)
    with pytest.raises(ValueError, match="max_vocab_size"):
        model.adopt(words, vectors)
    with pytest.raises(ValueError, match="need vectors of shape"):
        model.adopt(words[:3], vectors[:3, :5])
    with pytest.raises(ValueError, match="finite"):
        model.adopt(words[:3], np.where(vectors[:3] == vectors[0, 0], np.nan, vectors[:3]))
    model.learn([["a"]])
    with pytest.raises(ValueError, match="before anything is learned"):
        model.adopt(words[:3], vectors[:3])
