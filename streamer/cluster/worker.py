"""A worker as an actor: passes the driver's calls on to its session of this epoch.

Ray calls its methods in several threads, so that it answers while it learns.
"""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Sequence
from typing import Any

from streamer.cluster.messages import Beginning, Begun, Checkpoint, Held, Report
from streamer.cluster.session import Session
from streamer.cluster.worker_log import WorkerLog
from streamer.config.cluster_settings import ClusterSettings
from streamer.daemon import build
from streamer.sources.base import Share
from streamer.tokenizers.base import Tokenizer
from w2v_online.sharing import exchange
from w2v_online.sharing.merge import EpochError

THREADS = 4
"""Calls at the same time: one that takes long, and reports meanwhile."""


class Worker:
    """Worker ``number`` of a cluster; every epoch is a session of its own."""

    def __init__(self, number: int, settings: ClusterSettings) -> None:
        self._number = number
        self._settings = settings
        self._log = WorkerLog()
        self._tokenizer: Tokenizer | None = None
        self._session: Session | None = None
        self._epoch = 0
        self._beginnings = threading.Lock()

    def ping(self) -> str:
        """Machine and process of the actor."""
        return f"{socket.gethostname()}:{os.getpid()}"

    def begin(self, beginning: Beginning, shards: Sequence[Any]) -> Begun:
        """End the last session and make a new one; ``start`` starts it."""
        with self._beginnings:  # an earlier call may still be under way
            if beginning.epoch <= self._epoch:
                raise EpochError(f"epoch {beginning.epoch} is over")
            self._epoch = beginning.epoch
            self._end()
            if self._tokenizer is None:
                self._tokenizer = build.warm_tokenizer(self._settings, self._log)
                exchange.warm_up(self._settings.learner_config)
            self._session = Session(
                self._number, self._settings, beginning, shards, self._tokenizer, self._log
            )
            return Begun(self.ping(), self._session.max_bytes)

    def load_shards(self, epoch: int) -> None:
        """Load this worker's checkpoint into the shards."""
        self._current(epoch).load_shards()

    def start(self, epoch: int) -> None:
        """Start learning."""
        self._current(epoch).start()

    def hold(self, epoch: int) -> Held:
        """See :meth:`Session.hold`."""
        return self._current(epoch).hold()

    def merge(self, epoch: int) -> None:
        """See :meth:`Session.merge`."""
        self._current(epoch).merge()

    def release(self, epoch: int, share: Share, readers: int, checkpoint: Checkpoint) -> str:
        """See :meth:`Session.release`."""
        return self._current(epoch).release(share, readers, checkpoint)

    def commit(self, epoch: int, position: dict[str, Any]) -> None:
        """See :meth:`Session.commit`."""
        self._current(epoch).commit(position)

    def report(self, epoch: int) -> Report:
        """The state of the worker."""
        return self._current(epoch).report()

    def end(self, epoch: int) -> None:
        """Stop learning; the last position is committed."""
        with self._beginnings:
            if epoch == self._epoch:
                self._end()

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.end()
            del session
            gc.collect()  # the next learner needs the memory

    def _current(self, epoch: int) -> Session:
        """The session of an epoch; calls of earlier epochs are refused."""
        session = self._session
        if session is None or epoch != self._epoch:
            raise EpochError(f"epoch {epoch} is not this worker's")
        return session
