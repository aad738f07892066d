"""A tree whose neighbours mean something alike: words are divided by their vectors, from the root
down, and inner nodes' vectors are made to go on saying what those of the tree before said.

A word's probability is a product along its path, so words that share a path share what is learned
of it: trees built by clustering learn more from the same text than those built by counts alone
(Mnih and Hinton 2009, A Scalable Hierarchical Distributed Language Model).

Both kernels stop when they have visited so many rows and go on from there at the next call. What
they read may change between two calls.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner, inner_sum, kernel
from w2v_online.kernels.training import MAX_UPDATES

FEW_WORDS = 128
"""So many words are divided between two of them that differ; more along their main axis."""

SAMPLED_WORDS = 128
"""Words that the main axis is taken from, up to twice as many."""

AXIS_ROUNDS = 4
"""Rounds of the power method for it."""

STACK_SLOTS = 64
"""Ranges that can wait to be divided: the larger half of each range that is being divided."""

WAITING, HEAVY, LIGHT, BEGIN, END, LINK, PROJECTED, NEXT_LEAF, MEANS = range(9)
"""Fields of ``Division.numbers``: ranges that wait, inner nodes with low and with high numbers, the
range that is divided, where its node hangs and how far its words have places (-1: no axis yet), the
next word to carry over, means that wait for their sibling's."""
N_NUMBERS = 9


class Division(NamedTuple):
    """Words in order of the new tree, as far as it is made, and what is left to do."""

    members: NDArray[np.int32]  # [n], leaves
    places: NDArray[np.float32]  # [n], by position: place on the axis
    weights: NDArray[np.float32]  # [n], by position: count
    vectors: NDArray[np.float32]  # [3, row_floats], the axis and working memory
    stack: NDArray[np.int64]  # [STACK_SLOTS, 3], ranges that wait: begin, end, link
    numbers: NDArray[np.int64]  # [N_NUMBERS]


class Carried(NamedTuple):
    """Vectors of new inner nodes, as far as they are made."""

    outputs: NDArray[np.float32]  # [capacity, row_floats], by inner node
    updates: NDArray[np.uint32]  # [capacity], by inner node
    means: NDArray[np.float32]  # [MEAN_SLOTS, row_floats], of branches 0 whose sibling comes
    mean_weights: NDArray[np.float64]  # [MEAN_SLOTS]


MEAN_SLOTS = 256
"""Means that can wait: one for each node of a path, and the present one."""


@inner_sum
def _dot(rows, row, vector):
    total = np.float32(0.0)
    for j in range(len(vector)):
        total += rows[row, j] * vector[j]
    return total


@inner_sum
def _square(rows, row):
    total = np.float32(0.0)
    for j in range(rows.shape[1]):
        total += rows[row, j] * rows[row, j]
    return total


@inner
def _inverse_norm(rows, row):
    return np.float32(1.0) / max(np.sqrt(_square(rows, row)), np.float32(1e-9))


@inner
def _share(counts, row):
    """What a word weighs when an axis is looked for."""
    return np.sqrt(np.float32(counts[row]))


@inner
def _farthest(rows, members, begin, end, step, vector):
    """The member with the least cosine to a vector."""
    found = np.int64(members[begin])
    least = np.float32(np.inf)
    for i in range(begin, end, step):
        row = np.int64(members[i])
        cosine = _dot(rows, row, vector) * _inverse_norm(rows, row)
        if cosine < least:
            least = cosine
            found = row
    return found


@inner
def _find_axis(rows, counts, members, begin, end, vectors):
    """Write the axis along which members differ to ``vectors[0]``.

    It runs from the most frequent word to one that differs from it: at an end of the axis a
    frequent word gets a short code. With many words it is then turned to where their unit vectors,
    weighed by the roots of their counts, have the greatest variance.
    """
    axis, mean, turned = vectors[0], vectors[1], vectors[2]
    size = len(axis)
    step = max(1, (end - begin) // SAMPLED_WORDS)
    one = np.int64(members[begin])
    for i in range(begin, end, step):
        if counts[members[i]] > counts[one]:
            one = np.int64(members[i])
    inverse_norm = _inverse_norm(rows, one)
    for j in range(size):
        axis[j] = rows[one, j] * inverse_norm
    other = _farthest(rows, members, begin, end, step, axis)
    inverse_norm = _inverse_norm(rows, other)
    for j in range(size):
        axis[j] -= rows[other, j] * inverse_norm
    if end - begin <= FEW_WORDS:
        return
    mean[:] = np.float32(0.0)
    total = np.float32(0.0)
    for i in range(begin, end, step):
        row = np.int64(members[i])
        share = _share(counts, row)
        total += share
        factor = share * _inverse_norm(rows, row)
        for j in range(size):
            mean[j] += factor * rows[row, j]
    inverse_total = np.float32(1.0) / total
    for j in range(size):
        mean[j] *= inverse_total
    for _ in range(AXIS_ROUNDS):
        middle = np.float32(0.0)
        for j in range(size):
            middle += mean[j] * axis[j]
        turned[:] = np.float32(0.0)
        moved = np.float32(0.0)
        for i in range(begin, end, step):
            row = np.int64(members[i])
            inverse_norm = _inverse_norm(rows, row)
            place = _dot(rows, row, axis) * inverse_norm - middle
            place *= _share(counts, row) * inverse_total
            moved += place
            factor = place * inverse_norm
            for j in range(size):
                turned[j] += factor * rows[row, j]
        norm = np.float32(0.0)
        for j in range(size):
            turned[j] -= moved * mean[j]
            norm += turned[j] * turned[j]
        if not norm > np.float32(0.0):
            return  # all words are at one place
        norm = np.float32(1.0) / np.sqrt(norm)
        for j in range(size):
            axis[j] = turned[j] * norm


@inner
def _swap(division, i, j):
    members, places, weights = division.members, division.places, division.weights
    members[i], members[j] = members[j], members[i]
    places[i], places[j] = places[j], places[i]
    weights[i], weights[j] = weights[j], weights[i]


@inner
def _halve(begin, end, half, division):
    """Order members so that a first part with lower places has about half of the counts.

    Returns where it ends; neither part is empty.
    """
    places, weights = division.places, division.weights
    before = 0.0
    low, high = begin, end
    while high - low > 1:
        a, b, c = places[low], places[(low + high) // 2], places[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        less, i, more = low, low, high
        less_count, same_count = 0.0, 0.0
        while i < more:
            if places[i] < pivot:
                less_count += weights[i]
                _swap(division, i, less)
                less += 1
                i += 1
            elif places[i] > pivot:
                more -= 1
                _swap(division, i, more)
            else:
                same_count += weights[i]
                i += 1
        if before + less_count >= half and less > low:
            high = less
        elif before + less_count + same_count < half and more < high:
            before += less_count + same_count
            low = more
        else:
            before += less_count
            low, high = less, more
            break
    while low < high and before + 0.5 * weights[low] < half:
        before += weights[low]
        low += 1
    return min(max(low, begin + 1), end - 1)


@inner
def _take_weights(counts, division, begin, end):
    for i in range(begin, end):
        division.weights[i] = np.float32(counts[division.members[i]])


@inner
def _project(rows, counts, division, begin, end):
    """Give words their places on the axis."""
    for i in range(begin, end):
        row = np.int64(division.members[i])
        division.places[i] = _dot(rows, row, division.vectors[0]) * _inverse_norm(rows, row)
    _take_weights(counts, division, begin, end)


@kernel
def divide_words(links, rows, counts, heavy, max_heavy, division, visits):
    """Build a tree: every inner node divides words along an axis, half of the counts each way.

    Inner nodes with counts of at least ``heavy`` below them have the numbers from 0 on, at most
    ``max_heavy`` of them; the others have the last numbers.

    Parameters
    ----------
    links : TreeArrays of at least two leaves, of which links are written
    rows : float32[capacity, row_floats], vectors of the leaves, zeros behind them
    counts : float64[>= n], by leaf, above 0
    heavy : float
    max_heavy : int
    division : Division of the leaves, updated in place; all of them are one range at first
    visits : int, rows to visit, about

    Returns whether the tree is complete.

    """
    numbers = division.numbers
    leaves = len(division.members)
    begin, end, link = numbers[BEGIN], numbers[END], numbers[LINK]
    projected = numbers[PROJECTED]
    is_done = False
    while True:
        if end - begin == 1:
            links.leaf_links[division.members[begin]] = link
            if numbers[WAITING] == 0:
                is_done = True
                break
            numbers[WAITING] -= 1
            slot = division.stack[numbers[WAITING]]
            begin, end, link = slot[0], slot[1], slot[2]
            continue
        if visits <= 0:
            break
        if projected < begin and end - begin > 2:
            _find_axis(rows, counts, division.members, begin, end, division.vectors)
            words = min(end - begin, 2 * SAMPLED_WORDS)
            # Words that an axis is taken from are in the cache after their first visit.
            visits -= words if end - begin <= FEW_WORDS else 4 * words
        projected = max(projected, begin)
        stop = min(end, projected + max(visits, 1))
        if end - begin > 2:
            _project(rows, counts, division, projected, stop)
        else:
            _take_weights(counts, division, begin, end)
            stop = end
        visits -= stop - projected
        projected = stop
        if stop < end:
            break
        projected = np.int64(-1)
        half = 0.0
        for i in range(begin, end):
            half += 0.5 * division.weights[i]
        middle = _halve(begin, end, half, division) if end - begin > 2 else begin + 1
        if 2.0 * half >= heavy and numbers[HEAVY] < max_heavy:
            node = numbers[HEAVY]
            numbers[HEAVY] += 1
        else:
            numbers[LIGHT] += 1
            node = leaves - 1 - numbers[LIGHT]
        links.inner_links[node] = link
        # The smaller part goes on, the other one waits: few ever do.
        slot = division.stack[numbers[WAITING]]
        if middle - begin < end - middle:
            slot[0], slot[1], slot[2] = middle, end, 2 * node + 1
            end, link = middle, 2 * node
        else:
            slot[0], slot[1], slot[2] = begin, middle, 2 * node
            begin, link = middle, 2 * node + 1
        numbers[WAITING] += 1
    numbers[BEGIN], numbers[END], numbers[LINK] = begin, end, link
    numbers[PROJECTED] = projected
    return is_done


@kernel
def carry_over(old, outputs, links, counts, share, division, carried, visits):
    """Give inner nodes of a new tree vectors that say what those of the old one say.

    To first order around x = 0 the old tree's log p(w | x) rises by x . e_w with

        e_w = 1/2 sum_n s_n y_n        over the inner nodes above w, s_n = +1 for branch 0, else -1

    so a node with words A below branch 0 and B below branch 1 has the log-odds x . y,

        y = share * (mean of e_w over A - mean of e_w over B)        weighed by counts.

    Parameters
    ----------
    old : TreeArrays, the old tree, which may have more leaves
    outputs : float32[capacity, row_floats], its inner nodes' vectors
    links : TreeArrays, the new one; only links are used
    counts : float64[>= n], by leaf, above 0
    share : float32, of the difference; further from 0 the first order says too much
    division : Division of the new tree, complete; its NEXT_LEAF and MEANS are updated
    carried : Carried, updated: vectors and update counts of the HEAVY first inner nodes
    visits : int, rows to visit, about

    It is complete once NEXT_LEAF is n.

    """
    numbers = division.numbers
    leaves = len(division.members)
    means, weights = carried.means, carried.mean_weights
    while numbers[NEXT_LEAF] < leaves and visits > 0:
        leaf = division.members[numbers[NEXT_LEAF]]
        numbers[NEXT_LEAF] += 1
        top = numbers[MEANS]
        present = means[top]
        present[:] = np.float32(0.0)
        weight = counts[leaf]
        link = np.int64(old.leaf_links[leaf])
        while link >= 0:
            half = np.float32(0.5) if link & 1 == 0 else np.float32(-0.5)
            for j in range(len(present)):
                present[j] += half * outputs[link >> 1, j]
            link = np.int64(old.inner_links[link >> 1])
            visits -= 1
        link = np.int64(links.leaf_links[leaf])
        # After branch 1 a node has both means.
        while link >= 0 and link & 1:
            node = link >> 1
            top -= 1
            before, present = means[top], means[top + 1]
            both = weights[top] + weight
            part = np.float32(weight / both)
            if node < numbers[HEAVY]:
                for j in range(len(present)):
                    carried.outputs[node, j] = share * (before[j] - present[j])
                # As often as words below were seen: it does not begin afresh.
                carried.updates[node] = np.uint32(min(both, float(MAX_UPDATES)))
            for j in range(len(present)):
                before[j] += part * (present[j] - before[j])
            weight = both
            link = np.int64(links.inner_links[node])
        weights[top] = weight
        numbers[MEANS] = top + 1
