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
from w2v_online.kernels.tree import MAX_PATH_NODES, insert_leaves
from w2v_online.learning import grouping, huffman
from w2v_online.learning.grouping import CARRIED_SHARE
from w2v_online.learning.huffman import HuffmanTree


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


def _grow(tree: HuffmanTree, leaves: int) -> None:
    tree.grow(np.ones(leaves))


def _follow(
    tree: HuffmanTree, counts: np.ndarray, words: int, matrices: Matrices | None = None
) -> Matrices | None:
    """Let the tree do all that is due after so many words; its matrices if it was rebuilt."""
    rebuilt = None
    matrices = matrices or _matrices(len(tree))
    while tree.is_due(words):
        rebuilt = tree.follow(counts, words, matrices) or rebuilt
        matrices = rebuilt or matrices
        words += 1
    return rebuilt


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.integers(1, 9)),
        st.tuples(st.just("remove"), st.integers(0, 99)),
        st.tuples(st.just("count"), st.integers(0, 2**32)),
    ),
    max_size=40,
)


@given(_STEPS)
@settings(deadline=None, max_examples=200)
def test_probabilities_sum_to_one_after_any_history(steps: list[tuple[str, int]]) -> None:
    """Leaves and inner nodes are numbered without gaps all the time, while the tree is balanced or
    rebuilt a few nodes at a time.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huffman, "SLICE_NODES", 5)
        patch.setattr(huffman, "SLICE_FLOATS", 16 * 9)
        patch.setattr(huffman, "GROUPING_GROWTH", 1)
        _check_history(steps)


def _check_history(steps: list[tuple[str, int]]) -> None:
    tree = HuffmanTree(300)
    scores = np.random.default_rng(1).normal(0, 2, 300)
    for words, (step, number) in enumerate(steps):
        if step == "grow":
            _grow(tree, len(tree) + number)
        elif step == "remove" and len(tree):
            gone = tree.remove(number % len(tree))
            assert -1 <= gone <= len(tree)
        elif step == "count" and len(tree):
            counts = np.random.default_rng(number).zipf(1.2, len(tree)).astype(float)
            matrices = _matrices(300, seed=number)
            matrices.syn0[: number % len(tree)] = 0.0  # words without a direction
            rebuilt = tree.follow(counts, words * 100_000, matrices)
            assert rebuilt is None or np.isfinite(rebuilt.syn1).all()
        if not len(tree):
            continue
        used = {node for leaf in range(len(tree)) for node in tree.path(leaf)[0]}
        assert used == set(range(len(tree) - 1))
        assert _probabilities(tree, scores).sum() == pytest.approx(1.0, abs=1e-9)


def test_code_length_stays_near_the_best_while_counts_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """New words, and old ones that rise and fall a hundredfold: below 3% after each upkeep."""
    monkeypatch.setattr(huffman, "GROUPING_WORDS", 10**18)
    rng = np.random.default_rng(0)
    tree = HuffmanTree(4000)
    counts = rng.zipf(1.2, 4000).clip(1, 10**6).astype(float)
    words = 100_000
    for leaves in range(200, 4001, 200):
        _grow(tree, leaves)
        counts[rng.integers(0, leaves, leaves // 20)] *= rng.choice([0.01, 100], leaves // 20)
        for _ in range(3):
            words += words // 2
            _follow(tree, counts[:leaves], words)
        assert _mean_length(tree, counts[:leaves]) <= 1.03 * reference.best_code_length(
            counts[:leaves]
        )


def test_codes_stay_short_whatever_the_counts() -> None:
    tree = HuffmanTree(300)
    _grow(tree, 300)
    for round_ in range(100):
        _follow(tree, 2.0 ** -np.arange(300.0), 10**6 * (round_ + 1))
    assert max(len(tree.path(leaf)[0]) for leaf in range(300)) < MAX_PATH_NODES


@pytest.mark.parametrize("slice_nodes", [1 << 18, 64])
def test_codes_stay_short_while_words_are_forgotten(
    slice_nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New words do not all come beside the same one, nor where balancing never comes to an end."""
    monkeypatch.setattr(huffman, "SLICE_NODES", slice_nodes)
    monkeypatch.setattr(huffman, "GROUPING_WORDS", 10**18)
    rng, leaves = np.random.default_rng(0), 500
    tree, counts, matrices = HuffmanTree(leaves), np.ones(leaves), _matrices(leaves)
    _grow(tree, leaves)
    _follow(tree, counts, 10**6)
    for words in range(2 * 10**6, 2 * 10**6 + 300):
        tree.remove(int(rng.integers(1, leaves)))
        _grow(tree, leaves)
        tree.follow(counts, words, matrices)
    assert max(len(tree.path(leaf)[0]) for leaf in range(leaves)) < 32


def test_a_tree_that_is_too_deep_is_balanced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As snapshots may hold one from before new words came beside different ones."""
    monkeypatch.setattr(huffman, "GROUPING_WORDS", 10**18)
    leaves = 400
    tree, counts = HuffmanTree(leaves), np.ones(leaves)
    insert_leaves(tree.arrays, np.zeros(leaves, np.int32))
    assert len(tree.path(0)[0]) == leaves - 1
    for round_ in range(100):
        _follow(tree, counts, 10**6 * (round_ + 1))
    assert max(len(tree.path(leaf)[0]) for leaf in range(leaves)) < MAX_PATH_NODES


def _meeting(tree: HuffmanTree, one: int, other: int) -> int:
    """Inner nodes above both of two leaves."""
    return len({*tree.path(one)[0]} & {*tree.path(other)[0]})


def test_grouped_words_meet_near_the_leaves() -> None:
    """Eight kinds of words with vectors round one of eight points: a word's kin are below it."""
    rng = np.random.default_rng(0)
    leaves, kinds = 512, 8
    tree = HuffmanTree(leaves)
    _grow(tree, leaves)
    counts = rng.integers(5, 50, leaves).astype(float)
    for words in (1, 1000, 2000):
        _follow(tree, counts, words)
    kind = rng.integers(0, kinds, leaves)
    matrices = _matrices(leaves)
    matrices.syn0[:] = rng.normal(0, 1, (kinds, 16))[kind] + rng.normal(0, 0.1, (leaves, 16))

    def nearness() -> float:
        kin = [np.flatnonzero(kind == k) for k in range(kinds)]
        of_kin = [_meeting(tree, *rng.choice(kin[k % kinds], 2)) for k in range(800)]
        of_any = [_meeting(tree, *rng.choice(leaves, 2)) for _ in range(800)]
        return float(np.mean(of_kin) - np.mean(of_any))

    assert nearness() < 0.5
    assert _follow(tree, counts, 10**6, matrices) is not None
    assert nearness() > 1.5
    assert _mean_length(tree, counts) <= 1.03 * reference.best_code_length(counts)
    assert _follow(tree, counts, 2 * 10**6 - 100, matrices) is None
    assert _follow(tree, counts, 3 * 10**6, matrices) is not None  # upkeep is due again


def test_grouping_carries_over_what_inner_vectors_say() -> None:
    """Near x = 0 log p(w | x) of the new tree goes where the old one's went, part of the way."""
    rng = np.random.default_rng(0)
    leaves = 64
    tree = HuffmanTree(leaves)
    _grow(tree, leaves)
    counts = 2.0 ** -np.array([len(tree.path(leaf)[0]) for leaf in range(leaves)])
    old = matrices = _matrices(leaves)
    x = rng.normal(0, 1e-3, 16)

    def rises() -> np.ndarray:
        logs = [
            np.log(_probabilities(tree, scores)) for scores in (matrices.syn1 @ x, np.zeros(64))
        ]
        return logs[0] - logs[1]

    before = rises()
    tree.follow(counts, 10**6, matrices)  # balance: codes have the best lengths already
    matrices = next(filter(None, (tree.follow(counts, 10**6 + i, old) for i in range(1, 9))))
    assert not np.array_equal(old.syn1, matrices.syn1)
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
    _grow(tree, 5)
    state = {name: array.copy() for name, array in tree.state().items()}
    newer, older = HuffmanTree(5), HuffmanTree(5)
    newer.restore(state | {"tree_due": np.array([10, 8_000_000])}, _matrices(5))
    older.restore(state | {"tree_due": np.array([10])}, _matrices(5))
    assert _follow(newer, np.ones(5), 7_000_000) is None
    assert _follow(older, np.ones(5), 7_000_000) is not None


def test_a_state_that_is_no_tree_is_refused() -> None:
    tree = HuffmanTree(10)
    _grow(tree, 5)
    state = {name: array.copy() for name, array in tree.state().items()}
    state["leaf_links"][2] = state["leaf_links"][3]
    with pytest.raises(W2VError, match="not those of a tree"):
        HuffmanTree(10).restore(state, _matrices(10))
    state["inner_links"] = state["inner_links"][:2]
    with pytest.raises(W2VError, match="one inner node fewer"):
        HuffmanTree(10).restore(state, _matrices(10))


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
    """Words are admitted, evicted, forgotten and, in a tree, grouped anew meanwhile, a few nodes at
    a time.
    """
    monkeypatch.setattr(huffman, "GROUPING_WORDS", 300)
    monkeypatch.setattr(huffman, "SLICE_NODES", 90)
    monkeypatch.setattr(huffman, "SLICE_FLOATS", 16 * 300)
    monkeypatch.setattr(grouping, "MAX_CARRIED", 60)
    config = LearnerConfig(vector_size=12, min_count=2, max_vocab_size=150, **options)  # type: ignore[arg-type]
    lines = _lines()
    whole, pieces = OnlineWord2Vec(config), OnlineWord2Vec(config)
    saved: set[str] = set()
    outputs = whole.embeddings.matrices.syn1
    for first, last in ((0, 170), (170, 171), (171, 230), (230, 400)):
        whole.learn_text(b"".join(lines[first:last]))
        for number, line in enumerate(lines[first:last]):
            pieces.learn_text(line)
            if number % 8 == 5:
                saved |= pieces.objective.state().keys()
                pieces = OnlineWord2Vec.restore(pieces.snapshot(tmp_path))
        for model in (whole, pieces):
            model.forget(["w1", "w77"])
        pieces = OnlineWord2Vec.restore(pieces.snapshot(tmp_path))
        np.testing.assert_equal(pieces.objective.state(), whole.objective.state())
        numbers = [model.vocabulary.arrays.numbers for model in (whole, pieces)]
        np.testing.assert_array_equal(*numbers)
    assert whole.evicted_words > 0
    if whole.config.loss == "hs":
        assert whole.embeddings.matrices.syn1 is not outputs
        assert {"balancing_order", "grouping_members"} < saved
    assert whole.vocabulary.words() == pieces.vocabulary.words()
    np.testing.assert_array_equal(whole.embeddings.vectors, pieces.embeddings.vectors)
    np.testing.assert_array_equal(whole.embeddings.output_vectors, pieces.embeddings.output_vectors)
    assert np.isfinite(whole.vectors()).all()


def test_a_tree_follows_counts_in_a_unit_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A round of swaps goes on for a while, and decaying counts change their own unit meanwhile."""
    config = LearnerConfig(vector_size=8, min_count=1, max_vocab_size=50, loss="hs", half_life=50)
    model = OnlineWord2Vec(config)
    sums: list[float] = []
    follow = model.objective.set_counts

    def note(counts: np.ndarray, *rest: object) -> None:
        sums.append(float(counts.sum()))
        follow(counts, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(model.objective, "set_counts", note)
    for _ in range(300):
        model.learn([[f"w{i}" for i in range(40)]])
    assert len(sums) > 5
    assert max(sums[2:]) < 2 * min(sums[2:])


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


def test_upkeep_is_due_once_the_stream_has_grown() -> None:
    tree = HuffmanTree(10)
    _grow(tree, 10)
    for words in (1, 10, 600_000):
        assert tree.is_due(words)
        tree.follow(np.arange(1.0, 11.0), words, _matrices(10))
        assert not tree.is_due(words)
        assert not tree.is_due(words + words // 2 - 1)


def test_state_is_at_most_as_large_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while a tree is balanced or rebuilt."""
    monkeypatch.setattr(huffman, "SLICE_NODES", 64)
    monkeypatch.setattr(huffman, "SLICE_FLOATS", 1024)
    monkeypatch.setattr(grouping, "MAX_CARRIED", 100)
    tree = HuffmanTree(2000)
    _grow(tree, 2000)
    counts, matrices = np.random.default_rng(0).zipf(1.2, 2000).astype(float), _matrices(2000)
    kinds = set()
    for words in range(10**6, 10**6 + 2000):
        tree.follow(counts, words, matrices)
        state = tree.state()
        kinds |= {name.partition("_")[0] for name in state}
        assert sum(array.nbytes for array in state.values()) <= tree.max_state_bytes(16)
    assert kinds == {"leaf", "inner", "tree", "balancing", "grouping"}
