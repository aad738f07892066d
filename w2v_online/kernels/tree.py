"""The Huffman tree's storage: leaves are rows of words, inner nodes rows of syn1.

A link says where a node hangs: twice the inner node above it, plus the branch (0 or 1, which is
the code's bit); the root has none. Every operation leaves a full binary tree behind, so the
probabilities of the leaves sum to one whatever the inner vectors are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v_online.kernels.jit import inner, kernel

MAX_PATH_NODES = 128
"""Inner nodes above a leaf at most."""

PATH_SLOTS = MAX_PATH_NODES + 16
"""Places for the nodes of one path, with room for rows of zeros that fill up a tile."""

HOT_NODES = 7
"""So many nodes below the root are met so often that they are in the cache."""

NO_LINK = -1


class TreeArrays(NamedTuple):
    """A tree of n leaves has n - 1 inner nodes; leaves and inner nodes are numbered from 0."""

    leaf_links: NDArray[np.int32]  # [capacity], where each leaf hangs
    inner_links: NDArray[np.int32]  # [capacity], where each inner node hangs
    children: NDArray[np.int32]  # [2 * capacity], by link: an inner node, or ~leaf
    numbers: NDArray[np.int64]  # [2]: leaves, the root (-1 with less than two leaves)


@inner
def _hang(tree, node, link):
    """Let a node (inner, or ~leaf) hang at a link."""
    if node >= 0:
        tree.inner_links[node] = np.int32(link)
    else:
        tree.leaf_links[~node] = np.int32(link)
    if link >= 0:
        tree.children[link] = np.int32(node)


@inner
def _link(tree, node):
    return tree.inner_links[node] if node >= 0 else tree.leaf_links[~node]


@kernel
def insert_leaves(tree, beside):
    """Add leaves: each and ``beside[i]`` (int32[n]) become the children of a new inner node.

    The new inner nodes have the next numbers. What a first leaf is beside does not matter.
    """
    for i in range(len(beside)):
        leaf = tree.numbers[0]
        tree.numbers[0] += 1
        if leaf == 0:
            tree.leaf_links[0] = NO_LINK
            tree.numbers[1] = NO_LINK
            continue
        node = leaf - 1
        link = tree.leaf_links[beside[i]]
        _hang(tree, node, link)
        if link == NO_LINK:
            tree.numbers[1] = node
        _hang(tree, ~np.int64(beside[i]), 2 * node)
        _hang(tree, ~np.int64(leaf), 2 * node + 1)


@kernel
def remove_leaf(tree, leaf):
    """Take a leaf out; its sibling takes the place of the inner node above them.

    The last leaf then gets the removed one's number, the last inner node that of the inner node
    that went. Returns the number of the inner node that went, -1 if there was none.
    """
    last = tree.numbers[0] - 1
    tree.numbers[0] = last
    gone = np.int64(-1)
    if last > 0:
        link = tree.leaf_links[leaf]
        gone = np.int64(link >> 1)
        above = tree.inner_links[gone]
        sibling = tree.children[link ^ 1]
        _hang(tree, sibling, above)
        if above == NO_LINK:
            tree.numbers[1] = sibling if sibling >= 0 else NO_LINK
        last_inner = last - 1
        if gone != last_inner:
            _hang(tree, gone, tree.inner_links[last_inner])
            if tree.inner_links[gone] == NO_LINK:
                tree.numbers[1] = gone
            for branch in range(2):
                _hang(tree, tree.children[2 * last_inner + branch], 2 * gone + branch)
    if leaf != last:
        _hang(tree, ~np.int64(leaf), tree.leaf_links[last])
    return gone


@inner
def _depth(tree, node):
    """Inner nodes above a node."""
    depth = 0
    link = _link(tree, node)
    while link >= 0:
        depth += 1
        link = tree.inner_links[link >> 1]
    return depth


@inner
def _is_above(tree, node, other):
    """Whether ``node`` is ``other`` or above it."""
    while other != node:
        link = np.int64(_link(tree, other))
        if link < 0:
            return False
        other = link >> 1
    return True


class Survey(NamedTuple):
    """A tree's inner nodes from the root down, and what is below them, as far as it is known."""

    order: NDArray[np.int32]  # [capacity], inner nodes, level by level
    weights: NDArray[np.float64]  # [capacity], by inner node: sum of the counts below
    edges: NDArray[np.int64]  # [MAX_PATH_NODES + 16], where each level begins in ``order``
    numbers: NDArray[np.int64]  # [3]: nodes in ``order``, the next place to visit, levels begun
    sums: NDArray[np.float64]  # [2]: of count * depth, and of counts


@kernel
def order_nodes(tree, counts, survey, nodes):
    """Visit ``nodes`` more inner nodes from the root down; return whether that was all.

    The first call for a tree finds all of ``numbers`` and ``sums`` zero. Nodes that come between
    two calls may be missing. Counts are float64[n], by leaf.
    """
    order, edges, numbers, sums = survey.order, survey.edges, survey.numbers, survey.sums
    filled, place, levels = numbers[0], numbers[1], numbers[2]
    if filled == 0:
        order[0] = np.int32(tree.numbers[1])
        edges[0], edges[1] = 0, 1
        filled, levels = 1, 1
    stop = place + nodes
    while place < filled and place < stop:
        # A tree from an older snapshot may be deeper; what is below the last level counts as on it.
        if place == edges[levels] and levels + 1 < len(edges):
            levels += 1
            edges[levels] = filled
        node = order[place]
        place += 1
        for branch in range(2):
            child = tree.children[2 * node + branch]
            if child >= 0:
                order[filled] = child
                filled += 1
            else:
                sums[0] += counts[~child] * levels
                sums[1] += counts[~child]
    numbers[0], numbers[1], numbers[2] = filled, place, levels
    return place == filled


@kernel
def weigh_nodes(tree, counts, survey, nodes):
    """Weigh ``nodes`` more inner nodes from the leaves up; return whether that was all.

    The first call finds the next place to visit behind the last node, as ``order_nodes`` left it.
    """
    numbers = survey.numbers
    place = numbers[1]
    stop = max(place - nodes, 0)
    while place > stop:
        place -= 1
        node = survey.order[place]
        weight = 0.0
        for branch in range(2):
            child = tree.children[2 * node + branch]
            weight += survey.weights[child] if child >= 0 else counts[~child]
        survey.weights[node] = weight
    numbers[1] = place
    return place == 0


@kernel
def list_below(tree, parents, counts, inner_weights, nodes, weights):
    """List the children of inner nodes ``parents`` (int32[n]), and what counts are below them.

    Parameters
    ----------
    tree : TreeArrays
    parents : int32[n]
    counts : float64[leaves], by leaf
    inner_weights : float64[capacity], by inner node
    nodes : int32[2 n], written: inner, or ~leaf
    weights : float64[2 n], written

    """
    for i in range(2 * len(parents)):
        node = tree.children[2 * parents[i >> 1] + (i & 1)]
        nodes[i] = node
        weights[i] = inner_weights[node] if node >= 0 else counts[~node]


@kernel
def swap_nodes(tree, light, heavy):
    """Let ``heavy[i]`` and ``light[i]`` (int32, inner or ~leaf) change places with what is below.

    Only if the heavy one is still further from the root and neither is above the other, for
    earlier swaps may have moved them.
    """
    for i in range(len(light)):
        up, down = np.int64(light[i]), np.int64(heavy[i])
        if _depth(tree, down) <= _depth(tree, up) or _is_above(tree, up, down):
            continue
        up_link, down_link = _link(tree, up), _link(tree, down)
        _hang(tree, up, down_link)
        _hang(tree, down, up_link)


@kernel
def build_children(tree):
    """Fill ``children`` and find the root from the links."""
    leaves = tree.numbers[0]
    tree.numbers[1] = NO_LINK
    for leaf in range(leaves):
        if tree.leaf_links[leaf] >= 0:
            tree.children[tree.leaf_links[leaf]] = np.int32(~leaf)
    for node in range(leaves - 1):
        if tree.inner_links[node] >= 0:
            tree.children[tree.inner_links[node]] = np.int32(node)
        else:
            tree.numbers[1] = node


@kernel
def mark_paths(tree, leaves, marks):
    """Set ``marks`` (uint8, by inner node) of all inner nodes above these leaves (int32)."""
    for i in range(len(leaves)):
        if leaves[i] >= tree.numbers[0]:
            continue
        link = np.int64(tree.leaf_links[leaves[i]])
        while link >= 0 and marks[link >> 1] == 0:
            marks[link >> 1] = 1
            link = np.int64(tree.inner_links[link >> 1])
