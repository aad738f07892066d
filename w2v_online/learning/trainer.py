"""Trainers: each applies encoded sentences to the shared matrices with a generator of its own.

With one thread a trainer is called in place, and the model is deterministic. With several, each
runs in a thread without the GIL and updates the matrices without locks (Recht et al. 2011): two
threads seldom touch a row at once, and a lost update is one of many. What they count is exact.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.config import LearnerConfig
from w2v_online.kernels.cbow import train_cbow
from w2v_online.kernels.encode import MAX_SENTENCE_WORDS
from w2v_online.kernels.hs import PATH_SLOTS, train_hs
from w2v_online.kernels.ns import train_ns
from w2v_online.kernels.tree import MAX_PATH_NODES
from w2v_online.kernels.windows import Scratch
from w2v_online.learning.embeddings import Embeddings
from w2v_online.learning.huffman import HuffmanTree
from w2v_online.learning.rates import annealing_window, rate_indices, rate_scale, rate_table
from w2v_online.learning.sampler import Negatives, NoiseDistribution
from w2v_online.learning.softmax import train_softmax
from w2v_online.simd.pairs import PAIR, pair_error_floats
from w2v_online.simd.paths import INPUTS, nodes_per_tile
from w2v_online.simd.registers import CACHE_LINE_BYTES, LANES
from w2v_online.simd.tiles import Tile

QUEUED_PER_THREAD = 2
"""Batches that wait for each training thread at most; encoding waits then."""


@dataclass(frozen=True)
class Encoded:
    """Sentences as rows: ``sentence_ends[i]`` is where sentence i ends in ``ids``."""

    ids: NDArray[np.int32]
    sentence_ends: NDArray[np.int64]
    is_replayed: bool = False
    """Whether it was trained before; the loss is of fresh text only."""

    def copy(self) -> Encoded:
        """The same in memory of its own."""
        return Encoded(self.ids.copy(), self.sentence_ends.copy(), self.is_replayed)

    def part(self, first: int, end: int) -> Encoded:
        """Sentences ``first`` up to ``end``, where that is not all of them a copy of their ends."""
        if first == 0 and end == len(self.sentence_ends):
            return self
        begin = int(self.sentence_ends[first - 1]) if first else 0
        ends = self.sentence_ends[first:end]
        return Encoded(self.ids[begin : int(ends[-1]) if len(ends) else begin], ends - begin)


def _aligned(size: int, dtype: type[np.generic]) -> NDArray[Any]:
    """Zeros whose first element starts a cache line."""
    item_bytes = np.dtype(dtype).itemsize
    memory = np.zeros(size * item_bytes + CACHE_LINE_BYTES, np.uint8)
    offset = -memory.ctypes.data % CACHE_LINE_BYTES
    return memory[offset : offset + size * item_bytes].view(dtype)


def make_scratch(tile: Tile, window: int) -> Scratch:
    """Working memory for one trainer of sentences up to MAX_SENTENCE_WORDS."""
    words = MAX_SENTENCE_WORDS + CACHE_LINE_BYTES  # copies go a cache line at a time
    contexts = 2 * window + INPUTS + CACHE_LINE_BYTES
    error_floats = max(tile.error_floats, pair_error_floats(tile.outputs))
    path_tiles = -(-MAX_PATH_NODES // nodes_per_tile(tile))
    means = _aligned(PAIR * tile.row_floats, np.float32)
    return Scratch(
        input_rows=_aligned(words, np.int64),
        input_rates=_aligned(words, np.float32),
        output_rows=_aligned(words * (tile.outputs + 1), np.int64),
        output_rates=_aligned(words * (tile.outputs + 1), np.float32),
        reaches=_aligned(words, np.int64),
        skipped=_aligned(words, np.int64),
        contexts=_aligned(contexts, np.int64),
        context_rates=_aligned(contexts, np.float32),
        errors=_aligned(contexts * max(error_floats, path_tiles * LANES), np.float32),
        likelihood=_aligned(error_floats, np.float32),
        exponent=_aligned(error_floats, np.int32),
        zero_row=_aligned(tile.row_floats, np.float32),
        means=means,
        mean_rows=np.array([means.ctypes.data], np.int64),
        mean_steps=_aligned(PAIR * tile.row_floats, np.float32),
        path_rows=_aligned(2 * PATH_SLOTS, np.int64),
        path_rates=_aligned(2 * PATH_SLOTS, np.float32),
        path_signs=_aligned(2 * 8 * PATH_SLOTS, np.float32),
    )


def _tile(config: LearnerConfig) -> Tile:
    outputs = 1 + config.negative if config.loss == "ns" else 1
    return Tile(config.vector_size, outputs, mean=config.cbow)


class Trainer:
    """Learning from batches of encoded sentences, by one of the losses."""

    def __init__(
        self,
        config: LearnerConfig,
        embeddings: Embeddings,
        distribution: NoiseDistribution,
        tree: HuffmanTree | None,
        seeds: NDArray[np.uint64],
    ) -> None:
        self._config = config
        self._tree = tree
        self._embeddings = embeddings
        self._matrices = embeddings.matrices
        self._tile = _tile(config)
        self._scratch = make_scratch(self._tile, config.window)
        self._grown_rates, self._annealing_rates = (
            rate_table(
                config.alpha,
                min(config.alpha, config.min_alpha),
                config.window,
                config.replay,
                loss=config.loss,
                cbow=config.cbow,
                annealing=annealing,
            )
            for annealing in (False, True)
        )
        self.set_age(0)
        self.negatives = Negatives(
            distribution, MAX_SENTENCE_WORDS * config.negative, int(seeds[0])
        )
        self._state = np.array([seeds[1]], np.uint64)

    def reseed(self, seeds: NDArray[np.uint64]) -> None:
        """Draw other numbers: uint64[2], for negatives and for training."""
        self.negatives.reseed(int(seeds[0]))
        self._state[0] = seeds[1]

    @property
    def max_bytes(self) -> int:
        """Most memory that working arrays and draws can take."""
        return sum(array.nbytes for array in self._scratch) + self.negatives.max_bytes

    def train(self, encoded: Encoded) -> NDArray[np.float64]:
        """Train on every sentence.

        Returns float64[5]: the kernels' ``stats`` of fresh text, and pairs of replayed text.
        """
        if self._config.loss == "ns":
            stats = self._train_ns(encoded)
        elif self._tree is not None:
            stats = self._train_hs(encoded, self._tree)
        else:
            stats = self._train_softmax(encoded)
        return np.array([0, 0, 0, 0, stats[0]] if encoded.is_replayed else [*stats, 0])

    def _train_hs(self, encoded: Encoded, tree: HuffmanTree) -> NDArray[np.float64]:
        if self._embeddings.keeper is not None:
            self._embeddings.keep(encoded.ids, tree.nodes_above(encoded.ids))
        stats = np.zeros(4)
        train_hs(
            self._tile,
            encoded.ids,
            encoded.sentence_ends,
            self._window,
            self._matrices,
            tree.arrays,
            self._rates,
            self._state,
            self._scratch,
            stats,
        )
        return stats

    def _train_softmax(self, encoded: Encoded) -> NDArray[np.float64]:
        words = self._embeddings.predicted_rows
        self._embeddings.keep(encoded.ids, np.arange(words, dtype=np.int32))
        pairs, loss = train_softmax(
            encoded.ids,
            encoded.sentence_ends,
            words,
            self._embeddings.vector_size,
            self._window,
            self._config.cbow,
            self._matrices,
            self._rates,
            self._state,
        )
        return np.array([pairs, 0.0, loss, 0.0])

    def _train_ns(self, encoded: Encoded) -> NDArray[np.float64]:
        stats = np.zeros(4)
        train = train_cbow if self._config.cbow else train_ns
        sentence = 0
        self.negatives.renew()
        while True:
            self._keep(encoded, sentence)
            sentence = train(
                self._tile,
                encoded.ids,
                encoded.sentence_ends,
                sentence,
                self._window,
                self._matrices,
                self.negatives.block,
                self.negatives.next,
                self._rates,
                self._state,
                self._scratch,
                stats,
            )
            if sentence == len(encoded.sentence_ends):
                return stats
            self.negatives.refill()

    def set_age(self, total_words: int, scale: float = 1.0) -> None:
        """Learn at the rates of a model that has read so many words, grown at ``scale`` times."""
        config = self._config
        scale = rate_scale(total_words, scale, config.replay, loss=config.loss, cbow=config.cbow)
        self._rates = (self._grown_rates * scale).astype(np.float32)
        self._window = config.window

    def anneal(self, total_words: int, scale: float, turn: int) -> None:
        """Learn at the rates and windows of annealing until the next call of :meth:`set_age`.

        Rates are ``scale`` times the usual ones. ``turn`` counts the calls: windows are whole
        numbers of words, wider by one in so many calls that their mean is right.
        """
        config = self._config
        window = annealing_window(config.window, total_words, loss=config.loss, cbow=config.cbow)
        self._rates = (self._annealing_rates * scale).astype(np.float32)
        self._window = int((turn + 1) * window) - int(turn * window)

    def learning_rates(self, step: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The rate at which every ``step``-th row of syn0 and of syn1 would learn now."""
        rows = len(self._embeddings)
        updates = (self._matrices.updates0, self._matrices.updates1)
        rates = [
            table[rate_indices(counts[:rows:step])]
            for table, counts in zip(self._rates, updates, strict=True)
        ]
        return rates[0], rates[1]

    def _keep(self, encoded: Encoded, first_sentence: int) -> None:
        """Say which rows are about to change: of the words, and of the next draws."""
        if self._embeddings.keeper is None:
            return
        begin = int(encoded.sentence_ends[first_sentence - 1]) if first_sentence else 0
        words = encoded.ids[begin:]
        first_draw = int(self.negatives.next[0])
        draws = self.negatives.block[first_draw : first_draw + len(words) * self._config.negative]
        self._embeddings.keep(words, np.concatenate([words, draws]))

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that :meth:`restore` needs: views, true until the next change."""
        return {"training_generator": self._state, **self.negatives.state()}

    def restore(self, state: dict[str, NDArray[np.generic]]) -> None:
        """Take over a saved state."""
        self._state[:] = state["training_generator"]
        self.negatives.restore(state)


class TrainerThreads:
    """Trainers in threads of their own, fed through a bounded queue."""

    def __init__(self, trainers: list[Trainer]) -> None:
        self._queue: queue.Queue[Encoded] = queue.Queue(QUEUED_PER_THREAD * len(trainers))
        self._lock = threading.Lock()
        self._stats = np.zeros(5)
        self._error: BaseException | None = None
        for number, trainer in enumerate(trainers):
            name = f"trainer-{number}"
            threading.Thread(target=self._work, args=(trainer,), name=name, daemon=True).start()

    def _work(self, trainer: Trainer) -> None:
        while True:
            encoded = self._queue.get()
            try:
                stats = trainer.train(encoded)
                with self._lock:
                    self._stats += stats
            except BaseException as error:  # handed to the caller's thread
                self._error = error
            finally:
                self._queue.task_done()

    @property
    def queued(self) -> int:
        """Batches that wait for a thread."""
        return self._queue.qsize()

    def submit(self, encoded: Encoded) -> None:
        """Hand over a batch; waits while the queue is full."""
        self._queue.put(encoded)

    def flush(self) -> None:
        """Wait until everything handed over is trained."""
        self._queue.join()

    def take_stats(self) -> NDArray[np.float64]:
        """What was trained since the last call; raises what a thread failed with."""
        if self._error is not None:
            raise self._error
        with self._lock:
            stats, self._stats = self._stats, np.zeros(5)
        return stats
