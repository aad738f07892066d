"""All trainers of a learner.

A single one is called in place, and the model is deterministic. Several run in threads without the
GIL and update the matrices without locks (Recht et al. 2011): two threads seldom touch a row at
once, and a lost update is one of many. What they count is exact.
"""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.learning.encoded import Encoded
from w2v_online.learning.trainer import Trainer
from w2v_online.stats import BatchStats

QUEUED_PER_THREAD = 2
"""Batches that wait for each training thread at most; encoding waits then."""

IDLE_SECONDS = 10.0
"""Time without a batch after which a thread looks whether its model is still in use."""


class Trainers:
    """One trainer called in place, or several in threads fed through a bounded queue."""

    def __init__(self, trainers: list[Trainer]) -> None:
        self._trainers = trainers
        self._threaded = BatchStats()
        """Figures of threads that were not taken yet."""
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._queue: queue.Queue[Encoded] | None = None
        if len(trainers) > 1:
            self._queue = queue.Queue(QUEUED_PER_THREAD * len(trainers))
            for number in range(len(trainers)):
                threading.Thread(
                    target=_work,
                    args=(weakref.ref(self), number, self._queue),
                    name=f"trainer-{number}",
                    daemon=True,
                ).start()

    def _train(self, number: int, encoded: Encoded) -> None:
        """What the thread of this number does with a batch."""
        try:
            stats = self._trainers[number].train(encoded)
            with self._lock:
                self._threaded += stats
        except BaseException as error:  # handed to the caller's thread
            self._error = error

    @property
    def first(self) -> Trainer:
        """The one whose state is saved."""
        return self._trainers[0]

    @property
    def max_bytes(self) -> int:
        """Upper bound of the memory for working arrays."""
        return sum(trainer.max_bytes for trainer in self._trainers)

    @property
    def queued_batches(self) -> int:
        """Batches that wait for a thread."""
        return 0 if self._queue is None else self._queue.qsize()

    def train(self, encoded: Encoded) -> BatchStats:
        """Train, or hand over to threads; what was trained in place."""
        if self._queue is None:
            return self.first.train(encoded)
        self._queue.put(encoded.copy())
        return BatchStats()

    def wait(self) -> None:
        """Wait until everything handed over is trained."""
        if self._queue is not None:
            self._queue.join()

    def take_threaded(self) -> BatchStats:
        """What threads trained since the last call; raises what one failed with."""
        if self._error is not None:
            raise self._error
        with self._lock:
            stats, self._threaded = self._threaded, BatchStats()
        return stats

    def set_age(self, total_words: int, scale: float) -> None:
        """See :meth:`Trainer.set_age`."""
        for trainer in self._trainers:
            trainer.set_age(total_words, scale)

    def anneal(self, total_words: int, scale: float, turn: int) -> None:
        """See :meth:`Trainer.anneal`."""
        for trainer in self._trainers:
            trainer.anneal(total_words, scale, turn)

    def remap(self, rows: NDArray[np.int32], new_rows: NDArray[np.int32]) -> None:
        """See :meth:`Trainer.remap`; no thread must be training."""
        for trainer in self._trainers:
            trainer.remap(rows, new_rows)

    def reseed(self, seeds: NDArray[np.uint64]) -> None:
        """Draw other numbers from now on: uint64[2 * threads]."""
        for i, trainer in enumerate(self._trainers):
            trainer.reseed(seeds[2 * i : 2 * i + 2])

    def state(self) -> dict[str, NDArray[Any]]:
        """The state of the first one: views, true until the next change."""
        return self.first.state()

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Let the first one take over a saved state."""
        self.first.restore(state)


def _work(owner: weakref.ref[Trainers], number: int, batches: queue.Queue[Encoded]) -> None:
    """Train batches until nobody uses the model any more, which a thread that waits lets go of."""
    while True:
        try:
            encoded = batches.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            if owner() is None:
                return
            continue
        try:
            _train(owner, number, encoded)
        finally:
            del encoded
            batches.task_done()


def _train(owner: weakref.ref[Trainers], number: int, encoded: Encoded) -> None:
    trainers = owner()
    if trainers is not None:
        trainers._train(number, encoded)
