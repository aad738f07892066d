"""The probability of a sentence: the kernel against plain sums in float64, gensim, and itself."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from w2v_online import LearnerConfig, OnlineWord2Vec, Scorer, load_scorer

MODELS = [(loss, cbow) for loss in ("ns", "hs", "softmax") for cbow in (False, True)]
SIZE = 19


def _model(loss: str, cbow: bool, **options: Any) -> OnlineWord2Vec:
    """A model of forty words that has learned a little, with vectors far from zero."""
    settings = {"vector_size": SIZE, "min_count": 2, "max_vocab_size": 100, "sample": 0.0}
    config = LearnerConfig(loss=loss, cbow=cbow, **{**settings, "window": 3, **options})
    model = OnlineWord2Vec(config)
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in rng.zipf(1.5, 3000) if i <= 40]
    model.learn([*(words[i : i + 9] for i in range(0, len(words), 9)), ["once"]])
    model.segments.upkeep()
    rows = len(model.embeddings)
    matrices = model.embeddings.matrices
    for matrix, n in ((matrices.syn0, rows), (matrices.syn1, rows - (loss == "hs"))):
        matrix[:n, :SIZE] = rng.normal(0, 0.4, (n, SIZE))
    return model


SENTENCES = [
    ["w1", "w7", "w7", "nobody", "w2", "w3", "once", "w12", "w1"],
    ["w5"],
    [],
    ["nobody", "once"],
    ["w2", "w9"] * 4,
]


def _expected(model: OnlineWord2Vec, sentence: list[str]) -> list[list[float]]:
    """By word with a row: log p (or log sigmoid) of every prediction, from the definitions."""
    rows = {word: row for row, word in enumerate(model.vocabulary.words())}
    ids = [rows[word] for word in sentence if word in rows]
    x = model.vectors().astype(float)
    y = model.embeddings.output_vectors.astype(float)

    def log_p(h: np.ndarray, word: int) -> float:
        if model.config.loss == "hs":
            nodes, code = model.objective.tree.path(word)
            pairs = zip(nodes, code, strict=True)
            return sum(
                math.log(reference.sigmoid((1 - 2 * bit) * (h @ y[node]))) for node, bit in pairs
            )
        if model.config.loss == "softmax":
            return float(h @ y[word] - math.log(np.exp(y @ h).sum()))
        return math.log(reference.sigmoid(h @ y[word]))

    predictions = []
    for pos, word in enumerate(ids):
        around = [ids[p] for p in range(pos - 3, pos + 4) if p != pos and 0 <= p < len(ids)]
        inputs = [x[around].mean(axis=0)] if model.config.cbow and around else x[around]
        predictions.append([log_p(h, word) for h in inputs])
    return predictions


@pytest.mark.parametrize(("loss", "cbow"), MODELS)
def test_scores_are_the_sums_of_the_definition(loss: str, cbow: bool) -> None:
    """Every model: the whole record, its words and the number of predictions."""
    model = _model(loss, cbow)
    scores = Scorer(model).score(SENTENCES)
    begin = 0
    for i, sentence in enumerate(SENTENCES):
        by_word = _expected(model, sentence)
        values = [value for word in by_word for value in word]
        total = math.fsum(values) / (max(1, len(values)) if loss == "ns" else 1)
        assert scores.log_probability[i] == pytest.approx(total, rel=1e-5, abs=1e-9)
        assert scores.predictions[i] == len(values)
        assert scores.words[i] == len(sentence)
        assert scores.unknown_words[i] == len(sentence) - len(by_word)
        end = int(scores.word_ends[i])
        found = scores.word_log_probability[begin:end]
        begin = end
        wanted = [np.mean(w) if loss == "ns" else sum(w) for w in by_word if w]
        np.testing.assert_allclose(found[~np.isnan(found)], wanted, rtol=1e-5)


@pytest.mark.parametrize(("loss", "cbow"), MODELS)
def test_scores_of_text_do_not_depend_on_what_else_is_in_it(loss: str, cbow: bool) -> None:
    """Nothing is learned or counted, and lines do not see each other."""
    model = _model(loss, cbow)
    scorer = Scorer(model)
    together = scorer.score(SENTENCES)
    alone = [scorer.score([sentence]) for sentence in SENTENCES]
    if loss != "softmax":  # a matrix product rounds as its size goes
        np.testing.assert_array_equal(together.surprise, [one.surprise[0] for one in alone])
    np.testing.assert_allclose(together.surprise, [one.surprise[0] for one in alone], rtol=1e-5)
    text = "".join(" ".join(sentence) + "\n" for sentence in SENTENCES).encode()
    np.testing.assert_array_equal(scorer.score_text(text).surprise, together.surprise)
    assert len(scorer.score_text(text[:-1]).words) == len(SENTENCES)
    assert len(scorer.score_text(b"").words) == 0


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax"])
def test_surprise_of_words_that_the_model_cannot_predict(loss: str) -> None:
    """Unknown words, and lone ones, are as surprising as their counts say; more than known ones."""
    model = _model(loss, cbow=False)
    scores = Scorer(model).score([["nobody"], ["once"], ["w1"], ["nobody", "once"], ["w1"] * 7])
    total = model.total_words
    count = model.vocabulary.counts[model.vocabulary.entry("w1")]
    expected = [math.log(total + 1), math.log((total + 1) / 2), math.log((total + 1) / (count + 1))]
    np.testing.assert_allclose(scores.surprise[:3], expected)
    assert scores.surprise[3] == pytest.approx((expected[0] + expected[1]) / 2)
    np.testing.assert_array_equal(scores.predictions[:4], 0)


def test_negative_sampling_ranks_by_the_probability_that_it_stands_for() -> None:
    """With output vectors at their optimum, surprise is -log p(word | context) exactly."""
    model = _model("ns", cbow=False)
    rows = len(model.embeddings)
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(rows), rows)  # p[context, word]
    noise = model.vocabulary.counts**0.75
    # A pair is met p times as what came, and 5 noise (1 - p) times as a negative.
    optimum = np.log(p / (1 - p)) - np.log(5 * noise / noise.sum())
    # Rank 19 at most: for contexts 0 to 18 the vectors can be chosen so that x . y is the optimum.
    x, y = model.embeddings.matrices.syn0, model.embeddings.matrices.syn1
    x[:SIZE, :SIZE] = np.eye(SIZE)
    y[:rows, :SIZE] = optimum[:SIZE].T
    model.averages = None
    words = model.vocabulary.words()
    scores = Scorer(model).score([[words[3], words[8]]])
    np.testing.assert_allclose(
        scores.word_surprise, [-math.log(p[8, 3]), -math.log(p[3, 8])], rtol=1e-5
    )


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_probabilities_of_a_word_given_its_contexts_sum_to_one(data: st.DataObject) -> None:
    """Whatever has been learned and forgotten, over all words that can stand in a place."""
    loss, cbow = data.draw(st.sampled_from([m for m in MODELS if m[0] != "ns"]))
    model = OnlineWord2Vec(
        LearnerConfig(
            loss=loss, cbow=cbow, vector_size=SIZE, min_count=1, max_vocab_size=30, window=2
        )
    )
    words = st.sampled_from([f"w{i}" for i in range(40)])
    for _ in range(data.draw(st.integers(1, 4))):
        model.learn(data.draw(st.lists(st.lists(words, max_size=12), min_size=1, max_size=20)))
        model.forget(data.draw(st.lists(words, max_size=3)))
    model.segments.upkeep()
    known = model.vocabulary.words()
    if not known:
        return
    left, right = data.draw(st.sampled_from(known)), data.draw(st.sampled_from(known))
    for around in ([left], [left, right]):
        if len(around) == 2 and not cbow:
            continue
        scores = Scorer(model).score([[around[0], word, *around[1:]] for word in known])
        places = scores.word_ends - len(around)
        assert np.exp(scores.word_log_probability[places]).sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("cbow", [False, True])
@pytest.mark.parametrize("loss", ["hs", "softmax"])
def test_the_only_word_of_a_model_is_certain(loss: str, cbow: bool) -> None:
    """Its path through the tree has no nodes, and the probability of a sure thing is one."""
    config = LearnerConfig(loss=loss, cbow=cbow, vector_size=SIZE, min_count=1, max_vocab_size=30)
    model = OnlineWord2Vec(config)
    model.learn([["w0"]])
    model.segments.upkeep()
    scores = Scorer(model).score([["w0", "w0"]])
    np.testing.assert_array_equal(scores.word_log_probability, [0.0, 0.0])
    np.testing.assert_array_equal(scores.word_surprise, [0.0, 0.0])


@pytest.mark.parametrize("cbow", [False, True])
def test_gensims_score_is_the_same_number(cbow: bool) -> None:
    """Hierarchical softmax with gensim's tree and vectors: the definition is the same."""
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in rng.zipf(1.5, 3000) if i <= 40]
    sentences = [words[i : i + 9] for i in range(0, len(words), 9)]
    peer = pytest.importorskip("gensim.models").Word2Vec(
        sentences, sg=1 - cbow, hs=1, negative=0, vector_size=SIZE, window=3, min_count=2,
        workers=1, sample=0, epochs=3, cbow_mean=1,
    )  # fmt: skip
    config = LearnerConfig(
        loss="hs", cbow=cbow, vector_size=SIZE, window=3, min_count=2, sample=0, averaging=False,
        max_vocab_size=100,
    )  # fmt: skip
    model = OnlineWord2Vec(config)
    model.learn(sentences)
    tree = model.objective.tree
    assert tree is not None
    ours = model.vocabulary.words()
    rows = {word: row for row, word in enumerate(ours)}
    assert set(rows) == set(peer.wv.index_to_key)
    tree.restore(_links(peer, rows), model.embeddings.matrices)
    matrices = model.embeddings.matrices
    n = len(rows)
    matrices.syn0[:n, :SIZE] = peer.wv.vectors[[peer.wv.key_to_index[word] for word in ours]]
    matrices.syn1[: n - 1, :SIZE] = peer.syn1[: n - 1]
    scores = Scorer(model).score(sentences[:50])
    expected = peer.score(sentences[:50], total_sentences=50)
    # gensim, like word2vec.c, looks the logarithm up with 83 instead of 83.3 steps per unit, which
    # makes it about as if x . y were 0.03 less everywhere.
    assert np.corrcoef(scores.log_probability, expected)[0, 1] > 0.9999
    np.testing.assert_allclose(scores.log_probability, expected, rtol=0.03)


def _links(peer: Any, rows: dict[str, int]) -> dict[str, np.ndarray]:
    """gensim's paths as the links of a tree: the branch of word2vec.c's code 1 is 1."""
    leaf_links = np.zeros(len(rows), np.int32)
    inner_links = np.full(len(rows) - 1, -1, np.int32)
    for word, row in rows.items():
        points = peer.wv.get_vecattr(word, "point").tolist()
        code = peer.wv.get_vecattr(word, "code").tolist()
        for above, below, bit in zip(points[:-1], points[1:], code[:-1], strict=True):
            inner_links[below] = 2 * above + bit
        leaf_links[row] = 2 * points[-1] + code[-1]
    beside, due = np.zeros(0, np.int32), np.zeros(1, np.int64)
    return {
        "leaf_links": leaf_links,
        "inner_links": inner_links,
        "tree_beside": beside,
        "tree_due": due,
    }


@pytest.mark.parametrize(("loss", "cbow"), MODELS)
def test_a_snapshot_scores_as_the_learner_that_wrote_it(
    loss: str, cbow: bool, tmp_path: Path
) -> None:
    model = _model(loss, cbow, threads=1, replay=1)
    expected = Scorer(model).score(SENTENCES)
    model.snapshot(tmp_path)
    found = load_scorer(tmp_path).score(SENTENCES)
    np.testing.assert_array_equal(found.surprise, expected.surprise)
    np.testing.assert_array_equal(found.log_probability, expected.log_probability)
