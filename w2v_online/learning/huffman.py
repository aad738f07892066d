"""A Huffman tree over words whose counts change (Mikolov et al. 2013, hierarchical softmax).

A new word's leaf is put beside a light one, and from time to time heavy nodes that hang below
lighter ones change places with them (:mod:`w2v_online.learning.balancing`). So an inner node goes
on dividing the same words, and what its vector has learned stays true; only where a subtree comes
or goes does a node see words that it did not see before. Seldom, when the stream has doubled, the
tree is rebuilt by what their vectors have come to say (:mod:`w2v_online.learning.grouping`), and
what inner vectors said is carried over. Both are done a part at a time, see
:meth:`HuffmanTree.follow`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import W2VError
from w2v_online.kernels import tree as kernels
from w2v_online.kernels.training import Matrices
from w2v_online.learning import grouping
from w2v_online.learning.balancing import Balancing, least
from w2v_online.learning.grouping import Grouping, new_tree
from w2v_online.simd.registers import ROW_MULTIPLE

LEAST_SHARE = 2.0**-40
"""Rarer words count as if they had this share, which bounds the length of codes."""

UPKEEP_GROWTH = 2
"""Upkeep is due when the stream has grown by one part in so many, ..."""

MAX_UPKEEP_WORDS = 4_000_000
"""... or by so many words."""

GROUPING_WORDS = 1_000_000
"""Words after which vectors first say enough for words to be grouped by them at an upkeep, ..."""

GROUPING_GROWTH = 2
"""... and by how many times the stream has grown when they are again."""

SLICE_NODES = 1 << 18
"""Nodes that are visited at once when the tree is balanced: about 20 milliseconds."""

SLICE_FLOATS = 3 << 23
"""Values that are read at once when words are grouped: about 20 milliseconds."""

_BEGIN_AGAIN = -1
"""When upkeep is due that was stopped before it was complete."""

_STATE_WORD_BYTES = 44
"""Bytes of saved state for each word: links 8, leaves to put others beside 4, balancing 12 and
grouping 20."""


class HuffmanTree:
    """A full binary tree: leaves are rows of a vocabulary, inner nodes rows of syn1."""

    def __init__(self, max_rows: int) -> None:
        self.arrays = new_tree(max_rows)
        self._balancing = Balancing(max_rows)
        self._grouping: Grouping | None = None
        self._beside = np.zeros(0, np.int32)
        """Leaves to put new ones beside, lightest first."""
        self._due_words = 0
        self._grouping_due_words = GROUPING_WORDS
        self._followed_words = -1
        """Words of the stream when :meth:`follow` last did its part."""

    def __len__(self) -> int:
        """Leaves."""
        return int(self.arrays.numbers[0])

    @property
    def max_bytes(self) -> int:
        """Most memory that the tree can take, and its upkeep, besides new inner vectors."""
        arrays_bytes = sum(array.nbytes for array in self.arrays) + self._balancing.nbytes
        upkeep_bytes = 48 + grouping.WORD_BYTES
        return arrays_bytes + upkeep_bytes * len(self.arrays.leaf_links)

    def max_state_bytes(self, row_floats: int) -> int:
        """Upper bound of the size of :meth:`state`, with rows of so many floats."""
        max_rows = len(self.arrays.leaf_links)
        carried = min(max_rows, grouping.MAX_CARRIED) + kernels.MAX_PATH_NODES
        return 4096 + _STATE_WORD_BYTES * max_rows + 4 * (row_floats + 4) * (carried + 256)

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

    def grow(self, counts: NDArray[np.float64]) -> None:
        """Have as many leaves as there are counts, float64[n]."""
        leaves = len(counts)
        while len(self) < leaves:
            if not len(self._beside):
                self._beside = np.arange(max(1, len(self)), dtype=np.int32)
            added = min(leaves - len(self), len(self._beside))
            kernels.insert_leaves(self.arrays, self._beside[:added])
            if self._balancing.is_under_way:
                self._balancing.add(self._beside[:added], counts[: len(self)])
            self._beside = self._beside[added:]

    def remove(self, leaf: int) -> int:
        """Remove a leaf; the last leaf gets its number.

        Returns the inner node that went with it, whose number the last inner node got; -1 if none.
        """
        self._beside = self._beside[self._beside != leaf]
        self._beside[self._beside == len(self) - 1] = leaf
        # What is under way goes by numbers, and is begun again.
        if self._grouping is not None:
            self._grouping = None
            self._grouping_due_words = self._due_words = 0
        if self._balancing.is_under_way:
            self._balancing.stop()
            self._due_words = _BEGIN_AGAIN
        return int(kernels.remove_leaf(self.arrays, leaf))

    def is_due(self, total_words: int) -> bool:
        """Whether :meth:`follow` has anything to do."""
        is_busy = self._balancing.is_under_way or self._grouping is not None
        return (is_busy or total_words >= self._due_words) and total_words > self._followed_words

    def follow(
        self, counts: NDArray[np.float64], total_words: int, matrices: Matrices
    ) -> Matrices | None:
        """Do a part of what is due after so many words, if that was not done yet.

        The tree is brought near to the best for these counts, float64[len(self)], or rebuilt by
        clustering word vectors (rows of syn0); codes are a few percent longer than the best then,
        and made shorter afterwards. Once it is rebuilt, the rows of syn1 and their update counts
        must be those of its own inner nodes: the matrices to go on with are returned.
        """
        if not self.is_due(total_words):
            return None
        self._followed_words = total_words
        if len(self) < 2:
            self._set_due(total_words)
            return None
        counts = _at_least(counts)
        nodes = SLICE_NODES
        is_idle = self._grouping is None and not self._balancing.is_under_way
        if is_idle and total_words >= self._grouping_due_words:
            # Balanced once it is complete.
            self._grouping = Grouping(len(self), matrices)
            self._grouping_due_words = GROUPING_GROWTH * total_words
        elif is_idle:
            # Until the tree is balanced each leaf has its turn, or some would get ever deeper.
            if self._due_words != _BEGIN_AGAIN:
                self._find_light(counts)
            self._set_due(total_words)
            self._balancing.begin()
            nodes -= len(self)
        if self._grouping is None:
            self._balancing.advance(self.arrays, counts, nodes)
            return None
        visits = SLICE_FLOATS // matrices.syn0.shape[1]
        if not self._grouping.advance(self.arrays, matrices, counts, visits):
            return None
        return self._take_over(self._grouping, counts, matrices)

    def _set_due(self, total_words: int) -> None:
        growth = min(MAX_UPKEEP_WORDS, max(1, total_words // UPKEEP_GROWTH))
        self._due_words = total_words + growth

    def _find_light(self, counts: NDArray[np.float64]) -> None:
        """Choose leaves to put new ones beside: the lighter half, which gets deeper evenly."""
        half = max(1, len(self) // 2)
        self._beside = least(counts, half).astype(np.int32)

    def _take_over(
        self, rebuilt: Grouping, counts: NDArray[np.float64], matrices: Matrices
    ) -> Matrices:
        """Be the rebuilt tree, with leaves that came in the meantime; return its matrices."""
        self.arrays = rebuilt.tree
        self._grouping = None
        self._due_words = 0
        self._beside = self._beside[self._beside < len(self)]
        self.grow(counts)
        outputs, updates = rebuilt.carried[:2]
        return matrices._replace(syn1=outputs, updates1=updates)

    def warm_up(self) -> None:
        """Call the kernels that small trees do without."""
        nothing = np.empty(0, np.int32)
        kernels.swap_nodes(self.arrays, nothing, nothing)
        self.nodes_above(nothing)
        rows, updates = np.zeros((3, ROW_MULTIPLE), np.float32), np.zeros(3, np.uint32)
        matrices = Matrices(rows, rows.copy(), updates, updates)
        small = HuffmanTree(3)
        small.restore(small.state(), matrices)
        small.grow(np.ones(3))
        small.follow(np.ones(3), 0, matrices)
        words = GROUPING_WORDS
        while small.follow(np.ones(3), words, matrices) is None:
            words += 1

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        leaves = len(self)
        return {
            "leaf_links": self.arrays.leaf_links[:leaves],
            "inner_links": self.arrays.inner_links[: max(0, leaves - 1)],
            "tree_beside": self._beside,
            "tree_due": np.array(
                [self._due_words, self._grouping_due_words, self._followed_words], np.int64
            ),
            **self._balancing.state(leaves),
            **({} if self._grouping is None else self._grouping.state()),
        }

    def restore(self, state: Mapping[str, NDArray[Any]], matrices: Matrices) -> None:
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
        self._followed_words = int(due[2]) if len(due) > 2 else -1
        self._balancing.restore(state)
        self._grouping = Grouping.restored(state, matrices)


def _at_least(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """The counts with a least share for each; words that were adopted may have none."""
    return np.maximum(counts, max(float(counts.sum()), 1.0) * LEAST_SHARE)
