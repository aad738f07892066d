"""Keeping the codes of a Huffman tree short while counts change, a part of the work at a time.

Heavy nodes that hang below lighter ones change places with them, subtrees and all. A round surveys
the tree (nodes from the root down, then weights from the leaves up) and swaps level by level. All
of it can stop after any number of nodes: what a later part reads may have changed, but a swap is
made only if it still brings the heavier node up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels import tree as kernels
from w2v_online.kernels.tree import MAX_PATH_NODES, Survey, TreeArrays

SWAP_MARGINS = (2.0, 1.2)
"""A node changes places with one so many times as light. What hangs together for its meaning is
torn apart by that, so the second margin is for trees ..."""

ENOUGH_LENGTH = 1.02
"""... whose mean code is longer than so many times the entropy of the counts."""

MAX_ROUNDS = 6
"""Rounds of swaps with one margin at most."""

LEAST_GAIN = 0.003
"""A round that made the mean code shorter by less than this part is the last one."""

MAX_SWAPS = 1 << 14
"""Swaps between two levels in a round at most: the heaviest nodes with the lightest."""

_SWAP_CANDIDATES = 4 * MAX_SWAPS
"""Nodes that these are chosen from; of more on a level every second, or every third."""

_SWAP_NODES = 16
"""Nodes that a swap counts as: it looks at two paths."""

_IDLE, _ORDER, _WEIGH, _SWAP = range(4)


class Balancing:
    """One tree's rounds of swaps, and how far they have come."""

    def __init__(self, max_rows: int) -> None:
        self._survey = Survey(
            order=np.zeros(max_rows, np.int32),
            weights=np.zeros(max_rows, np.float64),
            edges=np.zeros(MAX_PATH_NODES + 16, np.int64),
            numbers=np.zeros(3, np.int64),
            sums=np.zeros(2, np.float64),
        )
        self._stage = _IDLE
        self._margin = 0
        self._rounds = 0
        self._level = 0
        self._length_before = math.inf

    @property
    def is_under_way(self) -> bool:
        """Whether rounds have begun and are not over."""
        return self._stage != _IDLE

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return sum(array.nbytes for array in self._survey)

    def begin(self) -> None:
        """Begin the first round, with nothing left of earlier ones: the state is the same then."""
        self._margin = self._rounds = self._level = 0
        self._survey.edges[:] = 0
        self._survey.weights[:] = 0.0
        self._length_before = math.inf
        self._begin_survey()

    def stop(self) -> None:
        """Give up: the tree's nodes have other numbers now."""
        self._stage = _IDLE

    def add(self, leaves: NDArray[np.int32], counts: NDArray[np.float64]) -> None:
        """Weigh the inner nodes that came with new leaves, put beside ``leaves`` (int32[n])."""
        first = len(counts) - len(leaves)
        self._survey.weights[first - 1 : len(counts) - 1] = counts[first:] + counts[leaves]

    def advance(self, tree: TreeArrays, counts: NDArray[np.float64], nodes: int) -> int:
        """Visit some nodes, ``nodes`` or a level more; return how many are left to visit.

        ``counts`` are float64[n], by leaf, above 0. It is over once :attr:`is_under_way` is false.
        """
        while nodes > 0 and self._stage != _IDLE:
            if self._stage == _SWAP:
                nodes -= self._swap(tree, counts, nodes)
                continue
            survey = kernels.order_nodes if self._stage == _ORDER else kernels.weigh_nodes
            done = survey(tree, counts, self._survey, nodes)
            nodes -= min(nodes, int(self._survey.numbers[0]))
            if done and self._stage == _ORDER:
                self._stage = _WEIGH
            elif done:
                self._decide(counts)
        return nodes

    def _begin_survey(self) -> None:
        self._survey.numbers[:] = 0
        self._survey.sums[:] = 0.0
        self._stage = _ORDER

    def _decide(self, counts: NDArray[np.float64]) -> None:
        """After a survey: swap, with a smaller margin if this one no longer helps, or end."""
        length, total = (float(value) for value in self._survey.sums)
        has_helped = length <= (1.0 - LEAST_GAIN) * self._length_before
        if not has_helped or self._rounds == MAX_ROUNDS:
            shares = counts / counts.sum()
            entropy = -float(shares @ np.log2(shares))
            self._margin += 1
            self._rounds = 0
            if self._margin == len(SWAP_MARGINS) or length <= ENOUGH_LENGTH * total * entropy:
                self._stage = _IDLE
                return
        self._rounds += 1
        self._length_before = length
        self._level = 1
        self._stage = _SWAP

    def _swap(self, tree: TreeArrays, counts: NDArray[np.float64], nodes: int) -> int:
        """Swap between some levels; return the nodes visited."""
        edges, margin = self._survey.edges, SWAP_MARGINS[self._margin]
        levels = int(self._survey.numbers[2])
        visited = 0
        above: tuple[NDArray[np.int32], NDArray[np.float64]] | None = None
        while self._level < levels and visited < nodes:
            if above is None:
                above = self._below(tree, counts, edges[self._level - 1], edges[self._level])
                visited += len(above[0])
            below = self._below(tree, counts, edges[self._level], edges[self._level + 1])
            light = self._some(np.flatnonzero(margin * above[1] < below[1].max()))
            heavy = self._some(np.flatnonzero(below[1] > margin * above[1].min()))
            pairs = min(len(light), len(heavy), MAX_SWAPS)
            light = light[least(above[1][light], pairs)]
            heavy = heavy[least(1.0 / below[1][heavy], pairs)]
            wins = below[1][heavy] > margin * above[1][light]
            kernels.swap_nodes(tree, above[0][light[wins]], below[0][heavy[wins]])
            visited += len(below[0]) + _SWAP_NODES * int(wins.sum())
            above = below
            self._level += 1
        if self._level >= levels:
            self._begin_survey()
        return max(visited, 1)

    def _below(
        self, tree: TreeArrays, counts: NDArray[np.float64], first: int, last: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The children (inner, or ~leaf) of nodes ``first`` to ``last``, and their weights."""
        parents = self._survey.order[first:last]
        nodes = np.empty(2 * len(parents), np.int32)
        weights = np.empty(len(nodes), np.float64)
        kernels.list_below(tree, parents, counts, self._survey.weights, nodes, weights)
        return nodes, weights

    def _some(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """All of these, or as many as are looked at, others in another round."""
        step = 1 + len(places) // _SWAP_CANDIDATES
        return places[self._rounds % step :: step]

    def state(self, leaves: int) -> dict[str, NDArray[Any]]:
        """All that :meth:`restore` needs: views, true until the next change; nothing if idle."""
        if not self.is_under_way:
            return {}
        survey = self._survey
        return {
            "balancing_order": survey.order[: survey.numbers[0]],
            "balancing_weights": survey.weights[: leaves - 1],
            "balancing_edges": survey.edges,
            "balancing_numbers": np.array(
                [self._stage, self._margin, self._rounds, self._level, *survey.numbers], np.int64
            ),
            "balancing_lengths": np.array([self._length_before, *survey.sums], np.float64),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over a saved state."""
        if "balancing_numbers" not in state:
            self.stop()
            return
        numbers, lengths = state["balancing_numbers"], state["balancing_lengths"]
        self._stage, self._margin, self._rounds, self._level = (int(n) for n in numbers[:4])
        self._length_before = float(lengths[0])
        survey = self._survey
        survey.numbers[:] = numbers[4:]
        survey.sums[:] = lengths[1:]
        survey.edges[:] = state["balancing_edges"]
        survey.order[: len(state["balancing_order"])] = state["balancing_order"]
        survey.weights[: len(state["balancing_weights"])] = state["balancing_weights"]


def least(values: NDArray[np.float64], number: int) -> NDArray[np.int64]:
    """int64[number]: where the least values (all above 0) are, the least first, then by place.

    Compared as float32, which sorts fast as whole numbers.
    """
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    keys = (bits << np.uint64(32)) | np.arange(len(values), dtype=np.uint64)
    if number < len(keys):
        keys = np.partition(keys, number)[:number]
    keys.sort()
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
