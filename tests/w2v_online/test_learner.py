"""The learner as a whole: what it promises about determinism, snapshots and vectors."""

from __future__ import annotations

import gc
import inspect
import json
import threading
import weakref
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.errors import SnapshotError, SnapshotMismatchError
from w2v_online.kernels import assignment, forgetting, table, tree
from w2v_online.kernels.cbow import train_cbow
from w2v_online.kernels.encode import MAX_SENTENCE_WORDS, encode
from w2v_online.kernels.grouping import carry_over, divide_words
from w2v_online.kernels.hs import train_hs
from w2v_online.kernels.noise import draw_block, noise_weights, remap_draws
from w2v_online.kernels.ns import train_ns
from w2v_online.kernels.replay import (
    append_sentences,
    choose_slots,
    move_row,
    read_sentences,
    subsample,
)
from w2v_online.kernels.rows import average_rows, encode_rows, initialise_rows
from w2v_online.kernels.softmax import list_windows
from w2v_online.kernels.training import MAX_UPDATES
from w2v_online.learning import replay, trainers
from w2v_online.learning.averages import (
    MIN_UPDATES,
    REPLAY_PULL,
    SHARE,
    SWEEP_VISITS,
    Averages,
    averages_of,
    decode,
)
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.rates import MIN_ALPHA, rate_scale
from w2v_online.learning.warmup import warm_up
from w2v_online.snapshots.writer import encode_manifest

SMALL = LearnerConfig(vector_size=20, min_count=2, max_vocab_size=500, sample=1e-2, negative=4)


def _stream(lines: int = 400, seed: int = 0) -> bytes:
    """Zipf-distributed words in lines of uneven length, one of them very long."""
    rng = np.random.default_rng(seed)
    text = []
    for i in range(lines):
        length = 2500 if i == lines // 2 else int(rng.integers(0, 30))
        words = rng.zipf(1.2, length).clip(1, 900)
        text.append(b" ".join(b"w%d" % word for word in words))
    return b"\n".join(text) + b"\n"


def _same(a: OnlineWord2Vec, b: OnlineWord2Vec) -> None:
    assert a.vocabulary.words() == b.vocabulary.words()
    np.testing.assert_array_equal(a.vocabulary.counts, b.vocabulary.counts)
    np.testing.assert_array_equal(a.embeddings.vectors, b.embeddings.vectors)
    np.testing.assert_array_equal(a.vectors(), b.vectors())
    np.testing.assert_array_equal(a.embeddings.output_vectors, b.embeddings.output_vectors)
    assert a.totals() == b.totals()


@pytest.fixture(scope="module")
def _small_slots() -> Iterator[None]:
    """Slots of one long sentence, so that small streams fill a ring of nine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "SLOT_IDS", MAX_SENTENCE_WORDS)
        yield


_REPLAYED = {"replay": 2, "replay_words": 9 * MAX_SENTENCE_WORDS}


@pytest.mark.usefixtures("_small_slots")
@given(
    st.lists(st.integers(1, 399), max_size=8),
    st.sampled_from([{}, {"half_life": 3000}, _REPLAYED]),
)
@settings(deadline=None, max_examples=40)
def test_the_model_does_not_depend_on_how_records_were_batched(
    cuts: list[int], options: dict[str, int]
) -> None:
    """Rows change hands, counts fade and past text is replayed meanwhile."""
    config = SMALL.model_copy(update={"max_vocab_size": 100, **options})
    text = _stream()
    whole = OnlineWord2Vec(config)
    whole.learn_text(text)
    assert whole.evicted_words > 0
    assert whole.replay is None or whole.replay.number > 3
    lines = text.splitlines(keepends=True)
    pieces = OnlineWord2Vec(config)
    edges = [0, *sorted(cuts), len(lines)]
    for begin, end in pairwise(edges):
        pieces.learn_text(b"".join(lines[begin:end]))
    _same(whole, pieces)


@pytest.mark.usefixtures("_small_slots")
@given(st.integers(0, 400), st.sampled_from([{}, {"max_vocab_size": 100, **_REPLAYED}]))
@settings(deadline=None, max_examples=20)
def test_stop_and_resume_gives_the_bytes_of_an_uninterrupted_run(
    tmp_path_factory: pytest.TempPathFactory, cut: int, options: dict[str, int]
) -> None:
    folder = tmp_path_factory.mktemp("snapshots")
    config = SMALL.model_copy(update=options)
    lines = _stream(seed=3).splitlines(keepends=True)
    whole = OnlineWord2Vec(config)
    whole.learn_text(b"".join(lines))
    first = OnlineWord2Vec(config)
    first.learn_text(b"".join(lines[:cut]))
    resumed = OnlineWord2Vec.restore(first.snapshot(folder))
    resumed.learn_text(b"".join(lines[cut:]))
    _same(whole, resumed)
    if whole.replay is not None and resumed.replay is not None:
        states = (whole.replay.state(len(whole.embeddings)), resumed.replay.state(len(lines)))
        for name, array in states[0].items():
            np.testing.assert_array_equal(array, states[1][name][: len(array)])


def test_seeds_make_different_models_and_the_same_seed_the_same() -> None:
    text = _stream()
    models = []
    for seed in (1, 1, 2):
        model = OnlineWord2Vec(SMALL.model_copy(update={"seed": seed}))
        model.learn_text(text)
        models.append(model)
    _same(models[0], models[1])
    assert not np.array_equal(models[0].embeddings.vectors, models[2].embeddings.vectors)


def test_words_of_the_same_company_end_up_near_each_other() -> None:
    """Two topics that share no word separate: every word's neighbours are its own topic's."""
    rng = np.random.default_rng(0)
    topics = [[f"{topic}{i}" for i in range(10)] for topic in "ab"]
    model = OnlineWord2Vec(LearnerConfig(vector_size=16, min_count=1, sample=0, max_vocab_size=50))
    stats = model.learn([rng.choice(topics[i % 2], 8).tolist() for i in range(4000)])
    vectors = model.embeddings.vectors
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    words = model.vocabulary.words()
    for row, word in enumerate(words):
        nearest = np.argsort(-(unit @ unit[row]))[1:6]
        assert {words[i][0] for i in nearest} == {word[0]}
    assert stats.words == 32_000
    assert stats.loss < 3.0


def test_learn_takes_tokens_as_they_are() -> None:
    """Tokens may hold spaces and any script; strings in place of lists are refused."""
    model = OnlineWord2Vec(LearnerConfig(min_count=1, max_vocab_size=10, sample=0))
    stats = model.learn([["new york", "été", "北京"], [], ["new york"]])
    assert (stats.records, stats.words) == (3, 4)
    assert model.vocabulary.words() == ["new york", "été", "北京"]
    with pytest.raises(TypeError, match="list of tokens"):
        model.learn(["a b c"])


def test_text_that_is_not_utf8_is_refused_and_nothing_of_it_learned(tmp_path: Path) -> None:
    """Else no snapshot's words could be read."""
    model = OnlineWord2Vec(LearnerConfig(min_count=1, max_vocab_size=10))
    for learn in (model.learn_text, model.learn_scored_text):
        with pytest.raises(ValueError, match="not UTF-8 at byte 6"):
            learn(b"a cat\n\xff\xfeabc dog\n")
    assert model.is_new
    model.learn_text("a café\n".encode())
    assert load_vectors(model.snapshot(tmp_path)).words == ["a", "café"]


def test_a_model_with_threads_ends_with_its_last_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is free at once, for another one in this process; its threads end soon."""
    monkeypatch.setattr(trainers, "IDLE_SECONDS", 0.01)
    before = set(threading.enumerate())
    model = OnlineWord2Vec(SMALL.model_copy(update={"threads": 2}))
    model.learn([["a", "b", "c"] * 9])
    own = set(threading.enumerate()) - before
    assert len(own) == 2
    embeddings = weakref.ref(model.embeddings)
    del model
    gc.collect()
    assert embeddings() is None
    for thread in own:
        thread.join(60)
        assert not thread.is_alive()


def test_several_threads_count_exactly_and_learn_the_same_things() -> None:
    """Lock-free training changes the vectors a little, but no count, and both topics separate."""
    text = _stream(lines=600)
    models = []
    for threads in (1, 3):
        model = OnlineWord2Vec(SMALL.model_copy(update={"threads": threads}))
        first = model.learn_text(text, wait=False)
        rest = model.flush()
        models.append((model, first.positive_pairs + rest.positive_pairs, first.words))
    (one, pairs_one, words_one), (three, pairs_three, words_three) = models
    assert (words_one, one.totals()) == (words_three, three.totals())
    np.testing.assert_array_equal(one.vocabulary.counts, three.vocabulary.counts)
    assert pairs_three == pytest.approx(pairs_one, rel=0.02)  # windows are drawn anew
    assert np.isfinite(three.embeddings.vectors).all()


def test_warming_up_leaves_nothing_to_compile_in_the_middle_of_a_stream() -> None:
    """Learning, eviction, saving and restoring all have their code when it returns."""
    warm_up(SMALL.model_copy(update={"replay": 1}))
    used = [encode, train_ns, noise_weights, draw_block, remap_draws, initialise_rows]
    used += [append_sentences, read_sentences, choose_slots, subsample, move_row]
    used += [average_rows, encode_rows]
    used += [forgetting.rarest_rows, assignment.swap_rows, table.rebuild, table.copy_words]
    warm_up(SMALL.model_copy(update={"loss": "hs", "cbow": True}))
    used += [train_hs, tree.insert_leaves, tree.order_nodes, tree.weigh_nodes, tree.list_below]
    used += [tree.swap_nodes, tree.mark_paths, divide_words, carry_over]
    assert all(kernel.signatures for kernel in used)  # type: ignore[attr-defined]


def test_averages_are_of_the_path_of_vectors() -> None:
    """A row visited k times holds x_1 and then a fifth of the way to each x_k."""
    model = OnlineWord2Vec(SMALL)
    assert model.averages is not None
    rng = np.random.default_rng(5)
    expected: dict[int, np.ndarray] = {}
    updates: dict[int, int] = {}
    model.learn([[f"w{i}" for i in rng.integers(0, 50, 20)] for _ in range(300)])
    rows = len(model.vocabulary)
    model.averages.reset(np.arange(rows, dtype=np.int32))
    model.averages.visits = 0
    for sweep in range(4):
        for row in range(rows):
            count = sweep * 100 + row
            model.embeddings.matrices.updates0[row] = count if row % 3 else 7
            model.embeddings.vectors[row] = rng.normal(size=SMALL.vector_size)
            if row % 3 and count >= MIN_UPDATES:
                x = model.embeddings.vectors[row]
                old = expected.get(row, x)
                expected[row] = old + SHARE * (x - old)
                updates[row] = count
        for _ in range(SWEEP_VISITS):
            model.averages.visit()
        model.averages.visit()  # nothing was updated since the first part's turn
        model.averages.visits -= 1
    assert model.averages.rows.tolist() == sorted(expected)
    averages = dict(zip(model.averages.rows, model.averages.of(model.averages.rows), strict=True))
    for row, want in expected.items():
        # Four roundings, each to within the 64th part of the largest value.
        tolerance = 4 * np.abs(want).max() / 64
        np.testing.assert_allclose(averages[row], want, rtol=0, atol=tolerance)
    assert 0 < len(expected) < rows


@pytest.mark.parametrize("replay", [0, 2])
def test_with_replay_vectors_are_pulled_towards_their_averages(replay: int) -> None:
    """By a fifth of the way at a turn, and only where text is learned several times."""
    model = OnlineWord2Vec(SMALL.model_copy(update={"replay": replay}))
    model.learn([[f"w{i % 7}" for i in range(20)]] * 20)
    assert model.averages is not None
    rows = len(model.vocabulary)
    model.averages.reset(np.arange(rows, dtype=np.int32))
    model.embeddings.matrices.updates0[:rows] = MIN_UPDATES
    for _ in range(SWEEP_VISITS):
        model.averages.visit()
    before = model.embeddings.vectors.copy()
    np.testing.assert_allclose(before, model.vectors(), atol=np.abs(before).max() / 64)
    model.embeddings.vectors[:] = after = -before
    model.embeddings.matrices.updates0[:rows] += 1
    for _ in range(SWEEP_VISITS):
        model.averages.visit()
    average = before + SHARE * (after - before)
    want = after + (REPLAY_PULL * (average - after) if replay else 0)
    np.testing.assert_allclose(
        model.embeddings.vectors, want, rtol=0, atol=np.abs(before).max() / 64
    )
    assert REPLAY_PULL == 0.2


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_a_row_updated_billions_of_times_keeps_its_low_rate(loss: str) -> None:
    """Counts stop before they would begin anew, and averages go on following."""
    model = OnlineWord2Vec(SMALL.model_copy(update={"loss": loss, "sample": 0}))
    model.learn([["a", "b"]] * 50)
    matrices = model.embeddings.matrices
    rows = len(model.vocabulary)
    matrices.updates0[:rows] = matrices.updates1[:rows] = MAX_UPDATES - 1
    words = []
    for _ in range(2):
        model.learn([["a", "b", "a"]] * 50)
        assert model.averages is not None
        for _ in range(SWEEP_VISITS):
            model.averages.visit()
        words.append(model.averages.words[:rows].copy())
    assert matrices.updates0[:rows].tolist() == [MAX_UPDATES] * rows
    assert matrices.updates1[:rows].max() == MAX_UPDATES
    lowest = MIN_ALPHA * rate_scale(model.objective.profile, model.total_words)
    for rates in model.learning_rates():
        np.testing.assert_allclose(rates[: rows - 1], lowest, rtol=1e-6)
    assert not np.array_equal(words[0].view(np.int8), words[1].view(np.int8))


def test_averages_are_rounded_without_bias_and_restored_exactly() -> None:
    rng = np.random.default_rng(2)
    averages = Averages(Embeddings(500, 33, 0), 500)
    embeddings, rows = averages._embeddings, np.arange(500, dtype=np.int32)
    embeddings.grow(500)
    scales = 10.0 ** rng.integers(-30, 30, (500, 1))
    start = (rng.normal(size=(500, 33)) * scales).astype(np.float32)
    start[0] = 0.0
    embeddings.vectors[:] = start
    embeddings.matrices.updates0[:] = MIN_UPDATES
    for _ in range(SWEEP_VISITS):
        averages.visit()
    # An average that is as near as can be is the vector itself.
    np.testing.assert_array_equal(averages_of(embeddings.vectors, averages.words), start)
    # What is rounded to the nearest at first, and at random then, is right on average.
    unit = np.maximum(np.abs(start).max(axis=1, keepdims=True), 1e-37) / 64
    embeddings.vectors[:] += 0.5 * unit
    embeddings.matrices.updates0[:] += 1
    for _ in range(SWEEP_VISITS):
        averages.visit()
    errors = (decode(averages.words, 33) - start)[1:] / unit[1:] - 0.5 * SHARE
    assert np.abs(errors).max() <= 1.5
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(errors.size)
    # Older snapshots hold their values alone, which are all that is needed to go on.
    restored = Averages(embeddings, 500)
    restored.restore_values(
        averages.averaged, rows, averages_of(embeddings.vectors, averages.words)
    )
    np.testing.assert_array_equal(restored.words.view(np.int8), averages.words.view(np.int8))


def test_without_averaging_the_vectors_themselves_are_published(tmp_path: Path) -> None:
    plain = OnlineWord2Vec(SMALL.model_copy(update={"averaging": False}))
    averaged = OnlineWord2Vec(SMALL)
    for model in (plain, averaged):
        model.learn_text(_stream())
    np.testing.assert_array_equal(plain.vectors(), plain.embeddings.vectors)
    np.testing.assert_array_equal(plain.embeddings.vectors, averaged.embeddings.vectors)
    assert not np.array_equal(plain.vectors(), averaged.vectors())
    assert plain.max_bytes < averaged.max_bytes
    # Going on without averages keeps the vectors that training had.
    resumed = OnlineWord2Vec.restore(averaged.snapshot(tmp_path), plain.config)
    np.testing.assert_array_equal(resumed.vectors(), plain.vectors())


def test_nothing_to_learn_is_no_pairs_and_no_loss() -> None:
    model = OnlineWord2Vec(SMALL)
    stats = model.learn_text(b"")
    assert (stats.records, stats.words, stats.pairs) == (0, 0, 0)
    assert np.isnan(stats.loss)


def test_a_snapshot_reads_back_in_count_order(tmp_path: Path) -> None:
    model = OnlineWord2Vec(SMALL)
    model.learn_text(_stream())
    vectors = load_vectors(model.snapshot(tmp_path, positions={"test": {"line": 400}}))
    assert list(vectors.counts) == sorted(vectors.counts, reverse=True)
    rows = {word: row for row, word in enumerate(model.vocabulary.words())}
    for word, count in zip(vectors.words, vectors.counts, strict=True):
        assert model.vocabulary.counts[rows[word]] == count
        np.testing.assert_array_equal(vectors[word], model.vectors()[rows[word]])
    assert vectors.manifest["positions"] == {"test": {"line": 400}}


def test_resume_refuses_what_the_arrays_do_not_fit(tmp_path: Path) -> None:
    path = OnlineWord2Vec(SMALL, tokenizer="whitespace").snapshot(tmp_path)
    other = SMALL.model_copy(update={"vector_size": 21})
    with pytest.raises(SnapshotMismatchError, match="vector_size is 20 there and 21 here"):
        OnlineWord2Vec.restore(path, other)
    with pytest.raises(SnapshotMismatchError, match="tokenizer is whitespace there"):
        OnlineWord2Vec.restore(path, SMALL, tokenizer="log")
    wider = OnlineWord2Vec.restore(path, SMALL.model_copy(update={"window": 9}))
    assert wider.config.window == 9


def test_a_snapshot_without_all_of_the_state_is_named(tmp_path: Path) -> None:
    path = OnlineWord2Vec(SMALL).snapshot(tmp_path)
    manifest = path / "manifest.json"
    document = json.loads(manifest.read_bytes())
    del document["files"]["state/sums.npy"], document["manifest_sha256"]
    manifest.write_bytes(encode_manifest(document))
    with pytest.raises(SnapshotError, match="cannot be continued"):
        OnlineWord2Vec.restore(path)


@pytest.mark.parametrize("wrong", [{"vector_size": 0}, {"negativ": 5}, {"sample": -1}])
def test_wrong_options_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        LearnerConfig.model_validate(wrong)


_DOCUMENTED = [
    encode,
    train_ns,
    train_cbow,
    train_hs,
    list_windows,
    tree.list_below,
    divide_words,
    carry_over,
    noise_weights,
    draw_block,
    initialise_rows,
]
_DOCUMENTED += [append_sentences, read_sentences, choose_slots, subsample, move_row]


@pytest.mark.parametrize("kernel", _DOCUMENTED)
def test_kernels_document_every_array(kernel: object) -> None:
    """A kernel's docstring lists its parameters in the order of its signature."""
    function = kernel.py_func  # type: ignore[attr-defined]
    section = (inspect.getdoc(function) or "").split("----------\n")[1].split("\n\n")[0]
    documented = [
        name
        for line in section.splitlines()
        if " : " in line and not line.startswith(" ")
        for name in line.split(" : ")[0].split(", ")
    ]
    assert documented == list(inspect.signature(function).parameters)


def test_learners_that_begin_alike_can_draw_other_numbers() -> None:
    """The same ones for the same reason: new words and negatives differ, counts do not."""
    text = _stream(50)
    learners = [OnlineWord2Vec(SMALL) for _ in range(4)]
    for learner, entropy in zip(learners, [(), (1, 5), (1, 5), (2, 5)], strict=True):
        if entropy:
            learner.reseed(*entropy)
        learner.learn_text(text)
    plain, one, again, other = (learner.embeddings.vectors for learner in learners)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, plain)
    assert not np.array_equal(one, other)
    counts = [learner.vocabulary.counts for learner in learners]
    np.testing.assert_array_equal(counts[0], counts[3])
