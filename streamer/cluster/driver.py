"""Drives a cluster: polls the workers, holds barriers, and rolls back.

At a barrier all workers have the same state: each has learned up to a position and has merged what
the others learned. Worker 0 writes that state as a checkpoint. When a worker or a shard dies, its
state is lost: the epoch ends, and all begin another one at the last checkpoint on disk. So each
checkpoint holds every record before its position exactly once.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from streamer.checkpoints.timetable import Timetable
from streamer.cluster.assignment import Shares
from streamer.cluster.crew import Crew, LostError, Member, StoppedError
from streamer.cluster.mark import Mark
from streamer.cluster.messages import Beginning, Begun, Checkpoint, Held, Report
from streamer.cluster.writer import FAILED, WRITING
from streamer.config.cluster_settings import ClusterSettings
from streamer.config.types import Interval
from streamer.daemon.runtime import Runtime
from streamer.errors import SourceError
from streamer.sources.choice import shared_kind_of
from streamer.sources.shared import Pieces
from w2v_online.errors import W2VError
from w2v_online.snapshots import reader
from w2v_online.snapshots.retention import Retention

BEGIN_SECONDS = 900.0
"""Longest time to begin: kernels are compiled and models read; a node may be starting."""

LAST_SECONDS = 900.0
"""Longest time for the last checkpoint."""

ROUND_SECONDS = 0.2

MAX_FAILURES = 10
"""Rollbacks in a row, without a checkpoint in between, before the driver gives up."""

_BACKOFF_SECONDS = 10.0


class Driver:
    """Drives a crew from ``mark`` to the end of the stream or to a signal."""

    def __init__(
        self,
        settings: ClusterSettings,
        mark: Mark,
        crew: Crew,
        pieces: Pieces,
        runtime: Runtime,
    ) -> None:
        self._settings = settings
        self._crew = crew
        self._shares = Shares(pieces)
        self._runtime = runtime
        self._progress = runtime.progress
        self._signals = runtime.signals
        self._log = runtime.log
        self._kind = shared_kind_of(settings)
        position = self._kind.beginning(mark.positions.get(settings.source, {}))
        mark = replace(mark, positions=mark.positions | {settings.source: position})
        self._mark = self._base = mark
        """The newest checkpoint on disk, and the one that this epoch began at."""
        self._is_writing = False
        self._safe_at = time.monotonic()
        self._marked_at: float | None = None
        self._failures = 0
        self.reports: list[Report] = [Report()] * settings.workers
        self.epoch = 0
        self.rollbacks = 0
        self.barrier_seconds = 0.0
        self._keep = settings.retention
        self._timetable = Timetable(settings.snapshot_every, time.monotonic, lambda: self.words)
        self._is_wanted = False

    @property
    def words(self) -> int:
        """Words of the stream that the workers have learned, together, in all processes."""
        return self._base.words + sum(report.stats.words for report in self.reports)

    def age_seconds(self) -> float | None:
        """Seconds since the newest checkpoint, None before the first."""
        return None if self._marked_at is None else time.monotonic() - self._marked_at

    def unsaved_seconds(self) -> float:
        """Seconds since all that was learned was on disk."""
        return time.monotonic() - self._safe_at

    def unsaved_words(self) -> int:
        """Words that were learned since the newest checkpoint, and would be lost in a crash."""
        return self.words - self._mark.words

    def due_seconds(self) -> float | None:
        """Seconds until the next checkpoint is due; None if that depends on words."""
        return self._timetable.due_seconds()

    def is_recent(self) -> bool:
        """Whether checkpoints are written as often as they should be."""
        return self._timetable.is_on_time(self.unsaved_seconds())

    @property
    def every(self) -> Interval:
        """How often a checkpoint is due."""
        every = self._timetable.every
        assert every is not None  # noqa: S101 for mypy: checkpoints have one
        return every

    def source_figures(self) -> dict[str, float]:
        """The figures of all workers' sources: sums, and of ``stalled_`` figures the maximum."""
        whole: dict[str, float] = {}
        for report in self.reports:
            for name, value in report.source.items():
                so_far = whole.get(name, 0)
                is_worst = name.startswith("stalled_")
                whole[name] = max(so_far, value) if is_worst else so_far + value
        return whole

    def figures(self) -> dict[str, float]:
        """The sources' figures, and those of the exchange between workers."""
        return self.source_figures() | {
            "epoch": self.epoch,
            "sent_bytes": sum(report.sent_bytes for report in self.reports),
            "received_bytes": sum(report.received_bytes for report in self.reports),
            "staleness_seconds": round(max(r.staleness_seconds for r in self.reports), 1),
        }

    def change(self, every: Interval, keep: Retention, _vectors_every: Interval | None) -> None:
        """Follow another schedule from now on; see :class:`streamer.daemon.reload.Reload`."""
        self._keep = keep
        self._timetable.change(every)

    def run(self, began: Callable[[], None]) -> bool:
        """Learn until the stream ends or a signal arrives; return whether all is on disk.

        ``began`` is called when all members have begun for the first time. If a source fails, what
        was learned until then is saved before its SourceError is raised.
        """
        self._crew.start()
        try:
            self._guard(self._begin)
            began()
            while True:
                outcome = self._guard(self._round)
                if outcome is not None:
                    return outcome
                if not self._signals.stop:
                    select.select([self._signals.descriptor], [], [], ROUND_SECONDS)
        except StoppedError:
            return not self.rollbacks  # nothing was learned in this epoch yet
        finally:
            self._crew.close()

    # --- epochs ---

    def _guard(self, action: Callable[[], bool | None]) -> bool | None:
        """Do something; if a member is lost meanwhile, roll back and begin a new epoch instead."""
        while True:
            try:
                return action()
            except LostError as lost:
                self._failures += 1
                if self._failures > MAX_FAILURES:
                    raise W2VError(
                        f"the cluster failed {MAX_FAILURES} times without a checkpoint: {lost}"
                    ) from lost
                self.rollbacks += 1
                replaced = self._crew.replace(lost.suspects)
                self._log.warning(
                    "rolled_back",
                    reason=str(lost),
                    replaced=", ".join(replaced),
                    to=self._mark.snapshot or "the beginning",
                )
                time.sleep(min(_BACKOFF_SECONDS, 0.1 * 2 ** (self._failures - 1)))
                action = self._begin

    def _begin(self) -> None:
        """Begin a new epoch at the mark, in all members."""
        self.epoch += 1
        self._is_writing = False
        self._base = self._mark
        self.reports = [Report()] * len(self._crew.workers)
        crew, mark = self._crew, self._mark
        self._shares.begin(self._due_readers, mark.positions[self._settings.source])
        shards: list[Begun] = self._ask(crew.shards, "begin", (self.epoch,))
        actors = [shard.actor for shard in crew.shards]

        def beginning(number: int) -> tuple[Any, ...]:
            share, readers = self._shares.of(number), len(self._shares)
            return Beginning(self.epoch, share, readers, mark.snapshot, mark.positions), actors

        workers: list[Begun] = self._ask(crew.workers, "begin", beginning)
        if mark.snapshot is not None:
            self._ask(crew.workers[:1], "load_shards", (self.epoch,))
        if self.epoch == 1:
            self._progress.restart_clock()
        self._ask(crew.workers, "start", (self.epoch,))
        self._timetable.restart()
        self._log.info(
            "epoch_started",
            epoch=self.epoch,
            pieces=self._shares.pieces,
            readers=len(self._shares),
            members=_places(crew.workers, workers) | _places(crew.shards, shards),
            worker_memory_ceiling_mib=_ceiling_mib(workers),
            shard_memory_ceiling_mib=_ceiling_mib(shards),
        )

    @property
    def _due_readers(self) -> int:
        """How many workers are to read: early in training one alone learns better."""
        return 1 if self.words < self._settings.join_after else len(self._crew.workers)

    @property
    def _has_joining_workers(self) -> bool:
        return self._due_readers > len(self._shares)

    def _ask(self, members: Any, method: str, arguments: Any = ()) -> list[Any]:
        """Call what may take long; a stop cancels it, because nothing is lost by that."""
        return self._crew.ask(members, method, arguments, seconds=BEGIN_SECONDS, is_patient=False)

    # --- rounds ---

    def _round(self) -> bool | None:
        """Poll all workers once; at the end, return whether everything is on disk."""
        self._runtime.turned()
        self._take_in(self._ask_workers("report"))
        for worker, report in zip(self._crew.workers, self.reports, strict=True):
            if report.breakdown:
                raise LostError(f"{worker.name}: {report.breakdown}", [worker])
        failure = next((report.failure for report in self.reports if report.failure), "")
        if failure or self._signals.stop or all(report.has_ended for report in self.reports):
            self._runtime.ending()
            complete = self._barrier(is_last=True)
            if failure:
                raise SourceError(failure)
            return complete
        self._is_wanted |= self._signals.take_snapshot_request()
        if not self._is_writing and (
            self._is_wanted
            or self._timetable.is_due()
            or self._shares.has_new_pieces()
            or self._has_joining_workers
        ):
            self._is_wanted = False
            self._barrier(is_last=False)
        return None

    def _ask_workers(self, method: str, arguments: Any = (), seconds: float = 0.0) -> list[Any]:
        """Call a method of all workers in this epoch."""
        seconds = seconds or self._settings.worker_timeout
        given = arguments if callable(arguments) else lambda _number: arguments
        return self._crew.ask(
            self._crew.workers, method, lambda i: (self.epoch, *given(i)), seconds=seconds
        )

    def _take_in(self, reports: list[Report]) -> None:
        """Pass on the workers' events and figures."""
        for number, (old, new) in enumerate(zip(self.reports, reports, strict=True)):
            for level, event, values in new.events:
                getattr(self._log, level)(event, worker=number, **values)
            self._progress.learned(new.stats - old.stats, new.read_bytes - old.read_bytes)
        written, before = reports[0].written, self.reports[0].written
        self.reports = reports
        if self._is_writing and written.snapshots > before.snapshots:
            self._is_safe(written.path)
        elif self._is_writing and written.failures > before.failures:
            self._is_writing = False
            self._timetable.retry()
        vocabulary = reports[0].vocabulary
        self._progress.show(self.words, vocabulary, self.age_seconds(), self.figures)

    def _is_safe(self, path: str) -> None:
        """A checkpoint is on disk: roll back to it from now on, and let sources commit it."""
        self._mark = Mark.of(reader.read(Path(path)))
        self._is_writing = False
        self._failures = 0
        self._timetable.succeeded()
        self._marked_at = self._safe_at = time.monotonic()
        self._ask_workers("commit", (self._mark.positions[self._settings.source],))

    # --- the barrier ---

    def _barrier(self, *, is_last: bool) -> bool:
        """Bring all workers to the same state, which worker 0 writes.

        Returns whether the last one is on disk; any other is written while learning continues.
        """
        began = time.monotonic()
        self._timetable.restart()
        held: list[Held] = self._ask_workers("hold")
        # Whoever is released learns and sends again, which is not to be in this checkpoint.
        self._ask_workers("merge")
        before = self._base.positions[self._settings.source]
        position = self._kind.joined([before, *(one.position for one in held)])
        invalid_records = self._base.invalid_records + sum(one.invalid_records for one in held)
        checkpoint = Checkpoint(position, invalid_records, self._keep, is_last)
        if not is_last:
            if self._has_joining_workers:
                self._log.info("workers_joined", workers=self._due_readers, words=self.words)
            self._shares.deal(self._due_readers)

        def release(number: int) -> tuple[Any, ...]:
            return self._shares.of(number), len(self._shares), checkpoint

        seconds = LAST_SECONDS if is_last else 0.0
        outcome = self._ask_workers("release", release, seconds)[0]
        self.barrier_seconds = time.monotonic() - began
        self._log.debug("barrier", seconds=round(self.barrier_seconds, 3), checkpoint=outcome)
        if outcome == FAILED:
            self._timetable.retry()
            return False
        self._is_writing = outcome == WRITING or is_last
        if not self._is_writing:  # there was nothing new to write
            self._safe_at = time.monotonic()
        if is_last:
            self._take_in(self._ask_workers("report"))
            self._ask_workers("end")
        return True


def _places(members: list[Member], begun: list[Begun]) -> dict[str, str]:
    return {member.name: one.place for member, one in zip(members, begun, strict=True)}


def _ceiling_mib(begun: list[Begun]) -> int:
    return round(max(one.max_bytes for one in begun) / 2**20)
