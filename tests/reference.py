"""Plain, slow versions of what the kernels do, in float64; imports nothing that it judges."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable

import numpy as np

_MASK = (1 << 64) - 1


class SplitMix64:
    """The generator, from Steele, Lea & Flood 2014."""

    def __init__(self, state: int) -> None:
        self.state = state

    def next(self) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & _MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        return ((self.next() >> 32) * bound) >> 32


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def window_loss(inputs: np.ndarray, outputs: np.ndarray) -> float:
    """Negative-sampling loss of input rows against output rows, the first of them the target."""
    loss = 0.0
    for x in inputs:
        for k, y in enumerate(outputs):
            loss -= math.log(sigmoid(x @ y if k == 0 else -(x @ y)))
    return loss


def numeric_gradient(loss: Callable[[np.ndarray], float], at: np.ndarray) -> np.ndarray:
    """Central differences of a scalar function at a float64 array."""
    gradient = np.zeros_like(at)
    step = 1e-5
    for index in np.ndindex(at.shape):
        shifted = at.copy()
        shifted[index] += step
        up = loss(shifted)
        shifted[index] -= 2 * step
        gradient[index] = (up - loss(shifted)) / (2 * step)
    return gradient


def train_sgns(
    sentences: list[list[int]],
    window: int,
    negative: int,
    syn0: np.ndarray,
    syn1: np.ndarray,
    draws: list[int],
    rate: Callable[[int, int], float],
    seed_state: int,
    step_contexts: int = 16,
) -> tuple[int, int, float, float]:
    """Skip-gram with negatives shared by a centre's contexts; matrices are updated in place.

    ``rate(matrix, updates)`` is the learning rate of a row, looked up for a whole sentence before
    it is trained, by occurrences for syn0, by centres for syn1; at most ``step_contexts`` contexts
    make a step. Returns positive pairs, negative pairs and the sums of -log p of both.
    """
    generator = SplitMix64(seed_state)
    draws = list(draws)
    updates = [np.zeros(len(syn0), int), np.zeros(len(syn1), int)]
    positives = negatives = 0
    positive_loss = negative_loss = 0.0
    for sentence in sentences:
        if len(sentence) < 2:
            continue
        looked_up = []
        for word in sentence:
            reach = window - generator.below(window)
            input_rate = rate(0, int(updates[0][word]))
            updates[0][word] += 1
            drawn = [draws.pop(0) for _ in range(negative)]
            outputs = [word] + [other for other in drawn if other not in (word, -1)]
            output_rates = []
            for output in outputs:
                output_rates.append(rate(1, int(updates[1][output])))
                updates[1][output] += 1
            looked_up.append((reach, input_rate, outputs, output_rates))
        for center_pos, (reach, _, outputs, output_rates) in enumerate(looked_up):
            window_positions = [
                pos
                for pos in range(center_pos - reach, center_pos + reach + 1)
                if pos != center_pos and 0 <= pos < len(sentence)
            ]
            for first in range(0, len(window_positions), step_contexts):
                positions = window_positions[first : first + step_contexts]
                contexts = [sentence[pos] for pos in positions]
                input_rates = [looked_up[pos][1] for pos in positions]
                x_before = syn0[contexts].copy()
                y_before = syn1[outputs].copy()
                errors = np.zeros((len(contexts), len(outputs)))
                for i in range(len(contexts)):
                    for k in range(len(outputs)):
                        p = sigmoid(x_before[i] @ y_before[k])
                        errors[i, k] = (1.0 if k == 0 else 0.0) - p
                        if k == 0:
                            positives += 1
                            positive_loss -= math.log(p)
                        else:
                            negatives += 1
                            negative_loss -= math.log(1.0 - p)
                gradients = np.zeros_like(y_before)
                for i, word in enumerate(contexts):
                    gradients += errors[i][:, None] * syn0[word]
                    syn0[word] += input_rates[i] * (errors[i] @ y_before)
                for k, word in enumerate(outputs):
                    syn1[word] += output_rates[k] * gradients[k]
    return positives, negatives, positive_loss, negative_loss


def train_cbow(
    sentences: list[list[int]],
    window: int,
    negative: int,
    syn0: np.ndarray,
    syn1: np.ndarray,
    draws: list[int],
    rate: Callable[[int, int], float],
    seed_state: int,
) -> tuple[int, int, float, float]:
    """CBOW with pairs of centres that share negatives; matrices are updated in place.

    Sentences of up to two windows are trained centre by centre. The rest as in :func:`train_sgns`.
    """
    generator = SplitMix64(seed_state)
    draws = list(draws)
    updates = [np.zeros(len(syn0), int), np.zeros(len(syn1), int)]
    positives = negatives = 0
    positive_loss = negative_loss = 0.0

    def next_rate(matrix: int, row: int) -> float:
        updates[matrix][row] += 1
        return rate(matrix, int(updates[matrix][row]) - 1)

    for sentence in sentences:
        n = len(sentence)
        if n < 2:
            continue
        reaches, input_rates = [], []
        for word in sentence:
            reaches.append(window - generator.below(window))
            input_rates.append(next_rate(0, word))
        apart = (n + 1) // 2 if n > 2 * window else n
        pairs = []
        for first in range(apart):
            centres = [pos for pos in (first, first + apart) if pos < n]
            targets = [sentence[pos] for pos in centres]
            target_rates = [next_rate(1, word) for word in targets]
            drawn = [draws.pop(0) for _ in range(negative)]
            shared = [word for word in drawn if word not in (-1, *targets)]
            shared_rates = [next_rate(1, word) for word in shared]
            pairs.append((centres, targets, target_rates, shared, shared_rates))
        for centres, targets, target_rates, shared, shared_rates in pairs:
            windows = [
                [
                    p
                    for p in range(pos - reaches[pos], pos + reaches[pos] + 1)
                    if p != pos and 0 <= p < n
                ]
                for pos in centres
            ]
            means = [syn0[[sentence[p] for p in contexts]].mean(axis=0) for contexts in windows]
            p_target = [sigmoid(h @ syn1[w]) for h, w in zip(means, targets, strict=True)]
            p_shared = [[sigmoid(h @ syn1[w]) for w in shared] for h in means]
            positives += len(centres)
            negatives += len(centres) * len(shared)
            positive_loss -= sum(math.log(p) for p in p_target)
            negative_loss -= sum(math.log(1 - p) for row in p_shared for p in row)
            # Targets first, then negatives one after the other, so a row that stands twice is
            # read as the first of the two left it; errors are those of the beginning.
            steps = [np.zeros_like(h) for h in means]
            for c, word in enumerate(targets):
                g = 1 - p_target[c]
                steps[c] += g * syn1[word]
                syn1[word] += target_rates[c] * g * means[c]
            for k, word in enumerate(shared):
                before = syn1[word].copy()
                for c, h in enumerate(means):
                    steps[c] -= p_shared[c][k] * before
                    syn1[word] -= shared_rates[k] * p_shared[c][k] * h
            for step, contexts in zip(steps, windows, strict=True):
                for p in contexts:
                    syn0[sentence[p]] += input_rates[p] * step / len(contexts)
    return positives, negatives, positive_loss, negative_loss


def train_hs(
    sentences: list[list[int]],
    window: int,
    syn0: np.ndarray,
    syn1: np.ndarray,
    paths: list[list[tuple[int, int]]],
    rate: float,
    seed_state: int,
    *,
    cbow: bool,
    tile_nodes: int,
) -> tuple[int, int, float]:
    """Hierarchical softmax at one rate; ``paths`` has nodes and signs by word.

    Skip-gram takes errors at one point and then moves rows by ``tile_nodes`` nodes at a time.
    Returns pairs, nodes met and the sum of -log p; matrices are updated in place.
    """
    generator = SplitMix64(seed_state)
    pairs = met = 0
    loss = 0.0
    for sentence in sentences:
        if len(sentence) < 2:
            continue
        reaches = [window - generator.below(window) for _ in sentence]
        for pos, reach in enumerate(reaches):
            contexts = [
                sentence[p]
                for p in range(pos - reach, pos + reach + 1)
                if p != pos and 0 <= p < len(sentence)
            ]
            nodes = [node for node, _ in paths[sentence[pos]]]
            signs = np.array([sign for _, sign in paths[sentence[pos]]])
            inputs = syn0[contexts].copy()
            if cbow:
                inputs = inputs.mean(axis=0, keepdims=True)
            p = 1 / (1 + np.exp(-signs * (inputs @ syn1[nodes].T)))
            errors = signs * (1 - p)
            loss -= np.log(p).sum()
            pairs += len(inputs)
            met += p.size
            if cbow:
                for word in contexts:
                    syn0[word] += rate * (errors[0] @ syn1[nodes]) / len(contexts)
                syn1[nodes] += rate * errors.T @ inputs
                continue
            for first in range(0, len(nodes), tile_nodes):
                tile = slice(first, first + tile_nodes)
                steps = errors[:, tile] @ syn1[nodes[tile]]
                # A context that stands twice is taken as the first of the two left it.
                gradient = np.zeros((len(nodes[tile]), syn1.shape[1]))
                for i, word in enumerate(contexts):
                    gradient += errors[i, tile][:, None] * syn0[word]
                    syn0[word] += rate * steps[i]
                syn1[nodes[tile]] += rate * gradient
    return pairs, met, float(loss)


def spearman(a: list[float], b: list[float]) -> float:
    """Rank correlation; the rank of a value is how many are less, plus half of its equals."""

    def ranks(values: list[float]) -> list[float]:
        return [
            sum(other < value for other in values) + sum(other == value for other in values) / 2
            for value in values
        ]

    x, y = ranks(a), ranks(b)
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((i - mean_x) * (j - mean_y) for i, j in zip(x, y, strict=True))
    return covariance / math.sqrt(
        sum((i - mean_x) ** 2 for i in x) * sum((j - mean_y) ** 2 for j in y)
    )


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(x @ y / math.sqrt((x @ x) * (y @ y)))


def solve_analogy(vectors: np.ndarray, a: int, b: int, c: int, *, multiply: bool) -> int:
    """The row that answers "a is to b as c is to ?", by 3CosMul or 3CosAdd."""
    unit = [row / math.sqrt(row @ row) for row in vectors.astype(float)]

    def score(row: int) -> float:
        if multiply:
            near = [(1 + unit[row] @ unit[word]) / 2 for word in (b, c, a)]
            return near[0] * near[1] / (near[2] + 1e-6)
        return cosine(unit[row], unit[b] - unit[a] + unit[c])

    return max((row for row in range(len(unit)) if row not in (a, b, c)), key=score)


def best_code_length(counts: Iterable[float]) -> float:
    """Bits of a word's code on average in the best tree for these counts (Huffman 1952)."""
    heap = [float(count) for count in counts]
    total = sum(heap)
    heapq.heapify(heap)
    bits = 0.0
    while len(heap) > 1:
        merged = heapq.heappop(heap) + heapq.heappop(heap)
        bits += merged
        heapq.heappush(heap, merged)
    return bits / total
