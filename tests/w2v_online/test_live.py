"""Records are scored by the model as it was before it learned them, and learned as without."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from w2v_online import LearnerConfig, OnlineWord2Vec, Scorer, Surprise
from w2v_online.config import Of
from w2v_online.learning.boundaries import with_boundaries
from w2v_online.learning.distribution import ABOUT, SurpriseDistribution
from w2v_online.learning.surprise import Measure
from w2v_online.learning.vocabulary import SEPARATED, WHITESPACE

MODELS = [(loss, cbow) for loss in ("ns", "hs", "softmax") for cbow in (False, True)]


def _model(loss: str, *, cbow: bool = False, **options: Any) -> OnlineWord2Vec:
    settings = {"vector_size": 19, "min_count": 2, "max_vocab_size": 100, "sample": 0.0}
    config = LearnerConfig(loss=loss, cbow=cbow, **{**settings, "window": 3, **options})
    return OnlineWord2Vec(config)


def _sentences(n: int, seed: int = 5) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 30, n)
    return [[f"w{i}" for i in rng.zipf(1.5, size) if i <= 60] for size in lengths]


def _given_the_mean(model: OnlineWord2Vec, sentence: list[str]) -> np.ndarray:
    """-log p of the known words given the mean of their contexts, as CBOW has it."""
    as_cbow = model.config.model_copy(update={"cbow": True})
    syn0 = model.embeddings.matrices.syn0
    scoring = model.objective.scoring(as_cbow, syn0, model.vocabulary.counts)
    rows = [model.vocabulary.entry(word) for word in sentence]
    ids = np.array([row for row in rows if 0 <= row < 100], np.int32)
    _, predictions, log_p = scoring.windows(ids, np.array([len(ids)]))
    return -log_p[predictions > 0]


@pytest.mark.parametrize(("loss", "cbow"), MODELS)
def test_words_with_vectors_are_scored_before_any_word_is_predicted(loss: str, cbow: bool) -> None:
    """Adopted ones in the first record, and one that gets its row while all others have none."""
    model = _model(loss, cbow=cbow)
    model.adopt(["a", "b"], np.ones((2, 19), np.float32))
    _, surprise = model.learn_scored([["a", "b", "c"]])
    assert np.isnan(surprise.context[2])
    assert not np.isnan(surprise.rarity).any()
    model = _model(loss, cbow=cbow)
    model.learn([[f"w{i}"] for i in range(1000)])
    _, surprise = model.learn_scored([["a", "a"], ["a", "b", "a"]])
    assert len(surprise.of_records()) == 2
    assert not np.isnan(surprise.of_records()).any()


@pytest.mark.parametrize(("loss", "cbow"), MODELS)
def test_the_surprise_is_that_of_the_model_before(loss: str, cbow: bool) -> None:
    """Given the mean of contexts; by hs the most surprising words given each of them."""
    # Fast for a tree: what differs between a mean and each of its contexts must be seen.
    fast = {"alpha": 0.5} if loss == "hs" and not cbow else {}
    live, before = (_model(loss, cbow=cbow, averaging=False, **fast) for _ in range(2))
    compared = 0
    for i, sentence in enumerate(_sentences(120)):
        _, found = live.learn_scored([sentence])
        if i >= 40:
            exact = Scorer(before).score([sentence])
            known = ~np.isnan(exact.word_log_probability)
            np.testing.assert_array_equal(np.isnan(found.context), ~known)
            np.testing.assert_allclose(found.rarity, exact.word_rarity, rtol=1e-5, atol=1e-5)
            values, by_each = found.context[known], exact.word_surprise[known]
            by_mean = by_each if loss == "softmax" else _given_the_mean(before, sentence)
            # The noise is that of the last segment, not of this moment.
            near = 0.05 if loss == "ns" else 1e-4
            is_mean = np.isclose(values, by_mean, atol=near)
            if loss == "hs" and not cbow:
                assert np.all(is_mean | np.isclose(values, by_each, atol=near))
                first = np.argsort(-by_mean)[: max(1, (len(values) + 8) // 16)]
                np.testing.assert_allclose(values[first], by_each[first], atol=near)
            else:
                assert np.all(is_mean)
            compared += len(values)
        before.learn([sentence])
    assert compared > 300


@pytest.mark.parametrize("of", ["both", "context"])
@pytest.mark.parametrize(("loss", "cbow"), MODELS)
def test_a_scorer_has_the_p_value_that_an_alert_would_have(loss: str, cbow: bool, of: Of) -> None:
    """Though it scores by published vectors and by each context: records are compared alike."""
    model, measure = _model(loss, cbow=cbow, averaging=True), Measure("pm4", of)
    distribution, sentences = SurpriseDistribution(), _sentences(700)
    _, surprise = model.learn_scored(sentences[:600])
    distribution.p_values(measure.of_records(surprise))
    about = np.frombuffer(json.dumps({"measure": measure.as_dict()}).encode(), np.uint8)
    model.alert_state = {ABOUT: about, **distribution.state()}
    seen = set()
    for sentence in sentences[600:]:
        scorer = Scorer(model)
        found = scorer.p_values(scorer.score([sentence]))
        _, surprise = model.learn_scored([sentence], by_each_context=of == "context")
        expected = distribution.shares(measure.of_records(surprise))
        # The noise is that of the last segment, and a bin is a percent wide.
        assert found == pytest.approx(expected, abs=0.1 if loss == "ns" else 0.02)
        seen.add(expected[0])
    assert len(seen) > 20


def test_words_can_be_scored_by_the_mean_of_their_contexts_alone() -> None:
    """Also the most surprising ones, by which hierarchical softmax differs otherwise."""
    alone, both, before = (_model("hs", averaging=False, alpha=0.2) for _ in range(3))
    differ = 0
    for i, sentence in enumerate(_sentences(80)):
        _, found = alone.learn_scored([sentence], by_each_context=False)
        _, refined = both.learn_scored([sentence])
        if i >= 40 and len(values := found.context[~np.isnan(found.context)]):
            np.testing.assert_allclose(values, _given_the_mean(before, sentence), atol=1e-4)
            differ += np.nansum(refined.context > found.context + 1e-3)
            assert np.nanmin(refined.context - found.context) > -1e-4
        before.learn([sentence])
    assert differ >= 20


@pytest.mark.parametrize(("loss", "cbow"), MODELS)
@pytest.mark.parametrize("options", [{}, {"sample": 0.01}, {"replay": 1, "replay_words": 8192}])
def test_scoring_changes_nothing_that_is_learned(
    loss: str, cbow: bool, options: dict[str, Any]
) -> None:
    """The same bits, however records are batched; and the same surprise in every batching."""
    sentences = _sentences(400)
    plain, whole, single = (_model(loss, cbow=cbow, **options) for _ in range(3))
    plain.learn(sentences)
    stats, surprise = whole.learn_scored(sentences)
    parts = [single.learn_scored([sentence])[1] for sentence in sentences]
    assert stats.records == len(sentences)
    for model in (whole, single):
        np.testing.assert_array_equal(model.vectors(), plain.vectors())
    np.testing.assert_array_equal(surprise.context, np.concatenate([p.context for p in parts]))
    np.testing.assert_array_equal(surprise.rarity, np.concatenate([p.rarity for p in parts]))
    assert len(surprise.ends) == len(sentences)


def test_with_threads_every_word_is_scored() -> None:
    """By the rows as they are then: the same words, and finite numbers."""
    sentences = _sentences(3000)
    one, several = _model("hs"), _model("hs", threads=2)
    _, expected = one.learn_scored(sentences)
    stats, found = several.learn_scored(sentences)
    np.testing.assert_array_equal(found.ends, expected.ends)
    np.testing.assert_array_equal(np.isnan(found.context), np.isnan(expected.context))
    assert np.nanmax(found.context) < 100.0
    assert stats.positive_pairs > 0


def test_a_record_of_many_words_is_one_record() -> None:
    """It is trained as several sentences, and scored as one."""
    model = _model("ns")
    model.learn(_sentences(100))
    words = [f"w{i % 50}" for i in range(2500)]
    _, found = model.learn_scored([words, ["w1", "w2"], []])
    np.testing.assert_array_equal(found.ends, [2500, 2502, 2502])
    assert np.isnan(found.of_records()[2])


def test_surprise_of_records() -> None:
    """Mean, greatest and power mean; of context, of rarity, and of both alike."""
    context = np.array([1.0, np.nan, 3.0, 2.0])
    rarity = np.array([2.0, 4.0, 6.0, 1.0])
    surprise = Surprise(context, rarity, np.array([3, 3, 4]))
    np.testing.assert_allclose(surprise.of_records(), [8 / 3, np.nan, 2.0])
    np.testing.assert_allclose(surprise.of_records("max", "rarity"), [6.0, np.nan, 1.0])
    np.testing.assert_allclose(surprise.of_records("mean", "both"), [20 / 6, np.nan, 1.5])
    np.testing.assert_allclose(surprise.of_records("max", "both"), [6.0, np.nan, 2.0])
    fourth = [1.0, 2.0, 4.0, 4.0, 3.0, 6.0]
    expected = (math.fsum(value**4 for value in fourth) / 6) ** 0.25
    assert surprise.of_records("pm4", "both")[0] == pytest.approx(expected)
    with pytest.raises(ValueError, match="mean"):
        surprise.of_records("median")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a b\nc\n", b"<s> a b </s>\n<s> c </s>\n"),
        (b"\n \t \na", b"\n\n<s> a </s>\n"),
        (b"", b""),
    ],
)
def test_boundaries_are_words(text: bytes, expected: bytes) -> None:
    """A record without tokens has none."""
    assert with_boundaries(text, WHITESPACE) == expected
    separated = text.replace(b" ", b"\x1f").replace(b"\t", b"\x1f").replace(b"\n", b"\x1e")
    wanted = expected.replace(b" ", b"\x1f").replace(b"\n", b"\x1e")
    assert with_boundaries(separated, SEPARATED) == wanted


def test_boundaries_are_part_of_what_a_model_is(tmp_path: Path) -> None:
    """They are learned and scored, and a snapshot is only continued with the same."""
    model = _model("hs", boundaries=True, min_count=1)
    model.learn([["a", "b"], [], ["c"]])
    assert sorted(model.vocabulary.words()) == ["</s>", "<s>", "a", "b", "c"]
    assert model.vocabulary.total_records == 3
    scores = Scorer(model).score([["a", "b"], []])
    assert [scores.word(i) for i in range(4)] == ["<s>", "a", "b", "</s>"]
    np.testing.assert_array_equal(scores.words, [4, 0])
    model.snapshot(tmp_path)
    other = model.config.model_copy(update={"boundaries": False})
    path = next(tmp_path.glob("0*"))
    with pytest.raises(Exception, match="boundaries is True there and False here"):
        OnlineWord2Vec.restore(path, other)
