"""What replay promises: which text is looked at again, when, and what never is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.w2v_online.texts import zipf_text
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.config import SLOT_IDS
from w2v_online.kernels.training import RATE_STEPS
from w2v_online.learning.encoded import Encoded
from w2v_online.learning.objectives.ns import NegativeSampling
from w2v_online.learning.rates import rate_table
from w2v_online.learning.replay import Replay

_DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "snapshot-format.md"


def _replay(replay: int = 3, slots: int = 4) -> Replay:
    config = LearnerConfig(replay=replay, replay_words=slots * SLOT_IDS, max_vocab_size=10_000)
    return Replay(config, seed_state=7)


def _encoded(sentences: list[list[int]]) -> Encoded:
    ids = [word for sentence in sentences for word in sentence]
    ends = np.cumsum([len(sentence) for sentence in sentences], dtype=np.int64)
    return Encoded(np.array(ids, np.int32), ends)


def _sentences(encoded: Encoded) -> list[list[int]]:
    starts = [0, *encoded.sentence_ends[:-1]]
    pairs = zip(starts, encoded.sentence_ends, strict=True) if len(encoded.sentence_ends) else []
    return [encoded.ids[start:end].tolist() for start, end in pairs]


def _slot(first_word: int, words: int = SLOT_IDS) -> list[list[int]]:
    """Sentences of 64 words that fill a slot; word ids differ from positions."""
    ids = [first_word + i % 50 for i in range(words)]
    return [ids[i : i + 64] for i in range(0, words, 64)]


def test_what_is_read_is_what_was_kept_but_for_sentences_that_train_nothing() -> None:
    replay = _replay()
    kept = [[5, 5, 9], [9999, 0]]
    parts = list(replay.mix(_encoded([kept[0], [], [3], kept[1], []])))
    assert [part.is_replayed for part in parts] == [False]
    assert _sentences(replay.read(0)) == kept


def test_a_slot_that_is_full_brings_as_many_as_asked_for_between_two_sentences() -> None:
    """Fresh text comes in order and once; replayed text after the sentence that was the last."""
    replay = _replay(replay=3)
    text = [*_slot(100), *_slot(200), [1, 2]]
    fresh, replayed_at, replayed = [], [], []
    for part in replay.mix(_encoded(text)):
        if part.is_replayed:
            replayed_at.append(len(fresh))
            replayed += _sentences(part)
        else:
            fresh += _sentences(part)
    assert fresh == text
    assert replayed_at == [128] * 3 + [256] * 3
    assert replay.number == 2
    assert len(replayed) == 6 * 128
    assert {tuple(sentence) for sentence in replayed} <= {tuple(sentence) for sentence in text}


def test_each_text_is_looked_at_about_replay_times_and_never_after_it_was_overwritten() -> None:
    replay = _replay(replay=4, slots=5)
    passes: Counter[int] = Counter()
    for number in range(400):
        for part in replay.mix(_encoded([[number + 1000] * 64] * 128)):
            if part.is_replayed:
                shown = int(part.ids[0]) - 1000
                assert number - 5 <= shown < number
                passes[shown] += 1
    counts = [passes[number] for number in range(10, 390)]
    assert np.mean(counts) == pytest.approx(4.0, abs=0.15)
    # Drawn without regard to earlier passes they would be binomial: 20 * 0.2 * 0.8 = 3.2.
    assert np.var(counts) < 1.0


def test_frequent_words_are_thinned_anew_at_each_look_and_rare_ones_never() -> None:
    """Fresh and past text alike; what is kept in the ring is whole."""
    replay = _replay(replay=1)
    counts = np.array([90_000.0, 40.0, 50.0])
    replay.set_counts(counts, 100_000.0)
    share = 0.001 * 100_000 / 90_000
    expected = np.sqrt(share) + share
    text = [[0] * 30 + [1] + [0] * 30 + [2]] * 133  # one slot holds 132 of them
    parts = list(replay.mix(_encoded(text)))
    fresh = np.concatenate([part.ids for part in parts if not part.is_replayed])
    (look,) = (part.ids for part in parts if part.is_replayed)
    assert np.count_nonzero(fresh == 0) / (60 * 133) == pytest.approx(expected, rel=0.2)
    assert np.count_nonzero(fresh == 1) == np.count_nonzero(fresh == 2) == 133
    kept = replay.read(0)
    assert np.count_nonzero(kept.ids == 0) == 60 * 132
    assert not np.array_equal(look, fresh[: len(look)])


def test_words_whose_rows_changed_hands_are_not_trained_again() -> None:
    """What was kept before is dropped, also of the slot that is open; what comes later is not."""
    replay = _replay()
    list(replay.mix(_encoded([*_slot(100), [7, 8, 9], [7, 8]])))
    replay.reset(np.array([7, 120], np.int32))
    list(replay.mix(_encoded([*_slot(200), [7, 120]])))
    assert replay.number == 2
    assert 120 not in replay.read(0).ids
    assert len(replay.read(0).ids) == sum(word != 120 for s in _slot(100) for word in s)
    assert _sentences(replay.read(1))[0] == [8, 9]  # [7, 8] is left with one word and is gone
    assert _sentences(replay.read(2)) == [*_slot(200)[-1:], [7, 120]]


def test_forgotten_words_leave_and_the_word_that_moved_is_found_under_its_new_row() -> None:
    replay = _replay()
    list(replay.mix(_encoded([[7, 8, 9, 30], [9, 30], [30, 7]])))
    replay.reset(np.array([8], np.int32))
    replay.remove(7, 30)  # row 30 is now called 7
    assert _sentences(replay.read(0)) == [[9, 7], [9, 7]]
    replay.remove(9, 9)
    assert _sentences(replay.read(0)) == []
    list(replay.mix(_encoded([[7, 30]])))  # row 30 has another word, a new one
    assert _sentences(replay.read(0)) == [[7, 30]]


def test_a_moved_row_takes_its_past_along() -> None:
    """The last row changed hands before it moved: what is older than that stays dropped."""
    replay = _replay()
    list(replay.mix(_encoded([*_slot(100), [30, 31]])))
    replay.reset(np.array([30], np.int32))
    list(replay.mix(_encoded([*_slot(200), [30, 31]])))
    replay.remove(5, 30)
    assert _sentences(replay.read(1))[0] == _slot(200)[0]
    assert _sentences(replay.read(2))[-1] == [5, 31]


@pytest.mark.parametrize(("before", "after"), [(4, 4), (4, 2), (2, 4), (8, 5)])
def test_a_ring_is_taken_over_or_its_newest_text(before: int, after: int) -> None:
    """Also into a ring of another size, where stale words stay stale."""
    saved = _replay(slots=before)
    for number in range(7):
        list(saved.mix(_encoded([[number + 1000, 50] * 32] * 128)))
        if number == 4:
            saved.reset(np.array([50], np.int32))
    restored = _replay(slots=after)
    restored.restore({name: array.copy() for name, array in saved.state(10_000).items()})
    n_kept = min(before, after, 7)
    for back in range(n_kept):
        expected = _sentences(saved.read(saved.number - back))
        assert _sentences(restored.read(restored.number - back)) == expected
    assert any(_sentences(saved.read(saved.number - back)) for back in range(2))
    for number in range(7, 40):
        for part in restored.mix(_encoded([[number + 1000] * 64] * 128)):
            assert len(part.sentence_ends)
    assert restored.number == 39 - (0 if n_kept == min(after, 7) else 7 - n_kept)


def test_replay_trains_more_pairs_and_counts_fresh_text_alone() -> None:
    text = zipf_text(1500)
    config = LearnerConfig(vector_size=16, min_count=2, max_vocab_size=1000, sample=0)
    plain, replayed = (
        OnlineWord2Vec(config),
        OnlineWord2Vec(config.model_copy(update={"replay": 2})),
    )
    one, other = plain.learn_text(text), replayed.learn_text(text)
    assert (one.words, one.trained_words) == (other.words, other.trained_words)
    assert one.replayed_pairs == 0
    assert other.pairs == pytest.approx(one.pairs, rel=0.01)  # windows are drawn anew
    assert other.replayed_pairs == pytest.approx(2 * one.pairs, rel=0.1)
    assert replayed.max_bytes - plain.max_bytes >= 2 * 16_000_000  # and a copy for a snapshot
    assert other.loss < one.loss


def test_fresh_text_is_thinned_as_much_as_without_replay() -> None:
    """Though the counts that decide it are those of the last upkeep."""
    text = zipf_text(4000)
    config = LearnerConfig(vector_size=4, min_count=1, max_vocab_size=1000, sample=1e-3)
    plain = OnlineWord2Vec(config).learn_text(text)
    model = OnlineWord2Vec(config.model_copy(update={"replay": 1}))
    replayed = model.learn_text(text)
    assert plain.trained_words < 0.4 * plain.words
    assert replayed.trained_words == pytest.approx(plain.trained_words, rel=0.05)


def test_rates_of_word_vectors_stay_high_for_longer_with_replay() -> None:
    """They fall as without, after so many times the updates; those of output vectors at once."""
    later = 8 * RATE_STEPS  # 1 + 37 * 7 is 2^8 and a little
    plain, replayed = (rate_table(NegativeSampling.skip_gram, 0.05, 5, replay) for replay in (0, 7))
    many = 10 * RATE_STEPS
    np.testing.assert_allclose(replayed[0, many + later :], plain[0, many:-later], rtol=0.02)
    assert (replayed[0, many:] > 1.05 * plain[0, many:]).all()
    np.testing.assert_array_equal(replayed[1], plain[1])


def test_threads_replay_as_much_and_count_fresh_text_alone() -> None:
    text = zipf_text(1500)
    config = LearnerConfig(vector_size=16, max_vocab_size=1000, sample=0, replay=2)
    one = OnlineWord2Vec(config).learn_text(text)
    model = OnlineWord2Vec(config.model_copy(update={"threads": 2}))
    first, rest = model.learn_text(text, wait=False), model.flush()
    assert first.pairs + rest.pairs == pytest.approx(one.pairs, rel=0.01)
    assert first.replayed_pairs + rest.replayed_pairs == pytest.approx(one.replayed_pairs, rel=0.01)
    assert np.isfinite(model.embeddings.vectors).all()


def test_the_snapshot_document_lists_what_replay_adds(tmp_path: Path) -> None:
    config = LearnerConfig(vector_size=4, max_vocab_size=100, replay=1)
    manifest = json.loads((OnlineWord2Vec(config).snapshot(tmp_path) / "manifest.json").read_text())
    added = [name for name in manifest["files"] if "/replay" in name]
    assert len(added) == 7
    for name in added:
        assert f"`{Path(name).name}`" in _DOCUMENT.read_text()
