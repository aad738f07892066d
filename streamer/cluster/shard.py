"""A shard as an actor: merges the workers' updates of its words, in order of arrival."""

from __future__ import annotations

import os
import socket

from streamer.cluster.messages import Begun
from w2v_online.config import LearnerConfig
from w2v_online.sharing.exchange import warm_up
from w2v_online.sharing.merge import EpochError, MergedRows
from w2v_online.sharing.update import Update


class Shard:
    """One part of the words; Ray calls one method at a time.

    The last answer to each worker stays in memory: a worker that asks again because it was lost
    gets the same answer, and nothing is merged twice. The first request may still arrive, even
    after the next one: nobody waits for its answer, so it takes none of what the worker has yet
    to be told.
    """

    def __init__(self, config: LearnerConfig, workers: int, shards: int) -> None:
        self._config = config
        self._workers = workers
        self._shards = shards
        self._is_warm = False
        self._rows: MergedRows | None = None
        self._answers: dict[int, tuple[int, Update]] = {}

    def ping(self) -> str:
        """Machine and process of the actor."""
        return f"{socket.gethostname()}:{os.getpid()}"

    def begin(self, epoch: int) -> Begun:
        """Begin an epoch with nothing merged; calls of earlier epochs are refused."""
        if not self._is_warm:
            warm_up(self._config)
            self._is_warm = True
        self._answers.clear()
        self._rows = None  # frees its memory before the new one needs it
        self._rows = MergedRows(self._config, self._workers, self._shards, epoch=epoch)
        return Begun(self.ping(), self._rows.max_bytes)

    def load(self, epoch: int, update: Update) -> None:
        """Load the state of the checkpoint."""
        self._current(epoch).load(update)

    def exchange(
        self, worker: int, epoch: int, sequence: int, update: Update | None, everything: bool
    ) -> Update:
        """Merge a worker's update, if there is one; return what the others have learned."""
        rows = self._current(epoch)
        kept = self._answers.get(worker)
        if kept is not None and sequence <= kept[0]:
            return kept[1]
        if update is not None:
            rows.push(worker, epoch, sequence, update)
        answer = rows.pull(worker, epoch, everything=everything)
        self._answers[worker] = sequence, answer
        return answer

    def _current(self, epoch: int) -> MergedRows:
        if self._rows is None or self._rows.epoch != epoch:
            raise EpochError(f"epoch {epoch} is not this shard's")
        return self._rows
