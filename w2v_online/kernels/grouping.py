"""A tree whose neighbours mean something alike: words are divided by their vectors, from the root
down, and inner nodes' vectors are made to go on saying what those of the tree before said.

A word's probability is a product along its path, so words that share a path share what is learned
of it: trees built by clustering learn more from the same text than those built by counts alone
(Mnih and Hinton 2009, A Scalable Hierarchical Distributed Language Model).
"""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import inner, inner_sum, kernel
from w2v_online.simd.registers import ROW_MULTIPLE

FEW_WORDS = 128
"""So many words are divided between two of them that differ; more along their main axis."""

SAMPLED_WORDS = 128
"""Words that the main axis is taken from, up to twice as many."""

AXIS_ROUNDS = 4
"""Rounds of the power method for it."""

BLOCK_FLOATS = ROW_MULTIPLE
"""Floats of each vector that are carried over at once, which bounds the memory that takes."""


@inner_sum
def _dot(rows, row, vector):
    total = np.float32(0.0)
    for j in range(len(vector)):
        total += rows[row, j] * vector[j]
    return total


@inner
def _farthest(rows, inverse_norms, members, begin, end, step, vector):
    """The member with the least cosine to a vector."""
    found = np.int64(members[begin])
    least = np.float32(np.inf)
    for i in range(begin, end, step):
        cosine = _dot(rows, members[i], vector) * inverse_norms[members[i]]
        if cosine < least:
            least = cosine
            found = np.int64(members[i])
    return found


@inner
def _find_axis(rows, inverse_norms, shares, members, begin, end, vectors):
    """Write the axis along which members differ to ``vectors[0]``.

    It runs from the most frequent word to one that differs from it: at an end of the axis a
    frequent word gets a short code. With many words it is then turned to where their unit vectors,
    weighed by ``shares``, have the greatest variance.
    """
    axis, mean, turned = vectors[0], vectors[1], vectors[2]
    size = len(axis)
    step = max(1, (end - begin) // SAMPLED_WORDS)
    one = np.int64(members[begin])
    for i in range(begin, end, step):
        if shares[members[i]] > shares[one]:
            one = np.int64(members[i])
    for j in range(size):
        axis[j] = rows[one, j] * inverse_norms[one]
    other = _farthest(rows, inverse_norms, members, begin, end, step, axis)
    for j in range(size):
        axis[j] -= rows[other, j] * inverse_norms[other]
    if end - begin <= FEW_WORDS:
        return
    mean[:] = np.float32(0.0)
    total = np.float32(0.0)
    for i in range(begin, end, step):
        total += shares[members[i]]
        factor = shares[members[i]] * inverse_norms[members[i]]
        for j in range(size):
            mean[j] += factor * rows[members[i], j]
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
            row = members[i]
            place = _dot(rows, row, axis) * inverse_norms[row] - middle
            place *= shares[row] * inverse_total
            moved += place
            factor = place * inverse_norms[row]
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
def _swap(members, places, i, j):
    members[i], members[j] = members[j], members[i]
    places[i], places[j] = places[j], places[i]


@inner
def _halve(begin, end, counts, members, places):
    """Order members so that a first part with lower places has about half of the counts.

    Returns where it ends; neither part is empty.
    """
    half = 0.0
    for i in range(begin, end):
        half += 0.5 * counts[members[i]]
    before = 0.0
    low, high = begin, end
    while high - low > 1:
        a, b, c = places[low], places[(low + high) // 2], places[high - 1]
        pivot = max(min(a, b), min(max(a, b), c))
        less, i, more = low, low, high
        less_count, same_count = 0.0, 0.0
        while i < more:
            if places[i] < pivot:
                less_count += counts[members[i]]
                _swap(members, places, i, less)
                less += 1
                i += 1
            elif places[i] > pivot:
                more -= 1
                _swap(members, places, i, more)
            else:
                same_count += counts[members[i]]
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
    while low < high and before + 0.5 * counts[members[low]] < half:
        before += counts[members[low]]
        low += 1
    return min(max(low, begin + 1), end - 1)


@kernel
def divide_words(tree, rows, counts, shares, inverse_norms, members, places, vectors, stack):
    """Rebuild the tree: every inner node divides words along an axis, half of the counts each way.

    Parameters
    ----------
    tree : TreeArrays with at least two leaves; links are written, ``build_children`` must follow
    rows : float32[capacity, row_floats], vectors of the leaves, zeros behind them
    counts : float64[n], by leaf, above 0
    shares : float32[n], what a leaf weighs when an axis is looked for: the root of its count
    inverse_norms, places : float32[n], overwritten
    members : int32[n], overwritten
    vectors : float32[3, row_floats], overwritten
    stack : int64[64, 3], overwritten

    """
    leaves = tree.numbers[0]
    for leaf in range(leaves):
        square = np.float32(0.0)
        for j in range(rows.shape[1]):
            square += rows[leaf, j] * rows[leaf, j]
        inverse_norms[leaf] = np.float32(1.0) / max(np.sqrt(square), np.float32(1e-9))
        members[leaf] = leaf
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, leaves, -1
    waiting = 1
    node = 0
    while waiting:
        waiting -= 1
        begin, end, link = stack[waiting, 0], stack[waiting, 1], stack[waiting, 2]
        while end - begin > 1:
            tree.inner_links[node] = link
            middle = begin + 1
            if end - begin > 2:
                _find_axis(rows, inverse_norms, shares, members, begin, end, vectors)
                for i in range(begin, end):
                    row = members[i]
                    places[i] = _dot(rows, row, vectors[0]) * inverse_norms[row]
                middle = _halve(begin, end, counts, members, places)
            # The smaller part goes on, the other one waits: few ever do.
            if middle - begin < end - middle:
                stack[waiting, 0], stack[waiting, 1] = middle, end
                stack[waiting, 2] = 2 * node + 1
                end, link = middle, 2 * node
            else:
                stack[waiting, 0], stack[waiting, 1] = begin, middle
                stack[waiting, 2] = 2 * node
                begin, link = middle, 2 * node + 1
            waiting += 1
            node += 1
        tree.leaf_links[members[begin]] = link


@inner
def _slot(leaves, child):
    """Where sums of a child are: inner nodes come first, then leaves."""
    return child if child >= 0 else leaves + ~child


@kernel
def carry_over(old_children, old_order, tree, order, counts, weights, share, outputs, sums):
    """Give inner nodes of a new tree vectors that say what those of the old one said.

    To first order around x = 0 the old tree's log p(w | x) rises by x . e_w with

        e_w = 1/2 sum_n s_n y_n        over the inner nodes above w, s_n = +1 for branch 0, else -1

    so a node with words A below branch 0 and B below branch 1 has the log-odds x . y,

        y = share * (mean of e_w over A - mean of e_w over B)        weighed by counts.

    Parameters
    ----------
    old_children, old_order : ``children`` of the tree before, its inner nodes from the root down
    tree : TreeArrays, the new one, of the same leaves
    order : int32[n - 1], its inner nodes from the root down
    counts : float64[n], by leaf
    weights : float64[capacity], by inner node: sums of the counts below
    share : float32, of the difference; further from 0 the first order says too much
    outputs : float32[capacity, whole blocks], by inner node, updated in place
    sums : float32[2 * n, BLOCK_FLOATS], overwritten

    """
    leaves = tree.numbers[0]
    for first in range(0, outputs.shape[1], BLOCK_FLOATS):
        for j in range(BLOCK_FLOATS):
            sums[old_order[0], j] = np.float32(0.0)
        for i in range(leaves - 1):
            node = old_order[i]
            a = _slot(leaves, np.int64(old_children[2 * node]))
            b = _slot(leaves, np.int64(old_children[2 * node + 1]))
            for j in range(BLOCK_FLOATS):
                half = np.float32(0.5) * outputs[node, first + j]
                above = sums[node, j]
                sums[a, j] = above + half
                sums[b, j] = above - half
        for i in range(leaves - 2, -1, -1):
            node = order[i]
            child = np.int64(tree.children[2 * node])
            weight = weights[child] if child >= 0 else counts[~child]
            part = np.float32(weight / weights[node])
            a = _slot(leaves, child)
            b = _slot(leaves, np.int64(tree.children[2 * node + 1]))
            for j in range(BLOCK_FLOATS):
                difference = sums[a, j] - sums[b, j]
                outputs[node, first + j] = share * difference
                sums[node, j] = sums[b, j] + part * difference
