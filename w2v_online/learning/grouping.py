"""Rebuilding a Huffman tree by what its words mean, a bounded amount of work at a time.

The new tree is made beside the old one, from which text is learned meanwhile: words are divided by
their vectors, then the heaviest of the new inner nodes get vectors from those of the old tree. The
others, which have learned little, start afresh, so that the whole takes little memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels import grouping as kernels
from w2v_online.kernels.grouping import Carried, Division, carry_over, divide_words
from w2v_online.kernels.training import Matrices
from w2v_online.kernels.tree import TreeArrays, build_children
from w2v_online.learning.embeddings import reserve

CARRIED_SHARE = 0.3
"""How much of inner nodes' vectors is carried over to another grouping; measured."""

MAX_CARRIED = 1 << 16
"""Inner nodes that get vectors at most."""

WORD_BYTES = 28
"""Memory for each word meanwhile."""


def new_tree(max_rows: int) -> TreeArrays:
    """An empty tree with room for so many leaves."""
    return TreeArrays(
        leaf_links=np.zeros(max_rows, np.int32),
        inner_links=np.zeros(max_rows, np.int32),
        children=np.zeros(2 * max_rows, np.int32),
        numbers=np.array([0, -1], np.int64),
    )


class Grouping:
    """One rebuilding of a tree of at least two leaves, and how far it has come."""

    def __init__(self, leaves: int, matrices: Matrices) -> None:
        max_rows, row_floats = matrices.syn1.shape
        self.tree = new_tree(max_rows)
        """The new tree, with its vectors in :attr:`carried`, once all is done."""
        self.tree.numbers[0] = leaves
        self._division = Division(
            members=np.arange(leaves, dtype=np.int32),
            places=np.zeros(leaves, np.float32),
            weights=np.zeros(leaves, np.float32),
            vectors=np.zeros((3, row_floats), np.float32),
            stack=np.zeros((kernels.STACK_SLOTS, 3), np.int64),
            numbers=np.zeros(kernels.N_NUMBERS, np.int64),
        )
        self._division.numbers[kernels.END] = leaves
        self._division.numbers[kernels.LINK] = -1
        self._division.numbers[kernels.PROJECTED] = -1
        self.carried = Carried(
            outputs=reserve(max_rows, row_floats, huge_pages=True),
            updates=np.zeros(max_rows, np.uint32),
            means=np.zeros((kernels.MEAN_SLOTS, row_floats), np.float32),
            mean_weights=np.zeros(kernels.MEAN_SLOTS, np.float64),
        )
        self._is_divided = False

    def advance(
        self, old: TreeArrays, matrices: Matrices, counts: NDArray[np.float64], visits: int
    ) -> bool:
        """Visit about so many rows; return whether the new tree is complete.

        ``counts`` are float64[n], by leaf of the old tree, above 0.
        """
        leaves = len(self._division.members)
        if not self._is_divided:
            total = float(counts[:leaves].sum())
            heavy = 2.0 * total / MAX_CARRIED if leaves > MAX_CARRIED else 0.0
            self._is_divided = divide_words(
                self.tree,
                matrices.syn0,
                counts,
                heavy,
                MAX_CARRIED,
                self._division,
                visits,
            )
            return False
        if self._division.numbers[kernels.NEXT_LEAF] == leaves:
            build_children(self.tree)
            return True
        carry_over(
            old,
            matrices.syn1,
            self.tree,
            counts,
            np.float32(CARRIED_SHARE),
            self._division,
            self.carried,
            visits,
        )
        return False

    def state(self) -> dict[str, NDArray[Any]]:
        """All that :meth:`restored` needs: views, true until the next change."""
        division, carried = self._division, self.carried
        leaves = len(division.members)
        nodes = int(division.numbers[kernels.HEAVY]) if self._is_divided else 0
        return {
            "grouping_members": division.members,
            "grouping_places": division.places[: 0 if self._is_divided else leaves],
            "grouping_weights": division.weights[: 0 if self._is_divided else leaves],
            "grouping_vectors": division.vectors,
            "grouping_stack": division.stack,
            "grouping_numbers": np.append(division.numbers, self._is_divided),
            "grouping_leaf_links": self.tree.leaf_links[:leaves],
            "grouping_inner_links": self.tree.inner_links[: leaves - 1],
            "grouping_outputs": carried.outputs[:nodes],
            "grouping_updates": carried.updates[:nodes],
            "grouping_means": carried.means,
            "grouping_mean_weights": carried.mean_weights,
        }

    @classmethod
    def restored(cls, state: Mapping[str, NDArray[Any]], matrices: Matrices) -> Grouping | None:
        """One that goes on from a saved state; None if there was none."""
        if "grouping_members" not in state:
            return None
        grouping = cls(len(state["grouping_members"]), matrices)
        division, carried = grouping._division, grouping.carried
        division.numbers[:] = state["grouping_numbers"][:-1]
        grouping._is_divided = bool(state["grouping_numbers"][-1])
        for name, array in (
            ("members", division.members),
            ("places", division.places),
            ("weights", division.weights),
            ("vectors", division.vectors),
            ("stack", division.stack),
            ("leaf_links", grouping.tree.leaf_links),
            ("inner_links", grouping.tree.inner_links),
            ("outputs", carried.outputs),
            ("updates", carried.updates),
            ("means", carried.means),
            ("mean_weights", carried.mean_weights),
        ):
            saved = state[f"grouping_{name}"]
            array[: len(saved)] = saved
        return grouping
