"""The tree stays a full binary tree near the best one, whatever happens to its words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import reference
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.errors import W2VError
from w2v_online.kernels.training import Matrices
from w2v_online.kernels.tree import MAX_PATH_NODES
from w2v_online.learning import huffman
from w2v_online.learning.huffman import CARRIED_SHARE, HuffmanTree


def _probabilities(tree: HuffmanTree, scores: np.ndarray) -> np.ndarray:
    """p of each leaf when inner node n takes branch 0 with probability sigmoid(scores[n])."""
    probabilities = []
    for leaf in range(len(tree)):
        nodes, code = tree.path(leaf)
        signs = 1 - 2 * np.array(code, float)
        probabilities.append(np.prod(1 / (1 + np.exp(-signs * scores[nodes]))))
    return np.array(probabilities)


def _mean_length(tree: HuffmanTree, counts: np.ndarray) -> float:
    """Bits of a word's code on average."""
    lengths = [len(tree.path(leaf)[0]) for leaf in range(len(tree))]
    return float(counts @ lengths / counts.sum())


def _matrices(rows: int, seed: int = 0) -> Matrices:
    vectors = np.random.default_rng(seed).normal(0, 0.1, (2, rows, 16)).astype(np.float32)
    return Matrices(vectors[0], vectors[1], *np.zeros((2, rows), np.uint32))


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(1, 9)),
        st.tuples(st.just("remove"), st.integers(0, 99)),
        st.tuples(st.just("count"), st.integers(0, 2**32)),
        st.tuples(st.just("group"), st.integers(0, 2**32)),
    ),
    max_size=40,
)


@given(_STEPS)
@settings(deadline=None, max_examples=200)
def test_probabilities_sum_to_one_after_any_history(steps: list[tuple[str, int]]) -> None:
    """Leaves and inner nodes are numbered without gaps all the time."""
    tree = HuffmanTree(300)
    scores = np.random.default_rng(1).normal(0, 2, 300)
    for words, (step, number) in enumerate(steps):
        if step == "grow":
            tree.grow(len(tree) + number)
        elif step == "remove" and len(tree):
            gone = tree.remove(number % len(tree))
            assert -1 <= gone <= len(tree)
        elif step == "count" and len(tree):
            counts = np.random.default_rng(number).zipf(1.2, len(tree)).astype(float)
            tree.update(counts, words * 100_000)
        elif step == "group" and tree.is_grouping_due(2**50):
            matrices = _matrices(len(tree), seed=number)
            matrices.syn0[: number % len(tree)] = 0.0  # words without a direction
            counts = np.random.default_rng(number).zipf(1.2, len(tree)).astype(float)
            tree.group(counts, words, matrices)
            assert np.isfinite(matrices.syn1).all()
        if not len(tree):
            continue
        used = {node for leaf in range(len(tree)) for node in tree.path(leaf)[0]}
        assert used == set(range(len(tree) - 1))
        assert _probabilities(tree, scores).sum() == pytest.approx(1.0, abs=1e-9)


def test_code_length_stays_near_the_best_while_counts_change() -> None:
    """New words, and old ones that rise and fall a hundredfold: below 3% after each upkeep."""
    rng = np.random.default_rng(0)
    tree = HuffmanTree(4000)
    counts = rng.zipf(1.2, 4000).clip(1, 10**6).astype(float)
    words = 100_000
    for leaves in range(200, 4001, 200):
        tree.grow(leaves)
        counts[rng.integers(0, leaves, leaves // 20)] *= rng.choice([0.01, 100], leaves // 20)
        for _ in range(3):
            words += words // 8
            tree.update(counts[:leaves], words)
        assert _mean_length(tree, counts[:leaves]) <= 1.03 * reference.best_code_length(
            counts[:leaves]
        )


def test_codes_stay_short_whatever_the_counts() -> None:
    tree = HuffmanTree(300)
    tree.grow(300)
    for round_ in range(100):
        tree.update(2.0 ** -np.arange(300.0), 10**6 * (round_ + 1))
    assert max(len(tree.path(leaf)[0]) for leaf in range(300)) < MAX_PATH_NODES


def _meeting(tree: HuffmanTree, one: int, other: int) -> int:
    """Inner nodes above both of two leaves."""
    return len({*tree.path(one)[0]} & {*tree.path(other)[0]})


def test_grouped_words_meet_near_the_leaves() -> None:
    """Eight kinds of words with vectors round one of eight points: a word's kin are below it."""
    rng = np.random.default_rng(0)
    leaves, kinds = 512, 8
    tree = HuffmanTree(leaves)
    tree.grow(leaves)
    counts = rng.integers(5, 50, leaves).astype(float)
    for words in (1, 1000, 2000):
        tree.update(counts, words)
    kind = rng.integers(0, kinds, leaves)
    matrices = _matrices(leaves)
    matrices.syn0[:] = rng.normal(0, 1, (kinds, 16))[kind] + rng.normal(0, 0.1, (leaves, 16))

    def nearness() -> float:
        kin = [np.flatnonzero(kind == k) for k in range(kinds)]
        of_kin = [_meeting(tree, *rng.choice(kin[k % kinds], 2)) for k in range(800)]
        of_any = [_meeting(tree, *rng.choice(leaves, 2)) for _ in range(800)]
        return float(np.mean(of_kin) - np.mean(of_any))

    assert nearness() < 0.5
    assert tree.is_grouping_due(10**6)
    tree.group(counts, 10**6, matrices)
    assert not tree.is_grouping_due(2 * 10**6 - 1)
    assert tree.is_grouping_due(2 * 10**6)
    assert nearness() > 1.5
    assert _mean_length(tree, counts) <= 1.06 * reference.best_code_length(counts)
    tree.update(counts, 10**6)
    assert nearness() > 1.5
    assert _mean_length(tree, counts) <= 1.03 * reference.best_code_length(counts)


def test_grouping_carries_over_what_inner_vectors_say() -> None:
    """Near x = 0 log p(w | x) of the new tree goes where the old one's went, part of the way."""
    rng = np.random.default_rng(0)
    leaves = 64
    tree = HuffmanTree(leaves)
    tree.grow(leaves)
    counts = 2.0 ** -np.array([len(tree.path(leaf)[0]) for leaf in range(leaves)])
    matrices = _matrices(leaves)
    old = matrices.syn1.copy()
    x = rng.normal(0, 1e-3, 16)

    def rises() -> np.ndarray:
        logs = [
            np.log(_probabilities(tree, scores)) for scores in (matrices.syn1 @ x, np.zeros(64))
        ]
        return logs[0] - logs[1]

    before = rises()
    tree.group(counts, 1, matrices)
    assert not np.array_equal(old, matrices.syn1)
    after = rises()
    assert np.corrcoef(before, after)[0, 1] > 0.99
    slope = (before @ after) / (before @ before)
    assert slope == pytest.approx(CARRIED_SHARE, rel=0.1)
    below = {n: sum(counts[w] for w in range(leaves) if n in tree.path(w)[0]) for n in range(63)}
    np.testing.assert_array_equal(
        matrices.updates1[:63], np.array([int(below[n]) for n in range(63)], np.uint32)
    )


def test_a_tree_of_an_older_snapshot_is_grouped_at_its_next_upkeep() -> None:
    tree = HuffmanTree(5)
    tree.grow(5)
    state = {name: array.copy() for name, array in tree.state().items()}
    newer, older = HuffmanTree(5), HuffmanTree(5)
    newer.restore(state | {"tree_due": np.array([10, 8_000_000])})
    older.restore(state | {"tree_due": np.array([10])})
    assert not newer.is_grouping_due(7_000_000)
    assert older.is_grouping_due(7_000_000)


def test_a_state_that_is_no_tree_is_refused() -> None:
    tree = HuffmanTree(10)
    tree.grow(5)
    state = {name: array.copy() for name, array in tree.state().items()}
    state["leaf_links"][2] = state["leaf_links"][3]
    with pytest.raises(W2VError, match="not those of a tree"):
        HuffmanTree(10).restore(state)
    state["inner_links"] = state["inner_links"][:2]
    with pytest.raises(W2VError, match="one inner node fewer"):
        HuffmanTree(10).restore(state)


def _lines(seed: int = 0) -> list[bytes]:
    rng = np.random.default_rng(seed)
    return [
        " ".join(f"w{i}" for i in rng.zipf(1.2, rng.integers(1, 25)) % 900).encode() + b"\n"
        for _ in range(400)
    ]


@pytest.mark.parametrize("options", [
    {"loss": "hs"}, {"loss": "hs", "cbow": True}, {"cbow": True},
    {"loss": "softmax"}, {"loss": "softmax", "cbow": True},
])  # fmt: skip
def test_batches_stops_and_snapshots_leave_no_trace(
    tmp_path: Path, options: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words are admitted, evicted, forgotten and, in a tree, grouped anew meanwhile."""
    monkeypatch.setattr(huffman, "GROUPING_WORDS", 300)
    config = LearnerConfig(vector_size=12, min_count=2, max_vocab_size=150, **options)  # type: ignore[arg-type]
    lines = _lines()
    whole, pieces = OnlineWord2Vec(config), OnlineWord2Vec(config)
    for first, last in ((0, 170), (170, 171), (171, 400)):
        whole.learn_text(b"".join(lines[first:last]))
        for line in lines[first:last]:
            pieces.learn_text(line)
        for model in (whole, pieces):
            model.forget(["w1", "w77"])
        pieces = OnlineWord2Vec.restore(pieces.snapshot(tmp_path))
    assert whole.evicted_words > 0
    if whole.config.loss == "hs":
        assert whole.objective.tree.state()["tree_due"][1] > whole.total_words > 4 * 300
    assert whole.vocabulary.words() == pieces.vocabulary.words()
    np.testing.assert_array_equal(whole.embeddings.vectors, pieces.embeddings.vectors)
    np.testing.assert_array_equal(whole.embeddings.output_vectors, pieces.embeddings.output_vectors)
    assert np.isfinite(whole.vectors()).all()


def test_threads_share_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huffman, "GROUPING_WORDS", 300)
    config = LearnerConfig(
        vector_size=12, min_count=1, max_vocab_size=150, loss="hs", threads=3, sample=0
    )
    model = OnlineWord2Vec(config)
    for line in _lines() * 3:
        model.learn_text(line, wait=False)
    stats = model.flush()
    assert np.isfinite(model.vectors()).all()
    assert stats.words == 0
    assert model.config.loss == "hs"
    assert len(model.objective.tree) <= len(model.vocabulary)


def test_upkeep_is_due_once_the_stream_has_grown_and_its_state_is_as_large_as_told() -> None:
    tree = HuffmanTree(10)
    tree.grow(10)
    for words in (1, 10, 1_000_000):
        assert tree.is_due(words)
        tree.update(np.arange(1.0, 11.0), words)
        assert not tree.is_due(words)
    state = tree.state()
    links = state["leaf_links"].nbytes + state["inner_links"].nbytes
    # Beside half of the leaves new ones are put; there is one inner node less than leaves.
    assert links + 2 * state["tree_beside"].nbytes + 4 == tree.max_state_bytes
