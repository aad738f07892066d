"""What the vocabulary promises when there are more words than room."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.errors import UnknownWordError
from w2v_online.kernels import table
from w2v_online.learning import replay, vocabulary
from w2v_online.learning.vocabulary import EVICTION_MARGIN


@pytest.fixture
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> int:
    """Room for 600 candidates only, so that small streams overflow it."""
    monkeypatch.setattr(vocabulary, "MIN_CANDIDATES", 600)
    return 600


def _model(rows: int, **options: object) -> OnlineWord2Vec:
    defaults = {"vector_size": 4, "min_count": 2, "negative": 2, "max_vocab_size": rows}
    return OnlineWord2Vec(LearnerConfig.model_validate(defaults | options))


def _zipf_words(seed: int, exponent: float, distinct: int, words: int) -> list[str]:
    rng = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, distinct + 1) ** exponent
    return [f"w{i}" for i in rng.choice(distinct, words, p=shares / shares.sum())]


def _held(model: OnlineWord2Vec) -> dict[str, tuple[float, float]]:
    """Count and error of every word that is held, with or without a row."""
    words = model.vocabulary
    held = {
        word: (float(count), float(error))
        for word, count, error in zip(words.words(), words.counts, words.count_errors, strict=True)
    }
    errors = words.arrays.errors
    for word, count in words.candidate_counts():
        entry = words.entry(word.decode())
        held[word.decode()] = (count, float(errors[entry]))
    return held


@pytest.mark.parametrize("exponent", [0.8, 1.0, 1.2, 1.4])
@pytest.mark.parametrize("seed", range(5))
def test_counts_errors_and_absences_keep_their_bounds(
    seed: int, exponent: float, few_candidates: int
) -> None:
    """Ten times more words than rows: no count is too high, none misses more than its error."""
    stream = _zipf_words(seed, exponent, distinct=3000, words=40_000)
    model = _model(rows=300)
    for first in range(0, len(stream), 20):
        model.learn([stream[first : first + 20]])
    model.vocabulary.evict()
    true = Counter(stream)
    held = _held(model)
    bound = model.vocabulary.max_missed
    assert bound <= 4 * len(stream) / (3 * few_candidates)
    for word, count in true.items():
        if word in held:
            lower, error = held[word]
            assert lower <= count <= lower + error
        else:
            assert count <= bound
    rows = set(model.vocabulary.words())
    assert len(rows) == 300
    rarest = float(model.vocabulary.counts.min())
    row_bound = max(model.config.min_count + bound, EVICTION_MARGIN * rarest + 1.0 + bound)
    assert {word for word, n in true.items() if n > row_bound} <= rows
    ranked = sorted(held, key=lambda word: -held[word][0])[:100]
    for earlier, later in pairwise(ranked):
        if held[earlier][0] > held[later][0] + held[later][1]:
            assert true[earlier] > true[later]


def test_evicted_rows_start_afresh(few_candidates: int) -> None:
    """The new word on a row has a random vector, no output vector and no past."""
    model = _model(rows=5, sample=0)
    model.learn([["a", "b", "c", "d", "e"]] * 300)
    before = model.embeddings.matrices.syn1[:5].copy()
    assert before[:, :4].any(axis=1).all()
    text = model.vocabulary
    model.learn([["new"]] * 400)
    assert model.evicted_words == 1
    row = text.entry("new")
    assert 0 <= row < 5
    assert not model.embeddings.matrices.syn1[row].any()
    assert np.abs(model.embeddings.vectors[row]).max() <= 0.3 / 2
    assert model.embeddings.matrices.updates0[row] == 0
    evicted = ({"a", "b", "c", "d", "e"} - set(text.words())).pop()
    assert text.max_rows <= text.entry(evicted)
    assert dict(text.candidate_counts())[evicted.encode()] == 300


@pytest.mark.parametrize(("count", "takes_a_row"), [(101, False), (109, False), (113, True)])
def test_a_row_is_only_given_to_a_word_that_is_clearly_more_frequent(
    few_candidates: int, count: int, takes_a_row: bool
) -> None:
    """Else two words of like counts would take it from each other again and again."""
    model = _model(rows=3, sample=0)
    model.learn([["a", "b", "c"]] * 100)
    model.learn([["new"]] * count)
    model.vocabulary.evict()
    assert ("new" in model.vocabulary.words()) == takes_a_row
    assert model.evicted_words <= takes_a_row


_ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("learn"), st.lists(st.integers(0, 40), min_size=1, max_size=30)),
        st.tuples(st.just("forget"), st.lists(st.integers(0, 40), max_size=3)),
        st.tuples(st.just("pin"), st.lists(st.integers(0, 40), max_size=1)),
        st.tuples(st.just("restore"), st.just([])),
    ),
    max_size=40,
)


def _replayable(model: OnlineWord2Vec) -> list[list[str]]:
    """Every sentence that can be replayed."""
    assert model.replay is not None
    words, sentences = model.vocabulary.words(), []
    for number in range(
        max(0, model.replay.number + 1 - len(model.replay.slots)), model.replay.number + 1
    ):
        encoded = model.replay.read(number)
        parts = np.split(encoded.ids, encoded.sentence_ends)[:-1]
        sentences += [[words[row] for row in ids] for ids in parts]
    return sentences


def _is_within(part: list[str], sentence: list[str]) -> bool:
    """Whether the words of ``part`` are words of the sentence, in that order."""
    rest = iter(sentence)
    return all(word in rest for word in part)


def test_text_of_evicted_words_is_not_replayed_as_the_words_on_their_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor are forgotten words or the one that moved to their row mistaken for others."""
    monkeypatch.setattr(replay, "SLOT_IDS", 30)
    model = _model(rows=5, sample=0, replay=1, replay_words=8192)
    learned = [["a", "b", "c", "d", "e"], ["new", "newer", "new"]]
    model.learn([learned[0]] * 300)
    model.learn([learned[1]] * 400)
    assert model.evicted_words == 2
    parts = _replayable(model)
    assert all(any(_is_within(part, sentence) for sentence in learned) for part in parts)
    assert ["new", "newer", "new"] in parts
    first = model.vocabulary.words()[0]
    assert model.forget([first]) == [first]
    after = _replayable(model)
    assert after == [part for p in parts if len(part := [w for w in p if w != first]) > 1]


@given(_ACTIONS, st.sampled_from([0, 50]))
@settings(deadline=None, max_examples=150)
def test_any_history_leaves_everything_in_step(
    tmp_path_factory: pytest.TempPathFactory, actions: list[tuple[str, list[int]]], half_life: int
) -> None:
    """Words, rows, matrices and draws agree after any sequence of what can be done to them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary, "MIN_CANDIDATES", 12)
        patch.setattr(replay, "SLOT_IDS", 30)
        model = _model(rows=6, half_life=half_life, replay=1, replay_words=8192, sample=0)
        learned: list[list[str]] = []
        pinned: set[str] = set()
        forgotten: set[str] = set()
        for action, numbers in actions:
            words = [f"word{number}" for number in numbers]
            if action == "learn":
                model.learn([words])
                learned.append(words)
                forgotten -= set(words)
            elif action == "forget":
                model.forget(words)
                forgotten |= set(words)
                learned = [[w for w in sentence if w not in words] for sentence in learned]
                pinned -= set(words)
            elif action == "pin":
                rows = [word for word in words if word in model.vocabulary.words()]
                model.pin(rows)
                pinned |= set(rows)
            else:
                folder = tmp_path_factory.mktemp("s")
                path = model.snapshot(folder)
                assert not forgotten & set(load_vectors(path).words)
                model = OnlineWord2Vec.restore(path)
            text = model.vocabulary
            listed = text.words()
            assert [text.entry(word) for word in listed] == list(range(len(listed)))
            candidates = dict(text.candidate_counts())
            assert len(candidates) == text.candidates <= text.max_candidates
            assert not set(listed) & {word.decode() for word in candidates}
            assert all(text.entry(word.decode()) >= text.max_rows for word in candidates)
            assert pinned <= set(listed)
            assert all(text.entry(word) == -1 for word in forgotten)
            assert len(model.embeddings) == len(listed) <= 6
            assert not model.embeddings.matrices.syn0[len(listed) :].any()
            assert not model.embeddings.matrices.syn1[len(listed) :].any()
            negatives = model.trainers.first.negatives
            assert (negatives.block[int(negatives.next[0]) :] < len(listed)).all()
            assert np.isfinite(model.embeddings.vectors).all()
            for part in _replayable(model):
                assert any(_is_within(part, sentence) for sentence in learned)


def test_forgotten_words_are_in_no_file_of_the_next_snapshot(tmp_path: Path) -> None:
    model = _model(rows=50)
    model.learn([["secretname", "b", "c", "rareword"], ["secretname", "b", "c"]] * 3)
    model.learn([["waiting"]])
    assert model.forget(["secretname", "waiting", "never seen"]) == ["secretname", "waiting"]
    path = model.snapshot(tmp_path)
    content = b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())
    assert b"rareword" in content
    assert b"secretname" not in content
    assert b"waiting" not in content


def test_words_of_any_length_are_listed_whole_with_a_row_or_without() -> None:
    """In the order asked for, though whole words of eight bytes are written."""
    words = ["é" * (length // 2) + "x" * (length % 2) for length in range(1, 34)]
    model = _model(rows=20)
    model.learn([words[::2] * 2 + words[1::2]])
    text = model.vocabulary
    asked = [words[i] for i in np.random.default_rng(3).integers(0, len(words), 100)]
    entries = np.array([text.entry(word) for word in asked], np.int32)
    assert 0 < np.count_nonzero(entries >= text.max_rows) < 100
    assert bytes(text.word_lines(entries)) == "".join(f"{word}\n" for word in asked).encode()
    assert bytes(text.word_lines(entries[:0])) == b""


def test_pinned_words_stay_and_unknown_ones_are_refused() -> None:
    model = _model(rows=2, sample=0)
    model.learn([["old", "older"]] * 5)
    model.pin(["old"])
    model.learn([["new", "newer"]] * 500)
    assert set(model.vocabulary.words()) & {"old", "older"} == {"old"}
    with pytest.raises(UnknownWordError, match="older"):
        model.pin(["older"])


def test_a_string_is_not_taken_for_a_list_of_letters() -> None:
    model = _model(rows=20, min_count=1)
    model.learn([["c", "a", "t", "cat"]])
    for act in (model.forget, model.pin):
        with pytest.raises(TypeError, match="list of words"):
            act("cat")
    assert len(model.vocabulary) == 4


def test_counts_halve_within_a_half_life() -> None:
    """A word seen 64 times counts 16 two half-lives later; new occurrences count in full."""
    model = _model(rows=100, half_life=1000, min_count=1)
    model.learn([["old"]] * 64)
    model.learn([[f"other{i % 50}" for i in range(20)]] * 100)
    counts = dict(zip(model.vocabulary.words(), model.vocabulary.counts, strict=True))
    decayed = sum(2.0 ** -((2064 - when) / 1000) for when in range(1, 65))
    assert counts["old"] == pytest.approx(decayed, rel=1e-6)
    assert counts["old"] == pytest.approx(16, rel=0.05)
    entries = np.arange(len(model.vocabulary))
    np.testing.assert_allclose(
        model.vocabulary.entry_counts(entries), model.vocabulary.counts, rtol=1e-12
    )


def test_decay_survives_rescaling_and_makes_room() -> None:
    """After hundreds of half-lives counters are finite, and yesterday's words lose their rows."""
    model = _model(rows=20, half_life=200, sample=0)
    for epoch in range(60):
        model.learn([[f"e{epoch}w{i}" for i in range(20)]] * 40)
    assert set(model.vocabulary.words()) == {f"e59w{i}" for i in range(20)}
    assert np.isfinite(model.vocabulary.counts).all()
    assert model.vocabulary.counts.sum() == pytest.approx(200 / np.log(2), rel=0.2)


def test_a_row_is_given_to_the_most_frequent_of_those_that_wait() -> None:
    model = _model(rows=2, min_count=1)
    model.learn([["a"] * 400 + ["b"] * 2, ["c"] * 20 + ["d"] * 90 + ["e"] * 50])
    assert model.vocabulary.words() == ["a", "d"]
    assert model.evicted_words == 1


def test_the_table_is_at_most_half_full_also_after_a_restart(tmp_path: Path) -> None:
    """Of entries, and of memory: of so many entries as there can be it takes twice to four times.

    Above that a look-up takes long, as text of chosen words could make it take.
    """
    model = _model(rows=1 << 15)
    model.learn([[f"w{i}" for i in range(at, at + 500)] for at in range(0, 6000, 500)])
    arrays = model.vocabulary.arrays
    arrays_bytes = sum(array.nbytes for array in arrays)
    assert model.vocabulary.max_bytes >= arrays_bytes + 40 * model.vocabulary.max_rows
    entries = len(arrays.counts)
    assert 2 * entries <= len(arrays.table) < 4 * entries
    restored = OnlineWord2Vec.restore(model.snapshot(tmp_path))
    for words in (model.vocabulary, restored.vocabulary):
        held = len(words) + words.candidates
        assert held == 6000
        assert 1 << int(words.arrays.numbers[table.TABLE_BITS]) >= 2 * held


def test_each_of_several_that_wait_must_be_clearly_more_frequent() -> None:
    model = _model(rows=2, min_count=1)
    model.learn([["x"] * 100 + ["y"] * 190, ["c"] * 300 + ["d"] * 195])
    assert model.evicted_words == 1
    assert sorted(model.vocabulary.words()) == ["c", "y"]


def test_a_full_table_is_as_large_after_a_restart_as_before() -> None:
    """Rows and candidates may be a power of two, and all taken."""
    model = _model(rows=1 << 16, min_count=1)
    words = [f"w{i}" for i in range(1 << 17)]
    model.learn([words[at : at + 1000] for at in range(0, len(words), 1000)])
    before = model.vocabulary
    assert len(before) + before.candidates == len(words)
    after = _model(rows=1 << 16, min_count=1).vocabulary
    after.restore({name: array.copy() for name, array in before.state().items()})
    np.testing.assert_array_equal(after.arrays.numbers, before.arrays.numbers)
    assert [after.entry(word) for word in words[::999]] == [
        before.entry(word) for word in words[::999]
    ]
