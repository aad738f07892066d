"""Checkpoints: the learner's state and the source's position as one unit, on a schedule.

Steps of one checkpoint: begin a snapshot behind the learner's back; once it is ready, cut: take
state and position of the same moment; when it is on disk, prune old ones and hand the position back
as durable, so that the source may tell others how far it has come. A failed write is logged and
counted, training goes on, and it is tried again. The last one, at the end of the stream, is
written at once; only its failure fails the process.

Snapshots of vectors only, for readers, come in between if they are wanted: nothing goes on from
them, so they move no position.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streamer.checkpoints.folder import SnapshotFolder
from streamer.checkpoints.quality_probe import QualityProbe
from streamer.checkpoints.timetable import Timetable
from streamer.config.settings import Interval
from w2v_online.errors import SnapshotError
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.learning.saving.background import BackgroundSnapshot
from w2v_online.snapshots.retention import Retention


@dataclass(frozen=True)
class _Moment:
    """What a checkpoint is of."""

    records: int
    words: int
    vocabulary: int
    position: dict[str, Any]


@dataclass(frozen=True)
class Written:
    """The checkpoints that a process, or a worker in its epoch, wrote; the last one's figures."""

    snapshots: int = 0
    failures: int = 0
    path: str = ""
    seconds: float = 0.0
    pause_seconds: float = 0.0
    bytes: int = 0


class Checkpointer:
    """Writes checkpoints when they are due.

    ``positions`` are those of the snapshot that the learner goes on from, by source; the one of
    ``source_name`` changes, the others stay as they are. ``text`` says how text was prepared.
    """

    def __init__(
        self,
        learner: OnlineWord2Vec,
        folder: SnapshotFolder,
        every: Interval,
        keep: Retention,
        log: Any,
        source_name: str,
        positions: dict[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
        probe: QualityProbe | None = None,
        text: dict[str, Any] | None = None,
        vectors_every: Interval | None = None,
    ) -> None:
        self._learner = learner
        self._text = text
        self._probe = probe
        self._folder = folder
        self._timetable = Timetable(every, clock, lambda: learner.total_words)
        self._vectors_timetable = Timetable(vectors_every, clock, lambda: learner.total_words)
        self.keep = keep
        self._log = log
        self._clock = clock
        self._source_name = source_name
        self._positions = dict(positions or {})
        self._saved: _Moment | None = None
        self._published: _Moment | None = None
        self._durable: dict[str, Any] | None = None
        self._running: BackgroundSnapshot | None = None
        self._is_for_readers = False
        self._cut: _Moment | None = None
        self._began = 0.0
        self._is_wanted = False
        self._pruning: threading.Thread | None = None
        self._written_at: float | None = None
        self._safe_at = self._clock()
        self.written = Written()
        """What was written by this process so far,"""
        self.vectors_snapshots = 0
        """and besides so many snapshots of vectors only."""

    @property
    def is_under_way(self) -> bool:
        """Whether one is being written in the background, or got ready for it."""
        return self._running is not None

    @property
    def every(self) -> Interval:
        """How often a checkpoint is due."""
        every = self._timetable.every
        assert every is not None  # noqa: S101 for mypy: checkpoints have one
        return every

    def _set_due(self) -> None:
        self._timetable.restart()
        self._vectors_timetable.restart()

    def ask(self) -> None:
        """Have one made as soon as possible, of a moment from now on."""
        self._is_wanted = True

    def age_seconds(self) -> float | None:
        """Seconds since the last one was written, None before the first."""
        return None if self._written_at is None else self._clock() - self._written_at

    def change(self, every: Interval, keep: Retention, vectors_every: Interval | None) -> None:
        """Another schedule from now on."""
        self.keep = keep
        self._timetable.change(every)
        self._vectors_timetable.change(vectors_every)

    def unsaved_seconds(self) -> float:
        """Seconds since all that was learned was on disk, at most the interval if all is well."""
        return self._clock() - self._safe_at

    def is_recent(self) -> bool:
        """Whether checkpoints come as they should."""
        return self._timetable.is_kept(self.unsaved_seconds())

    def take_durable(self) -> dict[str, Any] | None:
        """The position of the newest checkpoint that is on disk, once; None if there is no new."""
        durable, self._durable = self._durable, None
        return durable

    def is_ready(self, position: dict[str, Any]) -> bool:
        """Go on with what is due; whether it is time to :meth:`cut`, at ``position``.

        Called between two batches; takes a moment only.
        """
        if self._running is not None:
            self._look_at(self._running)
        elif self._is_wanted or self._timetable.is_due():
            self._is_wanted = False
            self._set_due()
            if self._moment(position) != self._saved:
                self._begin(for_readers=False)
            else:
                self._safe_at = self._clock()
        elif self._vectors_timetable.is_due():
            self._vectors_timetable.restart()
            if self._moment(position) != self._published:
                self._begin(for_readers=True)
        return self._running is not None and self._running.is_ready()

    def cut(self, position: dict[str, Any], **counters: int) -> None:
        """Let the checkpoint under way be of this moment."""
        if self._running is not None:
            self._cut = self._moment(position)
            extra = {} if self._is_for_readers else self._continuation(position, counters)
            self._running.cut(**extra, **self._description())

    def cancel(self) -> None:
        """Leave nothing under way: what is not complete is not wanted any more."""
        if self._running is not None:
            self._end(self._running)
        self._end_pruning()

    def write(self, position: dict[str, Any], **counters: int) -> bool:
        """Write one now if anything was read since the last; return whether it is on disk."""
        if self._running is not None:
            self._end(self._running)
        moment = self._moment(position)
        if moment == self._saved:
            self._set_due()
            self._safe_at = self._clock()
            return True
        return self._write(moment, self._continuation(position, counters), for_readers=False)

    def publish(self, **extra: Any) -> bool:
        """Write the vectors alone now, of what :meth:`write` wrote; return whether it went well."""
        assert self._saved is not None  # noqa: S101 for mypy: it was written
        return self._write(self._saved, extra, for_readers=True)

    def _write(self, moment: _Moment, extra: dict[str, Any], *, for_readers: bool) -> bool:
        """Write what is of this moment, and of now."""
        self._began = self._clock()
        try:
            path = self._learner.snapshot(
                self._folder.path, vectors_only=for_readers, **extra, **self._description()
            )
            self._folder.store(path)
        except SnapshotError as error:
            self._failed(error, for_readers)
            return False
        self._done(path, moment, for_readers)
        self._end_pruning()
        return True

    def _end_pruning(self) -> None:
        if self._pruning is not None:
            self._pruning.join()

    def _moment(self, position: dict[str, Any]) -> _Moment:
        vocabulary = self._learner.vocabulary
        return _Moment(vocabulary.total_records, vocabulary.total_words, len(vocabulary), position)

    def _continuation(self, position: dict[str, Any], counters: dict[str, int]) -> dict[str, Any]:
        """What the manifest holds besides the learner's own for who goes on from there."""
        positions = {**self._positions, self._source_name: position}
        return {"positions": positions, "counters": counters}

    def _description(self) -> dict[str, Any]:
        """What it holds besides for everyone."""
        description: dict[str, Any] = {} if self._text is None else {"text": self._text}
        if self._probe is not None:
            description["probe"] = self._probe.ask(self._learner)
            self._log.info("probe", **description["probe"])
        return description

    def _begin(self, *, for_readers: bool) -> None:
        self._began = self._clock()
        self._is_for_readers = for_readers
        try:
            self._running = self._learner.begin_snapshot(
                self._folder.path, self._folder.store, vectors_only=for_readers
            )
        except SnapshotError as error:
            self._failed(error, for_readers)

    def _look_at(self, running: BackgroundSnapshot) -> None:
        """See whether the checkpoint under way is done or has failed."""
        try:
            path = running.result()
        except SnapshotError as error:
            self._running = None
            self._failed(error, self._is_for_readers)
            return
        if path is not None and self._cut is not None:
            self._running = None
            pause_seconds = round(running.pause_seconds, 4)
            self._done(path, self._cut, self._is_for_readers, pause_seconds=pause_seconds)

    def _end(self, running: BackgroundSnapshot) -> None:
        """End the checkpoint under way, because a later one is to be written at once."""
        path = running.cancel()
        self._running = None
        if path is not None and self._cut is not None:
            self._done(path, self._cut, self._is_for_readers)

    def _failed(self, error: SnapshotError, for_readers: bool) -> None:
        self.written = replace(self.written, failures=self.written.failures + 1)
        if for_readers:
            self._vectors_timetable.retry()
        else:
            self._timetable.retry()
        self._log.error("snapshot_failed", reason=str(error), failures=self.written.failures)

    def _prune(self) -> None:
        try:
            self._folder.prune(self.keep)
        except SnapshotError as error:
            self._log.error("prune_failed", reason=str(error))

    def _done(self, path: Path, moment: _Moment, for_readers: bool, **figures: float) -> None:
        # Freeing gigabytes takes a while: not in the learner's time, and not twice at once.
        self._end_pruning()
        self._pruning = threading.Thread(target=self._prune, name="prune", daemon=True)
        self._pruning.start()
        self._published = moment
        seconds = self._clock() - self._began
        if for_readers:
            self.vectors_snapshots += 1
        else:
            self._is_safe(path, moment, seconds, figures.get("pause_seconds", seconds))
        self._log.info(
            "vectors_written" if for_readers else "snapshot_written",
            path=str(path),
            words=moment.words,
            vocabulary=moment.vocabulary,
            seconds=round(seconds, 3),
            **figures,
        )

    def _is_safe(self, path: Path, moment: _Moment, seconds: float, pause_seconds: float) -> None:
        """A learner can go on from there, so sources may be told how far it has come."""
        self._saved, self._durable = moment, moment.position
        self._written_at = self._safe_at = self._clock()
        self._timetable.succeeded()
        self.written = replace(
            self.written,
            snapshots=self.written.snapshots + 1,
            path=str(path),
            seconds=seconds,
            pause_seconds=pause_seconds,
            bytes=_folder_bytes(path),
        )


def _folder_bytes(path: Path) -> int:
    """Bytes of all files in a snapshot's folder, 0 if somebody has deleted it meanwhile."""
    try:
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    except OSError:
        return 0
