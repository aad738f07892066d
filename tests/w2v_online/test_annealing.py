"""Annealing: kept text is trained again at rates that decay to zero; nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.w2v_online.texts import zipf_text
from w2v_online import LearnerConfig, OnlineWord2Vec, Scorer, load_scorer, load_vectors
from w2v_online.config import SLOT_IDS
from w2v_online.errors import SnapshotError
from w2v_online.learning import rates
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.replay import Replay
from w2v_online.stats import BatchStats

_CONFIG = LearnerConfig(vector_size=16, min_count=2, max_vocab_size=1000, sample=0, replay=1)


def _model(records: int = 1500, **options: object) -> OnlineWord2Vec:
    model = OnlineWord2Vec(_CONFIG.model_copy(update=options))
    model.learn_text(zipf_text(records))
    return model


def _slot(word: int) -> Encoded:
    """Text that fills a slot."""
    ids = np.full(SLOT_IDS, word, np.int32)
    return Encoded(ids, np.arange(64, SLOT_IDS + 1, 64))


@pytest.mark.parametrize("slots", [4, 20])
def test_all_kept_text_is_trained_as_often_as_asked_for_from_the_oldest_on(slots: int) -> None:
    """The open slot, too, in a ring that is full and in one that is not."""
    config = LearnerConfig(replay=1, replay_words=slots * SLOT_IDS, max_vocab_size=10_000, sample=0)
    replay = Replay(config, seed_state=7)
    for number in range(7):
        list(replay.mix(_slot(number + 1000)))
    passes_before = replay.passes.copy()
    seen = [(done, int(part.ids[0])) for done, part in replay.whole_passes(3)]
    kept = [*range(1000 + max(0, 7 - slots), 1007)]
    assert [word for _, word in seen] == kept * 3
    assert [done for done, _ in seen] == pytest.approx(np.arange(len(seen)) / len(seen))
    np.testing.assert_array_equal(replay.passes, passes_before)


@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("cbow", [False, True])
def test_rates_fall_to_zero_and_are_back_afterwards(loss: str, cbow: bool) -> None:
    model = _model(loss=loss, cbow=cbow)
    seen: list[tuple[float, float]] = []

    def goes_on(done: float) -> bool:
        seen.append((done, float(model.learning_rates()[0].max())))
        return True

    before = model.embeddings.vectors.copy()
    usual = float(model.learning_rates()[0].max())
    assert model.anneal(2, goes_on)
    # Asked before a slot, when the rates are still those of the slot before.
    scales = [1.0, *(1.0 - done for done, _ in seen)][: len(seen)]
    assert len(seen) > 10
    assert [rate for _, rate in seen] == pytest.approx(usual * np.array(scales), rel=0.05)
    assert float(model.learning_rates()[0].max()) == pytest.approx(usual, rel=0.05)
    assert not np.array_equal(model.embeddings.vectors, before)
    assert np.isfinite(model.embeddings.vectors).all()


@pytest.mark.parametrize(("loss", "contexts"), [("ns", 2.75), ("hs", 6.0)])
def test_windows_are_narrow_meanwhile_and_wide_again_afterwards(
    loss: str, contexts: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A window of w has (w + 1) / 2 words on each side on average; the least of 5 is 1.75."""
    monkeypatch.setattr(rates, "ANNEALING_WORDS", 1)
    model = _model(loss=loss)
    train, pairs_each = model.trainers.train, []

    def counting(part: Encoded) -> BatchStats:
        stats = train(part)
        pairs_each.append(stats.replayed_pairs / len(part.ids))
        return stats

    monkeypatch.setattr(model.trainers, "train", counting)
    model.anneal(4)
    # The ends of a line, which has 60 words, have fewer.
    assert np.mean(pairs_each) == pytest.approx(contexts, rel=0.05)
    monkeypatch.undo()
    fresh = model.learn_text(zipf_text(300, seed=3))
    assert fresh.positive_pairs / fresh.trained_words == pytest.approx(6, rel=0.05)


def test_annealed_vectors_are_published_and_the_same_each_time(tmp_path: Path) -> None:
    first, second = _model(), _model()
    averages = first.vectors()
    for model in (first, second):
        assert model.anneal(3)
    np.testing.assert_array_equal(first.vectors(), second.vectors())
    np.testing.assert_array_equal(first.vectors(), first.embeddings.vectors)
    assert not np.array_equal(first.vectors(), averages)
    restored = OnlineWord2Vec.restore(first.snapshot(tmp_path))
    np.testing.assert_array_equal(restored.vectors(), first.vectors())
    for model in (first, restored):
        model.learn_text(zipf_text(300, seed=3))
    np.testing.assert_array_equal(restored.vectors(), first.vectors())


def test_where_little_is_kept_rates_are_low_and_vectors_stay_near_their_averages() -> None:
    """A tenth of the text alone would take much of what the model has learned from the rest."""
    moves = []
    for kept in (2 * SLOT_IDS, 20 * SLOT_IDS):
        model = _model(replay_words=kept, alpha=0.1, min_alpha=0.02)
        assert model.replay is not None
        share = model.replay.kept_words / model.vocabulary.counts.sum()
        usual, before = float(model.learning_rates()[1].max()), model.vectors()
        seen: list[float] = []

        def goes_on(done: float, model: OnlineWord2Vec = model, seen: list[float] = seen) -> bool:
            seen.append(float(model.learning_rates()[1].max()))
            return True

        model.anneal(1, goes_on)
        assert share == pytest.approx(0.13 if kept < 10 * SLOT_IDS else 1.0, abs=0.06)
        # Asked before a slot, so at the second one the rates are those of the first.
        assert seen[1] == pytest.approx(share * usual, rel=0.05)
        moves.append(np.linalg.norm(model.vectors() - before) / np.linalg.norm(before))
    assert moves[0] < 0.5 * moves[1]


def test_vectors_go_a_share_of_the_way_to_their_averages() -> None:
    model = _model()
    assert model.averages is not None
    before, rows = model.embeddings.vectors.copy(), model.averages.rows
    averages = before.copy()
    averages[rows] = model.averages.of(rows)
    model.averages.pull(0.75)
    np.testing.assert_allclose(model.embeddings.vectors, 0.25 * before + 0.75 * averages, atol=1e-6)
    assert np.abs(before - averages).max() > 0.01


def test_counts_and_the_rest_of_the_stream_are_as_before() -> None:
    model, other = _model(), _model()
    model.anneal(2)
    assert model.totals() == other.totals()
    one, two = model.learn_text(zipf_text(300, seed=3)), other.learn_text(zipf_text(300, seed=3))
    assert (one.words, one.records) == (two.words, two.records)
    assert model.totals() == other.totals()


def test_it_ends_where_it_is_told_to() -> None:
    model = _model()
    assert model.averages is not None
    averaged = model.averages.averaged.copy()
    usual = model.learning_rates()[1]
    assert not model.anneal(2, lambda done: done < 0.3)
    np.testing.assert_array_equal(model.averages.averaged, averaged)
    assert model.learning_rates()[1].mean() == pytest.approx(usual.mean(), rel=0.2)


def test_threads_anneal_and_their_figures_are_not_the_next_batches() -> None:
    model = _model(threads=2)
    assert model.anneal(2)
    assert np.isfinite(model.vectors()).all()
    assert model.learn([["w1", "w2"]]).replayed_pairs == 0


def test_annealed_vectors_expect_what_comes_better(tmp_path: Path) -> None:
    """What high rates added of noise is gone: text from the same source is less of a surprise."""
    scores = []
    for passes in (0, 2):
        model = _model(alpha=0.1, min_alpha=0.05, averaging=False)
        model.anneal(passes)
        model.snapshot(tmp_path / str(passes))
        held_out = load_scorer(tmp_path / str(passes)).score_text(zipf_text(200, seed=5))
        scores.append(float(held_out.log_probability.sum()))
    assert scores[1] > 0.94 * scores[0]  # of -350


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_text_is_scored_by_annealed_vectors_and_nothing_goes_on_from_them(
    tmp_path: Path, loss: str
) -> None:
    """By the output vectors that belong to them; the text that replay keeps is left out."""
    model = _model(200 if loss == "softmax" else 1500, loss=loss, max_vocab_size=100)
    earlier = model.snapshot(tmp_path)
    assert model.anneal(2)
    annealed = model.snapshot(tmp_path, vectors_only=True, with_output=True, annealed={"passes": 2})
    model.snapshot(tmp_path, vectors_only=True)
    held_out = zipf_text(50, seed=5)
    scorer = load_scorer(tmp_path)
    assert scorer.snapshot is not None
    assert scorer.snapshot.path == annealed
    found = scorer.score_text(held_out).surprise
    np.testing.assert_array_equal(found, Scorer(model).score_text(held_out).surprise)
    assert not np.array_equal(found, load_scorer(earlier).score_text(held_out).surprise)
    assert not list(annealed.glob("state/replay*"))
    assert load_vectors(annealed).predict(["w1", "w2"])
    assert OnlineWord2Vec.restore(tmp_path).total_words == model.total_words
    with pytest.raises(SnapshotError, match="vectors only"):
        OnlineWord2Vec.restore(annealed)


def test_there_are_no_passes_below_none() -> None:
    model = OnlineWord2Vec(LearnerConfig(replay=1, replay_words=8192, max_vocab_size=10))
    with pytest.raises(ValueError, match="-1 passes"):
        model.anneal(-1)


def test_a_model_without_replay_has_nothing_to_anneal_on() -> None:
    with pytest.raises(ValueError, match="has no replay"):
        OnlineWord2Vec(LearnerConfig(vector_size=4, max_vocab_size=100)).anneal()
