"""A Huffman tree over words whose counts change (Mikolov et al. 2013, hierarchical softmax).

A new word's leaf is put beside a light one, and at upkeep heavy nodes that hang below lighter ones
change places with them, subtrees and all. So an inner node goes on dividing the same words, and
what its vector has learned stays true; only where a subtree comes or goes does a node see words
that it did not see before. Seldom, when the stream has doubled, the tree is rebuilt by what
their vectors have come to say, and what inner vectors said is carried over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import W2VError
from w2v_online.kernels import tree as kernels
from w2v_online.kernels.grouping import BLOCK_FLOATS, carry_over, divide_words
from w2v_online.kernels.training import MAX_UPDATES, Matrices
from w2v_online.kernels.tree import TreeArrays

SWAP_MARGINS = (2.0, 1.2)
"""A node changes places with one so many times as light. What hangs together for its meaning is
torn apart by that, so the second margin is for trees ..."""

ENOUGH_LENGTH = 1.02
"""... whose mean code is longer than so many times the entropy of the counts."""

MAX_ROUNDS = 6
"""Rounds of swaps at one upkeep at most."""

LEAST_GAIN = 0.003
"""A round that made the mean code shorter by less than this part is the last one."""

LEAST_SHARE = 2.0**-40
"""Rarer words count as if they had this share, which bounds the length of codes."""

UPKEEP_GROWTH = 2
"""Upkeep is due when the stream has grown by one part in so many, ..."""

MAX_UPKEEP_WORDS = 4_000_000
"""... or by so many words."""

GROUPING_WORDS = 1_000_000
"""Words after which vectors first say enough for words to be grouped by them, ..."""

GROUPING_GROWTH = 2
"""... and by how many times the stream has grown when they are again."""

CARRIED_SHARE = 0.3
"""How much of inner nodes' vectors is carried over to another grouping; measured."""

GROUPING_BYTES = 32 + 8 * BLOCK_FLOATS
"""Memory that grouping takes for each word meanwhile."""


class HuffmanTree:
    """A full binary tree: leaves are rows of a vocabulary, inner nodes rows of syn1."""

    def __init__(self, max_rows: int) -> None:
        self.arrays = TreeArrays(
            leaf_links=np.zeros(max_rows, np.int32),
            inner_links=np.zeros(max_rows, np.int32),
            children=np.zeros(2 * max_rows, np.int32),
            numbers=np.array([0, kernels.NO_LINK], np.int64),
        )
        self._weights = np.zeros(max_rows, np.float64)
        self._order = np.zeros(max_rows, np.int32)
        self._depths = np.zeros(max_rows, np.int32)
        self._beside = np.zeros(0, np.int32)
        """Leaves to put new ones beside, lightest first."""
        self._due_words = 0
        self._grouping_due_words = GROUPING_WORDS

    def __len__(self) -> int:
        """Leaves."""
        return int(self.arrays.numbers[0])

    @property
    def max_bytes(self) -> int:
        """Most memory that the tree can take, and its upkeep."""
        kept = (*self.arrays, self._weights, self._order, self._depths)
        upkeep_bytes = 48 + GROUPING_BYTES
        return sum(array.nbytes for array in kept) + upkeep_bytes * len(self._weights)

    @property
    def max_state_bytes(self) -> int:
        """Upper bound of the size of :meth:`state`."""
        return self.arrays.leaf_links.nbytes + self.arrays.inner_links.nbytes + self._order.nbytes

    def path(self, leaf: int) -> tuple[list[int], list[int]]:
        """Inner nodes above a leaf, and the branch taken at each (0 or 1), from the leaf up."""
        nodes, code = [], []
        link = int(self.arrays.leaf_links[leaf])
        while link >= 0:
            nodes.append(link >> 1)
            code.append(link & 1)
            link = int(self.arrays.inner_links[link >> 1])
        return nodes, code

    def nodes_above(self, leaves: NDArray[np.int32]) -> NDArray[np.int32]:
        """int32[n]: every inner node above one of these leaves."""
        marks = np.zeros(max(0, len(self) - 1), np.uint8)
        kernels.mark_paths(self.arrays, leaves, marks)
        return np.flatnonzero(marks).astype(np.int32)

    def grow(self, leaves: int) -> None:
        """Have so many leaves."""
        while len(self) < leaves:
            if not len(self._beside):
                self._beside = np.arange(max(1, len(self)), dtype=np.int32)
            added = min(leaves - len(self), len(self._beside))
            kernels.insert_leaves(self.arrays, self._beside[:added])
            self._beside = self._beside[added:]

    def remove(self, leaf: int) -> int:
        """Remove a leaf; the last leaf gets its number.

        Returns the inner node that went with it, whose number the last inner node got; -1 if none.
        """
        self._beside = np.zeros(0, np.int32)
        return int(kernels.remove_leaf(self.arrays, leaf))

    def is_due(self, total_words: int) -> bool:
        """Whether the stream has grown enough since the last upkeep."""
        return total_words >= self._due_words

    def is_grouping_due(self, total_words: int) -> bool:
        """Whether the stream has grown enough since words were grouped."""
        return total_words >= self._grouping_due_words and len(self) > 1

    def group(self, counts: NDArray[np.float64], total_words: int, matrices: Matrices) -> None:
        """Rebuild the tree by clustering word vectors (rows of syn0).

        Rows of syn1 and their update counts are those of the new inner nodes then. ``counts`` is
        float64[len(self)]. Codes are a few percent longer than the best; :meth:`update` makes
        them shorter.
        """
        self._grouping_due_words = GROUPING_GROWTH * total_words
        leaves = len(self)
        counts = _at_least(counts)
        self._weigh(counts)
        old_order = self._order[: leaves - 1].copy()
        old_children = self.arrays.children[: 2 * (leaves - 1)].copy()
        inverse_norms, places = np.empty((2, leaves), np.float32)
        divide_words(
            self.arrays,
            matrices.syn0,
            counts,
            np.sqrt(counts).astype(np.float32),
            inverse_norms,
            np.empty(leaves, np.int32),
            places,
            np.empty((3, matrices.syn0.shape[1]), np.float32),
            np.empty((64, 3), np.int64),
        )
        kernels.build_children(self.arrays)
        self._weigh(counts)
        carry_over(
            old_children,
            old_order,
            self.arrays,
            self._order[: leaves - 1],
            counts,
            self._weights,
            np.float32(CARRIED_SHARE),
            matrices.syn1,
            np.empty((2 * leaves, BLOCK_FLOATS), np.float32),
        )
        # As often as words below were seen: a node does not begin afresh, it has much to say.
        matrices.updates1[: leaves - 1] = np.minimum(self._weights[: leaves - 1], MAX_UPDATES)

    def update(self, counts: NDArray[np.float64], total_words: int) -> None:
        """Bring the tree near to the best for these counts, float64[len(self)]."""
        growth = min(MAX_UPKEEP_WORDS, max(1, total_words // UPKEEP_GROWTH))
        self._due_words = total_words + growth
        if len(self) < 2:
            return
        counts = _at_least(counts)
        shares = counts / counts.sum()
        entropy = -float(shares @ np.log2(shares))
        for margin in SWAP_MARGINS:
            if self._balance(counts, margin) <= ENOUGH_LENGTH * entropy:
                break
        # New words come beside the lighter half of the leaves, which thereby gets deeper evenly.
        half = max(1, len(self) // 2)
        light = np.argpartition(counts, half - 1)[:half]
        self._beside = light[np.argsort(counts[light], kind="stable")].astype(np.int32)

    def _weigh(self, counts: NDArray[np.float64]) -> tuple[float, float]:
        length, total = kernels.weigh(self.arrays, counts, self._weights, self._order, self._depths)
        return float(length), float(total)

    def _balance(self, counts: NDArray[np.float64], margin: float) -> float:
        """Swap nodes until it no longer helps; return the bits of a word's code on average."""
        before = math.inf
        for _ in range(MAX_ROUNDS):
            length, total = self._weigh(counts)
            if length > (1.0 - LEAST_GAIN) * before:
                break
            self._swap(counts, margin)
            before = length
        return length / total

    def _swap(self, counts: NDArray[np.float64], margin: float) -> None:
        """One round of swaps, level by level."""
        order = self._order[: len(self) - 1]
        depths = self._depths[order]
        edges = np.searchsorted(depths, np.arange(depths[-1] + 2))
        above, above_weights = self._level(order[edges[0] : edges[1]], counts)
        for depth in range(1, len(edges) - 1):
            below, weights = self._level(order[edges[depth] : edges[depth + 1]], counts)
            light = np.flatnonzero(margin * above_weights < weights.max())
            heavy = np.flatnonzero(weights > margin * above_weights.min())
            light = light[np.argsort(above_weights[light], kind="stable")]
            heavy = heavy[np.argsort(-weights[heavy], kind="stable")]
            pairs = min(len(light), len(heavy))
            light, heavy = light[:pairs], heavy[:pairs]
            wins = weights[heavy] > margin * above_weights[light]
            kernels.swap_nodes(self.arrays, above[light[wins]], below[heavy[wins]])
            above, above_weights = below, weights

    def _level(
        self, parents: NDArray[np.int32], counts: NDArray[np.float64]
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The children of these inner nodes (inner, or ~leaf), and their weights."""
        nodes = self.arrays.children.reshape(-1, 2)[parents].reshape(-1)
        weights = np.where(
            nodes >= 0, self._weights[np.maximum(nodes, 0)], counts[np.maximum(~nodes, 0)]
        )
        return nodes, weights

    def warm_up(self) -> None:
        """Call the kernels that small trees do without."""
        nothing = np.empty(0, np.int32)
        kernels.swap_nodes(self.arrays, nothing, nothing)
        self.nodes_above(nothing)
        HuffmanTree(2).restore(HuffmanTree(2).state())
        small = HuffmanTree(3)
        small.grow(3)
        rows, updates = np.zeros((3, BLOCK_FLOATS), np.float32), np.zeros(3, np.uint32)
        small.group(np.ones(3), 0, Matrices(rows, rows.copy(), updates, updates))

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        leaves = len(self)
        return {
            "leaf_links": self.arrays.leaf_links[:leaves],
            "inner_links": self.arrays.inner_links[: max(0, leaves - 1)],
            "tree_beside": self._beside,
            "tree_due": np.array([self._due_words, self._grouping_due_words], np.int64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state; W2VError if it is no tree."""
        leaf_links, inner_links = np.asarray(state["leaf_links"]), np.asarray(state["inner_links"])
        leaves = len(leaf_links)
        if len(inner_links) != max(0, leaves - 1):
            raise W2VError("the Huffman tree must have one inner node fewer than leaves")
        links = np.sort(np.concatenate([leaf_links, inner_links]))
        if leaves and not np.array_equal(links, np.arange(-1, len(links) - 1)):
            raise W2VError("the Huffman tree's links are not those of a tree")
        self.arrays.leaf_links[:leaves] = leaf_links
        self.arrays.inner_links[: len(inner_links)] = inner_links
        self.arrays.numbers[0] = leaves
        kernels.build_children(self.arrays)
        self._beside = np.array(state["tree_beside"], np.int32)
        due = np.asarray(state["tree_due"])
        self._due_words = int(due[0])
        # Written before words were grouped, a state says nothing of when: at the next upkeep.
        self._grouping_due_words = int(due[1]) if len(due) > 1 else GROUPING_WORDS


def _at_least(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The counts with a least share for each; words that were adopted may have none."""
    return np.maximum(counts, max(float(counts.sum()), 1.0) * LEAST_SHARE)
