"""A worker's exchanges with the shards, one at a time, while learning continues.

An update stays in memory until it is answered: if a connection breaks, it is sent again under the
same number, and a shard that has merged it already only answers again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError

from w2v_online.sharing.exchange import Exchange
from w2v_online.sharing.update import Update

RESEND_SECONDS = 0.5
RESENDS = 20


class Relay:
    """Sends the updates of one worker in one epoch; ``shards`` are handles of actors.

    Raises ray.exceptions.RayError if a shard is gone.
    """

    def __init__(self, exchange: Exchange, shards: Sequence[Any], worker: int, epoch: int) -> None:
        self._exchange = exchange
        self._shards = shards
        self._worker = worker
        self._epoch = epoch
        self._sequence = 0
        self._under_way: list[Any] = []
        self._send: Callable[[], list[Any]] = list
        self._asked_at = self._current_at = time.monotonic()
        self.exchanges = self.sent_bytes = self.received_bytes = 0
        self.waited_seconds = 0.0

    def staleness_seconds(self) -> float:
        """Age of the newest merged state."""
        return time.monotonic() - self._current_at

    def load(self) -> None:
        """Load the learner's state into the shards."""
        updates = self._exchange.whole()
        ray.get([
            shard.load.remote(self._epoch, update)
            for shard, update in zip(self._shards, updates, strict=True)
        ])  # fmt: skip

    def begin(self, *, everything: bool = False) -> None:
        """Send the update that is due and request the others'; call :meth:`finish` before."""
        updates = self._exchange.take(everything=everything)
        self.sent_bytes += sum(update.nbytes for update in updates)
        self._ask(updates, everything=everything)

    def ask_everything(self) -> None:
        """Send nothing and request everything that was merged."""
        self._ask([None] * len(self._shards), everything=True)

    def _ask(self, updates: Sequence[Update | None], *, everything: bool) -> None:
        self._sequence += 1
        self._asked_at = time.monotonic()

        def send() -> list[Any]:
            return [
                shard.exchange.remote(
                    self._worker, self._epoch, self._sequence, update, everything
                )
                for shard, update in zip(self._shards, updates, strict=True)
            ]  # fmt: skip

        self._send = send
        self._under_way = send()

    @property
    def is_under_way(self) -> bool:
        """Whether an exchange has begun and is not finished."""
        return bool(self._under_way)

    def is_answered(self) -> bool:
        """Whether :meth:`finish` would return without waiting."""
        ready, _ = ray.wait(
            self._under_way, num_returns=len(self._under_way), timeout=0, fetch_local=True
        )
        return len(ready) == len(self._under_way)

    def finish(self) -> None:
        """Wait for the answers to the exchange under way, if there is one, and apply them."""
        if not self._under_way:
            return
        began = time.monotonic()
        answers: list[Update] = self._answers()
        self.waited_seconds += time.monotonic() - began
        self._under_way = []
        self.exchanges += 1
        self.received_bytes += sum(answer.nbytes for answer in answers)
        self._exchange.apply(answers)
        self._current_at = self._asked_at

    def _answers(self) -> list[Update]:
        for _ in range(RESENDS):
            try:
                return list(ray.get(self._under_way))
            except ActorUnavailableError:
                time.sleep(RESEND_SECONDS)
                self._under_way = self._send()
        return list(ray.get(self._under_way))
