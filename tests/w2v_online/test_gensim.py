"""WordVectors in the place of gensim's KeyedVectors: its own tests, its consumers, its answers."""

from __future__ import annotations

import unittest
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec, WordVectors, load_vectors

models = pytest.importorskip("gensim.models")
gensim_tests = pytest.importorskip("gensim.test.test_keyedvectors")

CHANGE_VECTORS = {"test_add_single", "test_add_multiple", "test_set_item"}
"""Tests of what a snapshot's vectors are not to have: methods that change them."""


class OnOurVectors(gensim_tests.TestKeyedVectors):  # type: ignore[misc]
    """Gensim's tests, with its file of vectors read by load_vectors."""

    __test__ = False  # not collected: run as a whole below

    def setUp(self) -> None:
        super().setUp()
        self.vectors = load_vectors(gensim_tests.datapath("euclidean_vectors.bin"))


def test_gensims_own_tests_pass() -> None:
    """All of test_keyedvectors.py but those that change vectors."""
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(OnOurVectors)
    result = unittest.TestResult()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gensim warns of its own add_vector
        suite.run(result)
    failed = {test.id().rpartition(".")[2]: text for test, text in result.failures + result.errors}
    assert result.testsRun >= 29
    assert failed.keys() == CHANGE_VECTORS, failed


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    generator = np.random.default_rng(3)
    text = [[f"w{n}" for n in generator.zipf(1.4, 12) if n < 900] for _ in range(4000)]
    model = OnlineWord2Vec(LearnerConfig(vector_size=24, min_count=1, sample=0))
    model.learn(text)
    return model.snapshot(tmp_path_factory.mktemp("s"))


@pytest.fixture
def wv(snapshot: Path) -> WordVectors:
    return load_vectors(snapshot)


@pytest.fixture
def keyed(wv: WordVectors) -> Any:
    return wv.to_gensim()


_ROUNDING = 2e-6
"""Words whose similarities differ by less may stand in either order: sums are rounded."""


def _same_answers(ours: Any, theirs: Any) -> None:
    assert [value for _, value in ours] == pytest.approx([v for _, v in theirs], abs=1e-5)
    for (word, value), (other, others_value) in zip(ours, theirs, strict=True):
        assert word == other or value == pytest.approx(others_value, abs=_ROUNDING)
        known = dict(theirs).get(word, theirs[-1][1])
        assert value == pytest.approx(known, abs=_ROUNDING)


def test_a_thousand_random_queries_have_gensims_answers(wv: WordVectors, keyed: Any) -> None:
    """Words, rows and vectors, weighted or not, positive and negative."""
    generator = np.random.default_rng(8)
    words = list(wv.words)

    def pick() -> Any:
        row = int(generator.integers(len(words)))
        kind = generator.integers(5)
        item = [words[row], words[row], row, np.int32(row), wv[row] * 3][kind]
        return item if generator.random() < 0.7 else (item, float(generator.normal()))

    for _ in range(1000):
        positive = [pick() for _ in range(generator.integers(1, 4))]
        negative = [pick() for _ in range(generator.integers(0, 3))]
        _same_answers(wv.most_similar(positive, negative), keyed.most_similar(positive, negative))


@pytest.mark.filterwarnings("ignore:Call to deprecated .init_sims.:DeprecationWarning")
def test_every_question_has_gensims_answer(wv: WordVectors, keyed: Any) -> None:
    words, some = list(wv.words), list(wv.words[5:40:7])
    questions = {
        "get_vector": ("w7",),
        "__getitem__": (some,),
        "__contains__": ("w7",),
        "__len__": (),
        "get_index": ("w7",),
        "has_index_for": ("nowhere",),
        "similarity": ("w7", np.int64(3)),
        "distance": ("w7", "w9"),
        "distances": ("w7", some),
        "n_similarity": (some[:2], some[2:]),
        "rank": ("w7", "w9"),
        "closer_than": ("w7", "w9"),
        "most_similar_to_given": ("w7", some),
        "relative_cosine_similarity": ("w7", "w9", 5),
        "doesnt_match": (some,),
        "get_normed_vectors": (),
        "get_mean_vector": ([*some, "nowhere", wv["w9"]], [1, 2, 3, -1, 0.5, 3, 2]),
    }
    for name, arguments in questions.items():
        ours, theirs = getattr(wv, name)(*arguments), getattr(keyed, name)(*arguments)
        if isinstance(theirs, str | bool | list):
            assert ours == theirs, name
        else:
            np.testing.assert_allclose(ours, theirs, atol=2e-6, err_msg=name)
    units = [vectors.get_vector("w7", norm=True) for vectors in (wv, keyed)]
    np.testing.assert_allclose(*units, rtol=1e-6)
    assert wv.get_index("nowhere", default=-5) == keyed.get_index("nowhere", default=-5) == -5
    assert [wv.get_vecattr(w, "count") for w in some] == [wv.counts[wv.get_index(w)] for w in some]
    assert [keyed.get_vecattr(w, "count") for w in some] == [
        wv.get_vecattr(w, "count") for w in some
    ]
    assert list(wv) == words
    for name in ("similar_by_word", "similar_by_key"):
        _same_answers(getattr(wv, name)("w7", 4, 50), getattr(keyed, name)("w7", 4, 50))
    _same_answers(wv.similar_by_vector(wv["w7"]), keyed.similar_by_vector(wv["w7"]))
    _same_answers(
        wv.most_similar_cosmul(["w7", "w3"], "w9"), keyed.most_similar_cosmul(["w7", "w3"], "w9")
    )
    for clip in ({"clip_start": 30}, {"clip_start": 9, "clip_end": 60}, {"clip_end": 7}):
        _same_answers(wv.most_similar("w7", **clip), keyed.most_similar("w7", **clip))
    np.testing.assert_allclose(
        wv.most_similar("w7", topn=None), keyed.most_similar("w7", topn=None), atol=1e-6
    )
    ranked = zip(wv.rank_by_centrality(some), keyed.rank_by_centrality(some), strict=True)
    for ours, theirs in ranked:
        assert ours == (pytest.approx(theirs[0], abs=1e-6), theirs[1])


def test_what_gensim_refuses_is_refused_as_there(wv: WordVectors) -> None:
    with pytest.raises(ZeroDivisionError):
        wv.n_similarity([], ["w1"])
    with pytest.raises(ValueError, match="no input"):
        wv.get_mean_vector([])
    with pytest.raises(ValueError, match="need 1 weights"):
        wv.get_mean_vector(["w1"], [1, 2])
    with pytest.raises(KeyError):
        wv.get_vecattr("w1", "sample_int")
    for missing in (len(wv), -1, 1.5):
        with pytest.raises(KeyError, match="there is no row"):
            wv.get_vector(missing)  # type: ignore[arg-type]
    with pytest.raises(KeyError):
        wv.get_mean_vector(["w1", "nowhere"], ignore_missing=False)


def test_one_string_is_no_list_of_words(wv: WordVectors) -> None:
    """Its letters would be looked up, and mostly not found, in silence."""
    for ask in (
        wv.embed,
        wv.vectors_for,
        wv.vectors_for_all,
        wv.get_mean_vector,
        wv.doesnt_match,
        wv.most_similar_batch,
        lambda text: wv.n_similarity(text, ["w1"]),
        lambda text: wv.most_similar_to_given("w1", text),
        lambda text: wv.distances("w1", text),
    ):
        with pytest.raises(TypeError, match="list of words, not one string"):
            ask("w1 w2")


@pytest.mark.filterwarnings("ignore::RuntimeWarning:gensim")
def test_similarity_matrices_take_our_vectors(wv: WordVectors, keyed: Any) -> None:
    from gensim.corpora import Dictionary
    from gensim.similarities import (
        SoftCosineSimilarity,
        SparseTermSimilarityMatrix,
        WordEmbeddingSimilarityIndex,
    )

    texts = [list(wv.words[i : i + 6]) for i in range(0, 60, 5)]
    dictionary = Dictionary(texts)
    bags = [dictionary.doc2bow(text) for text in texts]
    found = []
    for vectors in (wv, keyed):
        terms = SparseTermSimilarityMatrix(WordEmbeddingSimilarityIndex(vectors), dictionary)
        found.append(SoftCosineSimilarity(bags, terms)[bags[3]])
    assert found[0][3] == found[0].max() > 0
    np.testing.assert_allclose(*found, atol=1e-6)


def test_topic_coherence_takes_our_vectors(wv: WordVectors, keyed: Any) -> None:
    from gensim.corpora import Dictionary
    from gensim.models import CoherenceModel

    texts = [list(wv.words[i : i + 6]) for i in range(0, 60, 5)]
    found = [
        CoherenceModel(
            topics=[texts[0], texts[5]],
            texts=texts,
            dictionary=Dictionary(texts),
            coherence="c_w2v",
            keyed_vectors=vectors,
        ).get_coherence_per_topic()
        for vectors in (wv, keyed)
    ]
    np.testing.assert_allclose(*found, atol=1e-6)


def test_word_movers_distance_takes_our_vectors(wv: WordVectors, keyed: Any) -> None:
    pytest.importorskip("ot")
    from gensim.similarities import WmdSimilarity

    texts = [list(wv.words[i : i + 6]) for i in range(0, 60, 5)]
    found = [WmdSimilarity(texts, vectors)[["w1", "w5", "nowhere"]] for vectors in (wv, keyed)]
    np.testing.assert_allclose(*found, atol=1e-5)


def test_an_approximate_index_takes_our_vectors(wv: WordVectors, tmp_path: Path) -> None:
    """AnnoyIndexer asks for an instance of KeyedVectors, and pickles the words as its labels."""
    pytest.importorskip("annoy")
    from gensim.similarities.annoy import AnnoyIndexer

    index = AnnoyIndexer(wv, 20)
    assert isinstance(wv, WordVectors)
    approximate = wv.most_similar("w7", topn=5, indexer=index)
    assert approximate[0][0] == "w7"
    assert approximate[1][0] == wv.most_similar("w7", topn=1)[0][0]
    index.save(str(tmp_path / "index"))
    loaded = AnnoyIndexer()
    loaded.load(str(tmp_path / "index"))
    assert loaded.labels == list(wv.words)
