"""The actors of a cluster: starts them, calls them, and replaces those that die.

Knows which actors there are and which answer; nothing of what they learn or when.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from streamer.cluster.shard import Shard
from streamer.cluster.worker import THREADS, Worker
from streamer.config.cluster_settings import ClusterSettings
from w2v_online.errors import W2VError
from w2v_online.sharing.merge import EpochError

PING_SECONDS = 5.0
"""Longest wait for an answer to a ping."""

SLICE_SECONDS = 0.25
"""Time between two checks whether a wait was cancelled."""

SAY_SECONDS = 30.0
"""Time between two events that say which actors have not answered."""


@dataclass
class Member:
    """An actor, its name, and a function that makes it."""

    name: str
    make: Callable[[], Any]
    actor: Any = None


class LostError(Exception):
    """Not all actors have answered; ``suspects`` are those that may be at fault."""

    def __init__(self, reason: str, suspects: Sequence[Member] = ()) -> None:
        super().__init__(reason)
        self.suspects = tuple(suspects)


class StoppedError(Exception):
    """A wait for answers was cancelled."""


class Crew:
    """Workers and shards; ``start`` makes them. ``is_stopping`` cancels waits that allow it."""

    def __init__(
        self, settings: ClusterSettings, is_stopping: Callable[[], bool], log: Any
    ) -> None:
        self._log = log
        self._is_stopping = is_stopping
        self._ping_seconds = min(PING_SECONDS, settings.worker_timeout)
        # On one machine Ray does not count CPUs: there are as many workers as were asked for.
        is_local = settings.ray_address == "local"
        cpus = 0 if is_local else settings.threads
        worker = ray.remote(Worker).options(
            num_cpus=cpus, max_concurrency=THREADS, scheduling_strategy="SPREAD"
        )
        shard = ray.remote(Shard).options(num_cpus=0, scheduling_strategy="SPREAD")
        config = settings.learner_config

        def make_worker(number: int) -> Callable[[], Any]:
            return lambda: worker.remote(number, settings)

        self.workers = [Member(f"worker {i}", make_worker(i)) for i in range(settings.workers)]
        self.shards = [
            Member(f"shard {i}", lambda: shard.remote(config, settings.workers, settings.shards))
            for i in range(settings.shards)
        ]

    def start(self) -> None:
        """Make all actors; Ray starts each when there is room for it."""
        for member in self._members:
            member.actor = member.make()

    @property
    def _members(self) -> list[Member]:
        return [*self.workers, *self.shards]

    def ask(
        self,
        members: Sequence[Member],
        method: str,
        arguments: Callable[[int], tuple[Any, ...]] | tuple[Any, ...] = (),
        *,
        seconds: float,
        is_patient: bool = True,
    ) -> list[Any]:
        """Call a method of all members, of the i-th with ``arguments(i)``; return the answers.

        Raises LostError if not all have answered within so many seconds, W2VError if one of them
        raises that and, unless ``is_patient``, StoppedError as soon as the daemon is to stop.
        """
        given = arguments if callable(arguments) else lambda _number: arguments
        answers = [
            getattr(member.actor, method).remote(*given(i)) for i, member in enumerate(members)
        ]
        waiting, began = answers, time.monotonic()
        said = began
        while waiting and (left := began + seconds - time.monotonic()) > 0:
            if not is_patient and self._is_stopping():
                raise StoppedError
            timeout = min(left, seconds if is_patient else SLICE_SECONDS)
            done, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=timeout)
            for answer in done:
                self._answer(members[answers.index(answer)], answer)
            if waiting and time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                self._say_whom(members[answers.index(answer)] for answer in waiting)
        if waiting:
            silent = [members[answers.index(answer)] for answer in waiting]
            names = ", ".join(member.name for member in silent)
            raise LostError(f"{names}: no answer to {method} in {seconds:g} seconds", silent)
        return [self._answer(*pair) for pair in zip(members, answers, strict=True)]

    def _say_whom(self, members: Iterable[Member]) -> None:
        free = ray.available_resources().get("CPU", 0)  # type: ignore[no-untyped-call]
        self._log.info(
            "waiting",
            members=", ".join(member.name for member in members),
            note=f"Ray has {free:g} free CPUs",
        )

    def _answer(self, member: Member, answer: Any) -> Any:
        try:
            return ray.get(answer)
        except RayTaskError as error:
            cause = error.cause
            if isinstance(cause, W2VError) and not isinstance(cause, EpochError):
                raise cause from None
            # Either it called an actor that is gone, or it failed itself, with an unexpected error.
            is_innocent = isinstance(cause, RayError | EpochError)
            suspects = [] if is_innocent else [member]
            raise LostError(f"{member.name}: {_line(cause)}", suspects) from error
        except RayError as error:
            raise LostError(f"{member.name} is gone: {_line(error)}", [member]) from error

    def replace(self, suspects: Sequence[Member]) -> list[str]:
        """Replace the members that do not answer a ping; return their names.

        A member that waits for a dead one may be a suspect without being at fault: suspects are
        replaced only if all members answer.
        """
        pings = {member.actor.ping.remote(): member for member in self._members}
        ray.wait(list(pings), num_returns=len(pings), timeout=self._ping_seconds)
        dead = [member for ping, member in pings.items() if not _has_succeeded(ping)]
        for member in dead or suspects:
            ray.kill(member.actor)
            member.actor = member.make()
        return [member.name for member in dead or suspects]

    def close(self) -> None:
        """End all actors."""
        for member in self._members:
            if member.actor is not None:
                ray.kill(member.actor)
                member.actor = None


def _has_succeeded(ping: Any) -> bool:
    try:
        ray.get(ping, timeout=0)
    except RayError:  # GetTimeoutError is one
        return False
    return True


def _line(error: BaseException) -> str:
    """An error in one line, without the traceback and the advice that Ray adds."""
    text = " ".join(str(error).split("\n", 1)[0].split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
