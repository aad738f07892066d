"""Checkpoints: the learner's state and the source's position as one unit, on a schedule.

The loop calls :meth:`Checkpointer.advance` once a turn; everything else follows from that. Steps of
one checkpoint: prepare a snapshot in the background; once that is done, wait until dead letters are
stored and cut: take state and position of the same moment; when it is on disk, prune old ones and
return the position as durable, so that the source may commit it. A failed write is logged and
counted, training goes on, and it is tried again. The last one, at the end of the stream, is written
at once; only its failure fails the process.

Snapshots of vectors only, for readers, are written in between if they are wanted: no learner
resumes from them, so they make no position durable.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.checkpoints.changing import Changing
from streamer.checkpoints.entries import Entries
from streamer.checkpoints.folder import SnapshotFolder
from streamer.checkpoints.moment import Durable, Moment
from streamer.checkpoints.pruning import Pruning
from streamer.checkpoints.timetable import Timetable
from streamer.checkpoints.written import Written
from streamer.config.types import Interval
from w2v_online.errors import SnapshotError
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.saving.background import BackgroundSnapshot
from w2v_online.snapshots.retention import Retention


@dataclass
class _Work:
    """A snapshot that is prepared or written in the background."""

    snapshot: BackgroundSnapshot
    vectors_only: bool
    began: float
    moment: Moment | None = None
    """What it is of, once it is cut."""


class Checkpointer:
    """Writes checkpoints of ``learner`` to ``folder`` when they are due.

    ``every`` says how often one is due, ``vectors_every`` how often a snapshot of vectors only, and
    ``keep`` which older ones stay. ``settle`` is called before each cut: False if dead letters that
    precede the position could not be stored; then nothing is cut. One of no records is only
    written where ``writes_empty`` says so at that moment, and one of no words over one that has
    some with ``replaces_words``. Old ones are deleted as soon as a new one is on disk, unless not
    ``prunes``: then whoever needs them calls :meth:`prune` once he does not.
    """

    def __init__(
        self,
        learner: OnlineWord2Vec,
        folder: SnapshotFolder,
        entries: Entries,
        every: Interval,
        keep: Retention,
        log: Any,
        *,
        vectors_every: Interval | None = None,
        settle: Callable[[], bool] = lambda: True,
        writes_empty: Callable[[], bool] = lambda: False,
        replaces_words: bool = False,
        prunes: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._learner = learner
        self._folder = folder
        self._entries = entries
        self._settle = settle
        self._writes_empty = writes_empty
        self._replaces_words = replaces_words
        self._prunes = prunes
        self._is_left_out = False
        self._timetable = Timetable(every, clock, lambda: learner.total_words)
        self._vectors_timetable = Timetable(vectors_every, clock, lambda: learner.total_words)
        self.keep = keep
        self._log = log
        self._clock = clock
        self._durable = Durable(learner, clock)
        self._published: Moment | None = None
        self._work: _Work | None = None
        self._is_wanted = False
        self._pruning = Pruning(folder, log)
        self.changing = Changing(log)
        """Which words are changing in what was written last."""
        self.written = Written()
        """What this process has written so far,"""
        self.vectors_snapshots = 0
        """and snapshots of vectors only besides."""

    # --- questions, which change nothing ---

    @property
    def is_preparing(self) -> bool:
        """Whether one was begun and is not cut yet."""
        return self._work is not None and self._work.moment is None

    @property
    def is_writing(self) -> bool:
        """Whether one was cut and is not on disk yet, as far as :meth:`advance` has seen."""
        return self._work is not None and self._work.moment is not None

    def is_saved(self, position: dict[str, Any]) -> bool:
        """Whether all that was learned, up to ``position``, is in a checkpoint on disk."""
        moment = self._moment(position)
        return moment == self._durable.moment or self._must_not_be_written(moment)

    @property
    def every(self) -> Interval:
        """How often a checkpoint is due."""
        every = self._timetable.every
        assert every is not None  # noqa: S101 for mypy: checkpoints have one
        return every

    def age_seconds(self) -> float | None:
        """Seconds since the last one was written, None before the first."""
        return self._durable.age_seconds()

    def due_seconds(self) -> float | None:
        """Seconds until the next one is due; None if that depends on words."""
        return self._timetable.due_seconds()

    def unsaved_seconds(self) -> float:
        """Seconds since all that was learned was on disk, at most the interval if all is well."""
        return self._durable.unsaved_seconds()

    def unsaved_words(self) -> int:
        """Words that were learned since the last one, and would be lost in a crash."""
        return self._durable.unsaved_words()

    def is_recent(self) -> bool:
        """Whether checkpoints are written as often as they should be."""
        return self._timetable.is_on_time(self.unsaved_seconds())

    # --- the loop ---

    def advance(
        self,
        position: dict[str, Any],
        counters: dict[str, int] | None = None,
        *,
        is_wanted: bool = False,
        at_once: bool = False,
    ) -> dict[str, Any] | None:
        """Take the next step of what is due; to be called between two batches.

        Takes a moment, unless ``at_once``: then all that was learned is on disk on return, or it
        is logged why not (see :meth:`is_saved`).

        Parameters
        ----------
        position : dict
            The next record to read, behind all that was learned.
        counters : dict, optional
            Go into the manifest.
        is_wanted : bool
            Have a checkpoint made as soon as possible, of a moment from now on.

        Returns
        -------
        dict or None
            The position of the newest checkpoint, if it has reached the disk since the last call.
        """
        counters = counters or {}
        self._is_wanted |= is_wanted
        if at_once:
            if self._settle():
                self._write_now(position, counters)
        elif self._work is None:
            self._begin_if_due(position)
        else:
            self._check(self._work)
        work = self._work
        if not at_once and work is not None and work.snapshot.is_ready() and self._settle():
            self._cut(work, position, counters)
        return self._durable.take_position()

    def change(self, every: Interval, keep: Retention, vectors_every: Interval | None) -> None:
        """Follow another schedule from now on."""
        self.keep = keep
        self._timetable.change(every)
        self._vectors_timetable.change(vectors_every)

    def publish(self, **extra: Any) -> bool:
        """Write a snapshot for readers only, now; return whether it is on disk.

        For what was done to the vectors after the last checkpoint of the stream.
        """
        moment = self._durable.moment
        assert moment is not None  # noqa: S101 for mypy: the stream's was written
        return self._write(moment, extra, vectors_only=True)

    def prune(self) -> None:
        """Delete old snapshots in the background."""
        self._pruning.start(self.keep)

    def cancel(self) -> None:
        """Leave nothing under way: what is not complete is deleted."""
        self._cancel_work()
        self._pruning.wait()
        self.changing.wait()

    # --- steps ---

    def _begin_if_due(self, position: dict[str, Any]) -> None:
        if self._is_wanted or self._timetable.is_due():
            self._is_wanted = False
            self._timetable.restart()
            self._vectors_timetable.restart()
            if self.is_saved(position):
                self._durable.confirm()
            else:
                self._begin(vectors_only=False)
        elif self._vectors_timetable.is_due():
            self._vectors_timetable.restart()
            moment = self._moment(position)
            if moment != self._published and not self._must_not_be_written(moment):
                self._begin(vectors_only=True)

    def _begin(self, *, vectors_only: bool) -> None:
        began = self._clock()
        try:
            snapshot = self._learner.begin_snapshot(
                self._folder.path, self._folder.store, vectors_only=vectors_only
            )
        except SnapshotError as error:
            self._failed(error, vectors_only)
        else:
            self._work = _Work(snapshot, vectors_only, began)

    def _cut(self, work: _Work, position: dict[str, Any], counters: dict[str, int]) -> None:
        """Let a snapshot that is prepared be of this moment."""
        work.moment = self._moment(position)
        extra = {} if work.vectors_only else self._entries.continuation(position, counters)
        work.snapshot.cut(**extra, **self._entries.description(self._learner, self._log))

    def _check(self, work: _Work) -> None:
        """See whether the work is done or has failed."""
        try:
            path = work.snapshot.result()
        except SnapshotError as error:
            self._work = None
            self._failed(error, work.vectors_only)
            return
        if path is not None and work.moment is not None:
            self._work = None
            pause_seconds = round(work.snapshot.pause_seconds, 4)
            self._done(
                path, work.moment, work.vectors_only, work.began, pause_seconds=pause_seconds
            )

    def _write_now(self, position: dict[str, Any], counters: dict[str, int]) -> None:
        """Write one unless nothing was learned since the last; what is under way is given up."""
        self._cancel_work()
        self._is_wanted = False
        moment = self._moment(position)
        if self.is_saved(position):
            self._timetable.restart()
            self._vectors_timetable.restart()
            self._durable.confirm()
        else:
            self._write(moment, self._entries.continuation(position, counters), vectors_only=False)

    def _write(self, moment: Moment, extra: dict[str, Any], *, vectors_only: bool) -> bool:
        began = self._clock()
        try:
            path = self._learner.snapshot(
                self._folder.path,
                vectors_only=vectors_only,
                with_output=vectors_only,  # annealed vectors are scored by, too
                **extra,
                **self._entries.description(self._learner, self._log),
            )
            self._folder.store(path)
        except SnapshotError as error:
            self._failed(error, vectors_only)
            return False
        self._done(path, moment, vectors_only, began)
        self._pruning.wait()
        self.changing.wait()
        return True

    def _cancel_work(self) -> None:
        if self._work is None:
            return
        work, self._work = self._work, None
        path = work.snapshot.cancel()
        if path is not None and work.moment is not None:
            self._done(path, work.moment, work.vectors_only, work.began)

    def _moment(self, position: dict[str, Any]) -> Moment:
        return Moment.of(self._learner, position, self._entries.muted())

    def _must_not_be_written(self, moment: Moment) -> bool:
        """Whether readers, or who resumes, would be worse off with a snapshot of this moment."""
        if moment.is_new and not self._writes_empty():
            return True
        if moment.vocabulary or self._replaces_words or not self._folder.holds_words:
            return False
        if not self._is_left_out:
            self._is_left_out = True
            self._log.warning("snapshot_left_out", path=str(self._folder.path))
        return True

    # --- what becomes of one ---

    def _failed(self, error: SnapshotError, vectors_only: bool) -> None:
        self.written = self.written.failed()
        (self._vectors_timetable if vectors_only else self._timetable).retry()
        self._log.error("snapshot_failed", reason=str(error), failures=self.written.failures)
        if self._prunes:  # one that could not be uploaded is on this machine, and more follow
            self._pruning.start(self.keep, locally=True)

    def _done(
        self, path: Path, moment: Moment, vectors_only: bool, began: float, **figures: float
    ) -> None:
        if self._prunes:
            self.prune()
        self.changing.start(path)
        self._published = moment
        seconds = self._clock() - began
        if vectors_only:
            self.vectors_snapshots += 1
        else:
            self._durable.write(moment)
            self._timetable.succeeded()
            pause_seconds = figures.get("pause_seconds", seconds)
            self.written = self.written.another(path, seconds, pause_seconds)
        self._log.info(
            "vectors_written" if vectors_only else "snapshot_written",
            path=str(path),
            words=moment.words,
            vocabulary=moment.vocabulary,
            seconds=round(seconds, 3),
            **figures,
        )
