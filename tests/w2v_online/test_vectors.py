"""Questions to word vectors, alone, in batches, and while a daemon writes."""

from __future__ import annotations

import copy
import ctypes
import logging
import pickle
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import reference
from tests.w2v_online.snapshots import flip_a_bit
from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors
from w2v_online.errors import ExportError, SnapshotError, UnknownWordError
from w2v_online.reading import words as words_module
from w2v_online.reading.words import word_id


@pytest.fixture
def wv() -> WordVectors:
    words = [f"w{number}" for number in range(70)]
    vectors = np.random.default_rng(1).normal(size=(70, 9)).astype(np.float32)
    return WordVectors.from_arrays(words, vectors, 1000 // (1 + np.arange(70)))


def test_questions_agree_with_gensim(wv: WordVectors) -> None:
    """Positive and negative words and vectors, odd one out, rank: gensim's answers."""
    models = pytest.importorskip("gensim.models")
    keyed = models.KeyedVectors(wv.vector_size)
    keyed.add_vectors(wv.words, np.array(wv.vectors))
    asked: list[tuple[object, object]] = [
        ("w3", []),
        (["w3", "w8"], "w11"),
        (["w3", "w3", "w9"], ["w9", "w14"]),
        ([wv["w5"], "w6"], [wv["w7"]]),
        ([], ["w2"]),
    ]
    for positive, negative in asked:
        ours = wv.most_similar(positive, negative, topn=8)  # type: ignore[arg-type]
        theirs = keyed.most_similar(positive, negative, topn=8)
        assert [word for word, _ in ours] == [word for word, _ in theirs]
        assert [c for _, c in ours] == pytest.approx([c for _, c in theirs], abs=1e-5)
    restricted = wv.most_similar("w3", topn=5, restrict_vocab=20)
    assert [word for word, _ in restricted] == [
        word for word, _ in keyed.most_similar("w3", topn=5, restrict_vocab=20)
    ]
    for words in (["w1", "w2", "w3"], wv.words[:20]):
        assert wv.doesnt_match(words) == keyed.doesnt_match(words)
    for first, second in (("w1", "w2"), ("w40", "w41"), ("w5", "w5")):
        assert wv.rank(first, second) == keyed.rank(first, second)


def test_a_batch_is_many_questions(wv: WordVectors) -> None:
    words = [wv.words[i] for i in (5, 3, 5, 69)]
    batch = wv.most_similar_batch(words, topn=6, restrict_vocab=60)
    for word, answers in zip(words, batch, strict=True):
        single = wv.most_similar(word, topn=6, restrict_vocab=60)
        assert [w for w, _ in answers] == [w for w, _ in single]
        assert [c for _, c in answers] == pytest.approx([c for _, c in single], abs=1e-6)
    by_vector = wv.most_similar_batch(np.array([wv["w5"] * 7]), topn=1)
    assert by_vector[0][0] == ("w5", pytest.approx(1.0, abs=1e-6))
    assert wv.most_similar_batch([]) == []
    np.testing.assert_array_equal(wv.vectors_for(["w2", "w0"]), wv.vectors[[2, 0]])


def test_a_text_is_the_weighted_mean_of_its_words(wv: WordVectors) -> None:
    total = int(wv.counts.sum())
    expected = np.zeros(9)
    for row in (0, 50, 50):
        expected += 1e-3 / (1e-3 + wv.counts[row] / total) * wv.vectors[row] / 3
    embedded = wv.embed(["w0", "never seen", "w50", "w50"])
    np.testing.assert_allclose(embedded, expected, rtol=1e-5)
    assert reference.cosine(embedded, wv["w50"]) > 0.99  # the frequent word hardly counts
    assert not wv.embed(["never seen"]).any()


def test_vectors_cannot_be_written(wv: WordVectors) -> None:
    for array in (wv.vectors, wv["w1"], wv.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_one_snapshot_stays_what_it_is(tmp_path: Path) -> None:
    """Loaded by its own name it is not followed by newer ones; the folder's newest is."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=4, min_count=1))
    model.learn([["a", "b"]])
    path = model.snapshot(tmp_path)
    one, newest = load_vectors(path), load_vectors(tmp_path)
    model.learn([["c", "b"]])
    model.snapshot(tmp_path)
    (tmp_path / "LATEST").unlink()
    assert not one.refresh()
    assert newest.refresh()
    assert ("c" in one, "c" in newest) == (False, True)
    assert not newest.refresh()


def test_unknown_words_are_named_with_near_spellings(wv: WordVectors) -> None:
    questions: list[Callable[[], object]] = [
        lambda: wv["w333"],
        lambda: wv.similarity("w1", "w333"),
        lambda: wv.most_similar("w333"),
        lambda: wv.most_similar_batch(["w1", "w333"]),
        lambda: wv.analogy("w1", "w2", "w333"),
        lambda: wv.vectors_for(["w333"]),
        lambda: wv.rank("w1", "w333"),
    ]
    for ask in questions:
        with pytest.raises(UnknownWordError, match="did you mean w33") as caught:
            ask()
        assert isinstance(caught.value, KeyError)


def test_a_watch_brings_every_snapshot_while_threads_ask(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole snapshots are swapped: words, counts and vectors of a table always fit together."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1))

    def learn_and_write(number: int) -> None:
        model.learn([["the", f"new{number}"], ["the", "cat"]])
        model.snapshot(tmp_path)

    learn_and_write(0)
    wv = load_vectors(tmp_path)
    arrived: queue.Queue[int] = queue.Queue()
    failures: list[BaseException] = []
    done = threading.Event()

    def ask() -> None:
        try:
            while not done.is_set():
                table = wv.table
                assert len(table.words) == len(table.vectors) == len(table.counts)
                assert wv.most_similar("the", topn=1)[0][0] in wv.words
                wv.most_similar_batch(["the", "cat"], topn=2)
                wv.embed(["the", "cat"])
        except BaseException as error:
            failures.append(error)

    def callback(vectors: WordVectors) -> None:
        arrived.put(vectors.manifest["sequence"])
        raise RuntimeError("a callback that fails")

    readers = [threading.Thread(target=ask) for _ in range(2)]
    for reader in readers:
        reader.start()
    with wv.watch(callback, interval_seconds=0.01), caplog.at_level(logging.CRITICAL):
        for number in range(2, 8):
            learn_and_write(number)
            assert arrived.get(timeout=10) == number
    done.set()
    for reader in readers:
        reader.join()
    assert failures == []
    assert "new7" in wv
    learn_and_write(8)
    assert arrived.empty()
    assert wv.refresh()
    assert not wv.refresh()


def test_reading_imports_no_training_code() -> None:
    code = (
        "import sys, w2v_online, w2v_online.analysis.export, w2v_online.analysis.evaluation;"
        "print(*sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    loaded = set(output.decode().split())
    assert "numpy" in loaded
    assert not loaded & {"numba", "llvmlite", "pydantic", "kafka", "click", "gensim", "scipy"}


def test_a_miss_looks_for_no_spellings(wv: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only reading the message does: most programs catch the error and go on."""
    searched: list[str] = []

    def spy(word: str, *_args: object, **_options: object) -> list[str]:
        searched.append(word)
        return ["w9"]

    monkeypatch.setattr("w2v_online.reading.table.near_spellings", spy)
    with pytest.raises(UnknownWordError) as caught:
        wv["w999"]
    assert searched == []
    assert str(caught.value) == "'w999' has no vector in these vectors; did you mean w9?"
    assert searched == ["w999"]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_near_spellings(wv: WordVectors) -> None:
    """Another case first, then by similarity; the more frequent one of two that are equal."""
    words = ["color", "COLOUR", "colon", "velour", "Paris", "x"]
    named = WordVectors.from_arrays(words, np.eye(6, dtype=np.float32))
    assert named.spellings("colour") == ["COLOUR", "color", "colon", "velour"]
    assert named.spellings("colour", topn=2) == ["COLOUR", "color"]
    assert named.spellings("paris") == ["Paris"]
    assert named.spellings("zzz") == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two snapshots of a small model."""
    model = OnlineWord2Vec(LearnerConfig(vector_size=4, min_count=1))
    for text in (["a", "b"], ["a", "c"]):
        model.learn([text] * 9)
        model.snapshot(tmp_path / "s")
    return tmp_path / "s"


@pytest.mark.parametrize("remake", [copy.copy, copy.deepcopy, lambda wv: pickle.loads(dumped(wv))])
def test_vectors_are_copied_and_pickled_by_path(
    folder: Path, remake: Callable[[WordVectors], WordVectors], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As joblib, scikit-learn and PyTorch's workers do; a folder is followed by the copy, too."""
    monkeypatch.chdir(folder.parent)
    for path in ("s", sorted(Path("s").glob("0*"))[0]):
        wv = load_vectors(path)
        again = remake(wv)
        assert (again.path.name, len(again)) == (wv.path.name, len(wv))
        np.testing.assert_array_equal(again["a"], wv["a"])
    newest = remake(load_vectors("s"))
    model = OnlineWord2Vec.restore(newest.path)
    model.learn([["a", "d"]])
    model.snapshot(folder)
    assert "d" not in newest
    assert newest.refresh()
    assert "d" in newest


def dumped(wv: WordVectors) -> bytes:
    pickled = pickle.dumps(wv)
    assert len(pickled) < 1000
    return pickled


def test_a_pickle_outlives_its_snapshot(folder: Path) -> None:
    """A pruned snapshot gives way to the newest one, with a warning; one loaded alone does not."""
    old, new = sorted(folder.glob("0*"))
    shutil.rmtree(new)
    followed, single = pickle.dumps(load_vectors(folder)), pickle.dumps(load_vectors(old))
    shutil.copytree(old, new)
    (folder / "LATEST").unlink()
    shutil.rmtree(old)
    with pytest.warns(UserWarning, match=f"{old.name} is not there any more: loaded {new.name}"):
        assert pickle.loads(followed).path == new
    with pytest.raises(SnapshotError, match=old.name):
        pickle.loads(single)


def test_vectors_in_memory_are_pickled_whole(wv: WordVectors) -> None:
    again = pickle.loads(pickle.dumps(wv))
    assert again.words == wv.words
    np.testing.assert_array_equal(again.vectors, wv.vectors)
    np.testing.assert_array_equal(again.counts, wv.counts)


def test_words_and_rows_are_pickled_as_a_list_and_a_dictionary(folder: Path) -> None:
    wv = load_vectors(folder)
    words, rows = pickle.loads(pickle.dumps((wv.index_to_key, wv.key_to_index)))
    assert words == ["a", "b", "c"]
    assert rows == {"a": 0, "b": 1, "c": 2}


def test_copies_may_be_written_and_what_is_mapped_is_safe(folder: Path) -> None:
    """Code that ignores NumPy's flag, as faiss's, neither dies nor changes what is computed."""
    wv = load_vectors(folder)
    before = wv.similarity("a", "b")
    units, own = wv.unit_vectors(), wv.to_numpy()
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1, rtol=1e-6)
    own[:] = 7
    assert wv.to_numpy(copy=False) is not own
    for array in (wv.vectors, wv["a"], wv.to_numpy(copy=False)):
        assert not array.flags.writeable
        ctypes.memset(array.ctypes.data, 0xFF, array.nbytes)
    assert np.isnan(wv.vectors).all()
    assert wv.similarity("a", "b") == before
    np.testing.assert_array_equal(wv.unit_vectors(), units)
    assert not np.isnan(load_vectors(folder).vectors).any()
    assert wv.most_similar("a")[0][1] <= 1


def test_vectors_say_what_they_are(folder: Path, wv: WordVectors) -> None:
    assert repr(wv) == "<WordVectors: 70 words x 9 of these vectors>"
    newest = load_vectors(folder)
    assert repr(newest) == f"<WordVectors: 3 words x 4 of {newest.path}>"


def test_changes_between_snapshots(folder: Path) -> None:
    """New, moved and gone by word, whatever the rows; what stayed is not named."""
    generator = np.random.default_rng(1)
    words = [f"w{n}" for n in range(9000)]
    before = generator.normal(size=(9000, 12)).astype(np.float32)
    before[7] = 0
    after = before.copy()
    after[[5, 6]] = -after[[5, 6]]
    after[8] *= 3
    after[9] += 0.01 * np.linalg.norm(after[9]) / np.sqrt(12)
    order = np.concatenate([generator.permutation(np.arange(100, 9000)), np.arange(5, 100)])
    old = WordVectors.from_arrays(words, before)
    new = WordVectors.from_arrays(
        ["added", *(words[row] for row in order)], np.concatenate([after[:1], after[order]])
    )
    found = new.changes(old)
    assert found.new == ["added"]
    assert sorted(found.moved) == ["w5", "w6"]
    assert found.gone == words[:5]
    np.testing.assert_array_equal(found.moved_vectors, new.vectors_for(found.moved))
    np.testing.assert_allclose(found.cosines, -1, rtol=1e-6)
    np.testing.assert_array_equal(found.new_vectors, after[:1])
    assert len(found) == 8
    assert sorted(new.changes(old, threshold=2).moved) == ["w5", "w6", "w8", "w9"]
    assert len(old.changes(old, threshold=2)) == 0
    oldest, newest = sorted(folder.glob("0*"))
    assert load_vectors(newest).changes(oldest, threshold=2).new == ["c"]
    with pytest.raises(ValueError, match="cannot be compared"):
        new.changes(WordVectors.from_arrays(["a"], np.ones((1, 3))))


def test_a_watch_hands_over_the_old_and_the_new(folder: Path) -> None:
    wv = load_vectors(folder)
    model = OnlineWord2Vec.restore(wv.path)
    seen: queue.Queue[tuple[list[str], bool]] = queue.Queue()
    with wv.watch(lambda old, new: seen.put((new.changes(old).new, "d" in old)), 0.01):
        for word in ("d", "e"):
            model.learn([["a", word]])
            model.snapshot(folder)
            assert seen.get(timeout=30) == ([word], word == "e")


def test_a_callbacks_own_defaults_stay(folder: Path) -> None:
    """Only what needs two arguments is handed the vectors from before."""
    wv = load_vectors(folder)
    seen: queue.Queue[tuple[object, ...]] = queue.Queue()
    model = OnlineWord2Vec.restore(wv.path)

    def with_default(vectors: WordVectors, index: str = "own") -> None:
        seen.put((vectors, index))

    for callback, expected in ((with_default, (wv, "own")), (lambda *new: seen.put(new), (wv,))):
        with wv.watch(callback, 0.01):
            model.learn([["a", "f"]])
            model.snapshot(folder)
            assert seen.get(timeout=30) == expected


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_the_word_in_the_middle_is_predicted(tmp_path: Path, loss: str) -> None:
    """By the output layer of each objective; probabilities of all words sum to one."""
    config = LearnerConfig(vector_size=12, min_count=1, sample=0, window=1, averaging=False)
    config = config.model_copy(update={"loss": loss})
    model = OnlineWord2Vec(config)
    pairs = [("cat", "purrs"), ("dog", "barks"), ("cow", "moos"), ("pig", "grunts")]
    model.learn([list(pair) for pair in pairs] * 600)
    wv = load_vectors(model.snapshot(tmp_path))
    for subject, verb in pairs:
        answers = wv.predict([subject, "nowhere"], topn=None)
        assert answers[0][0] == verb
        assert sum(p for _, p in answers) == pytest.approx(1, abs=1e-6)
        assert answers == sorted(answers, key=lambda answer: -answer[1])
        assert wv.predict_output_word([subject], topn=2) == wv.predict([subject], 2)
    assert wv.predict(["nowhere"]) == []
    assert wv.predict_output_word(["nowhere"]) is None
    for name in ("output_vectors.npy", *(["leaf_links.npy"] if loss == "hs" else [])):
        damaged = load_vectors(model.snapshot(tmp_path))
        flip_a_bit(damaged.path / "state" / name)
        with pytest.raises(SnapshotError, match=f"{name} is damaged"):
            damaged.predict(["cat"])
    alone = load_vectors(model.snapshot(tmp_path, vectors_only=True))
    with pytest.raises(SnapshotError, match="holds vectors only"):
        alone.predict(["cat"])


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_a_single_word_is_what_its_model_expects(tmp_path: Path, loss: str) -> None:
    """Of hierarchical softmax, too, whose tree then has no inner node."""
    config = LearnerConfig(vector_size=4, min_count=1, max_vocab_size=9)
    model = OnlineWord2Vec(config.model_copy(update={"loss": loss}))
    model.learn([["only", "only"]])
    model.snapshot(tmp_path)
    assert load_vectors(tmp_path).predict(["only"]) == [("only", 1.0)]
    with pytest.raises(SnapshotError, match="no output vectors"):
        WordVectors.from_arrays(["a"], np.ones((1, 2))).predict(["a"])


def test_an_id_stays_with_its_word(folder: Path) -> None:
    """Whatever row it has, in every snapshot; the number is fixed for good, stores rely on it."""
    old, new = (load_vectors(path) for path in sorted(folder.glob("0*")))
    for word in old:
        assert new.ids[new.get_index(word)] == old.ids[old.get_index(word)]
    assert len(set(new.ids.tolist())) == len(new)
    assert word_id("a") == 3405396810240292928
    many = WordVectors.from_arrays([f"w{n}" for n in range(50_000)], np.zeros((50_000, 1))).ids
    assert len(np.unique(many)) == 50_000
    assert many.min() >= 0


def test_words_with_the_same_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """They hardly ever occur; an index or a table would mix them up silently."""
    monkeypatch.setattr(words_module, "word_id", lambda word: {"e": 1, "b": 1}.get(word, ord(word)))
    wv = WordVectors.from_arrays(list("abcde"), np.eye(5))
    with pytest.raises(
        ExportError, match=r"^1 words have the id .*: 'b' and 'e' have 1; tell words"
    ):
        wv.ids  # noqa: B018, asking is the test
    assert WordVectors.from_arrays(list("acde"), np.eye(4)).ids.tolist() == [97, 99, 100, 1]


def test_a_learner_can_be_asked_as_its_snapshot_would_be(tmp_path: Path) -> None:
    model = OnlineWord2Vec(LearnerConfig(vector_size=6, min_count=1))
    model.learn([["a", "b", "c"], ["a", "b"], ["a", "d"]] * 30)
    wv, saved = model.wv, load_vectors(model.snapshot(tmp_path))
    assert list(wv.words) == list(saved.words)
    np.testing.assert_array_equal(wv.counts, saved.counts)
    np.testing.assert_array_equal(wv.vectors, saved.vectors)
    model.learn([["e", "a"]])
    assert "e" not in wv
    assert "e" in model.wv
