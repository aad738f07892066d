"""Checkpoints: the learner's state and the source's position as one unit, on a schedule.

Steps of one checkpoint: begin a snapshot behind the learner's back; once it is ready, cut: take
state and position of the same moment; when it is on disk, prune old ones and hand the position back
as durable, so that the source may tell others how far it has come. A failed write is logged and
counted, training goes on, and it is tried again. The last one, at the end of the stream, is
written at once; only its failure fails the process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.probe import QualityProbe
from streamer.settings import Interval, RunSettings
from w2v_online import retention, snapshot
from w2v_online.background import BackgroundSnapshot
from w2v_online.errors import SnapshotError, SnapshotMismatchError
from w2v_online.learner import OnlineWord2Vec
from w2v_online.remote import RemoteFolder, local_folder, url_of
from w2v_online.retention import Retention

RETRY_SECONDS = 30.0
"""Wait after a failed write, unless the schedule's own interval is shorter."""

GRACE_SECONDS = 60.0
"""Time for writing, beyond twice the interval, before a checkpoint counts as missing."""

_LOCK = ".lock"


class SnapshotFolder:
    """The folder that this process alone writes snapshots to, held by a lock until it ends.

    ``location`` is its path, or a URL: then snapshots are written to a folder of this machine first
    and are safe when they are complete there.
    """

    def __init__(self, location: str) -> None:
        url = url_of(location)
        self.path = path = local_folder(url, "write") if url else Path(location)
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigurationError(
                f"snapshot folder {path} cannot be written: {error.strerror}; "
                "choose another with --snapshot-dir"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigurationError(
                f"another w2v-stream writes to snapshot folder {path}; "
                "stop it or choose another with --snapshot-dir"
            ) from error
        retention.clean(path)
        self._remote: RemoteFolder | None = None
        if url:
            try:
                self._remote = RemoteFolder(url)
                self._take_from(self._remote)
            except SnapshotError as error:
                raise ConfigurationError(f"--snapshot-dir: {error}") from error

    def _take_from(self, remote: RemoteFolder) -> None:
        """Have here what is there: the newest snapshot, and none that never got there."""
        names = remote.names()
        for path in snapshot.folders(self.path):
            if path.name not in names:
                shutil.rmtree(path)
        for name in names[:1]:
            remote.download(name, self.path)

    def store(self, path: Path) -> None:
        """Have a snapshot that was written where it is safe; SnapshotError if that fails."""
        if self._remote is not None:
            self._remote.upload(path)

    def prune(self, keep: Retention) -> None:
        """Delete snapshots that need not stay. Raises SnapshotError."""
        retention.prune(self.path, keep)
        if self._remote is not None:
            self._remote.prune(keep)

    def open_learner(
        self, settings: RunSettings, tokenizer: str, log: Any
    ) -> tuple[OnlineWord2Vec, dict[str, Any]]:
        """A learner and the manifest of the snapshot it goes on from; a new one and ``{}`` else.

        ``tokenizer`` is the identity of the one in use.
        """
        config = settings.learner_config
        if settings.resume == "never":
            return OnlineWord2Vec(config, tokenizer=tokenizer), {}
        damaged = 0
        for path in snapshot.folders(self.path):
            try:
                saved = snapshot.read(path)
                learner = OnlineWord2Vec.restore(path, config, tokenizer=tokenizer)
            except SnapshotMismatchError as error:
                raise ConfigurationError(str(error)) from error
            except SnapshotError as error:
                log.error("snapshot_damaged", reason=str(error), action="trying the one before")
                damaged += 1
                continue
            log.info("resumed", snapshot=str(path), **learner.totals())
            return learner, saved.manifest
        if damaged:
            raise ConfigurationError(
                f"{self.path} holds only damaged snapshots; repair one, or start anew with "
                "--resume never or another --snapshot-dir"
            )
        if settings.resume == "require":
            raise ConfigurationError(
                f"--resume require: {self.path} holds no intact snapshot to go on from"
            )
        return OnlineWord2Vec(config, tokenizer=tokenizer), {}


@dataclass(frozen=True)
class _Moment:
    """What a checkpoint is of."""

    records: int
    words: int
    vocabulary: int
    position: dict[str, Any]


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
    ) -> None:
        self._learner = learner
        self._text = text
        self._probe = probe
        self._folder = folder
        self.every = every
        self.keep = keep
        self._log = log
        self._clock = clock
        self._source_name = source_name
        self._positions = dict(positions or {})
        self._written: _Moment | None = None
        self._durable: dict[str, Any] | None = None
        self._running: BackgroundSnapshot | None = None
        self._cut: _Moment | None = None
        self._began = 0.0
        self._is_wanted = False
        self._pruning: threading.Thread | None = None
        self._set_due()
        self._written_at: float | None = None
        self._safe_at = self._clock()
        self._is_failing = False
        self.failures = 0
        self.snapshots = 0
        """Snapshots written by this process; of the last one its seconds, pause and bytes."""
        self.last_seconds = self.last_pause_seconds = 0.0
        self.last_bytes = 0

    def _set_due(self) -> None:
        every = self.every
        self._due_at = None if every.seconds is None else self._clock() + every.seconds
        self._due_words = None if every.words is None else self._learner.total_words + every.words

    def _is_due(self) -> bool:
        """Whether one was asked for, or the interval since the last one has passed."""
        if self._is_wanted or (self._due_at is not None and self._clock() >= self._due_at):
            return True
        return self._due_words is not None and self._learner.total_words >= self._due_words

    def ask(self) -> None:
        """Have one made as soon as possible, of a moment from now on."""
        self._is_wanted = True

    def age_seconds(self) -> float | None:
        """Seconds since the last one was written, None before the first."""
        return None if self._written_at is None else self._clock() - self._written_at

    def change(self, every: Interval, keep: Retention) -> None:
        """Another schedule from now on."""
        self.keep = keep
        if every != self.every:
            self.every = every
            self._set_due()

    def unsaved_seconds(self) -> float:
        """Seconds since all that was learned was on disk, at most the interval if all is well."""
        return self._clock() - self._safe_at

    def is_recent(self) -> bool:
        """Whether checkpoints come as they should."""
        if self.every.seconds is None:
            return not self._is_failing
        return self.unsaved_seconds() < 2 * self.every.seconds + GRACE_SECONDS

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
        elif self._is_due():
            self._is_wanted = False
            self._set_due()
            if self._moment(position) != self._written:
                self._begin()
            else:
                self._safe_at = self._clock()
        return self._running is not None and self._running.is_ready()

    def cut(self, position: dict[str, Any], **counters: int) -> None:
        """Let the checkpoint under way be of this moment."""
        if self._running is not None:
            self._cut = self._moment(position)
            self._running.cut(**self._extra(position, counters))

    def write(self, position: dict[str, Any], **counters: int) -> bool:
        """Write one now if anything was read since the last; return whether it is on disk."""
        if self._running is not None:
            self._end(self._running)
        moment = self._moment(position)
        if moment == self._written:
            self._set_due()
            self._safe_at = self._clock()
            return True
        self._began = self._clock()
        try:
            path = self._learner.snapshot(self._folder.path, **self._extra(position, counters))
            self._folder.store(path)
        except SnapshotError as error:
            self._failed(error)
            return False
        self._done(path, moment)
        self._end_pruning()
        return True

    def _end_pruning(self) -> None:
        if self._pruning is not None:
            self._pruning.join()

    def _moment(self, position: dict[str, Any]) -> _Moment:
        vocabulary = self._learner.vocabulary
        return _Moment(vocabulary.total_records, vocabulary.total_words, len(vocabulary), position)

    def _extra(self, position: dict[str, Any], counters: dict[str, int]) -> dict[str, Any]:
        """What the manifest holds besides the learner's own."""
        extra: dict[str, Any] = {
            "positions": {**self._positions, self._source_name: position},
            "counters": counters,
        }
        if self._text is not None:
            extra["text"] = self._text
        if self._probe is not None:
            extra["probe"] = self._probe.ask(self._learner)
            self._log.info("probe", **extra["probe"])
        return extra

    def _begin(self) -> None:
        self._began = self._clock()
        try:
            self._running = self._learner.begin_snapshot(self._folder.path, self._folder.store)
        except SnapshotError as error:
            self._failed(error)

    def _look_at(self, running: BackgroundSnapshot) -> None:
        """See whether the checkpoint under way is done or has failed."""
        try:
            path = running.result()
        except SnapshotError as error:
            self._running = None
            self._failed(error)
            return
        if path is not None and self._cut is not None:
            self._running = None
            self._done(path, self._cut, pause_seconds=round(running.pause_seconds, 4))

    def _end(self, running: BackgroundSnapshot) -> None:
        """End the checkpoint under way, because a later one is to be written at once."""
        path = running.cancel()
        self._running = None
        if path is not None and self._cut is not None:
            self._done(path, self._cut)

    def _failed(self, error: SnapshotError) -> None:
        self.failures += 1
        self._is_failing = True
        self._set_due()
        retry_at = self._clock() + RETRY_SECONDS
        self._due_at = retry_at if self._due_at is None else min(self._due_at, retry_at)
        self._due_words = None
        self._log.error("snapshot_failed", reason=str(error), failures=self.failures)

    def _prune(self) -> None:
        try:
            self._folder.prune(self.keep)
        except SnapshotError as error:
            self._log.error("prune_failed", reason=str(error))

    def _done(self, path: Path, moment: _Moment, **figures: float) -> None:
        # Freeing gigabytes takes a while: not in the learner's time, and not twice at once.
        self._end_pruning()
        self._pruning = threading.Thread(target=self._prune, name="prune", daemon=True)
        self._pruning.start()
        self._written, self._durable = moment, moment.position
        self._written_at = self._safe_at = self._clock()
        self._is_failing = False
        self.snapshots += 1
        self.last_seconds = self._written_at - self._began
        self.last_pause_seconds = figures.get("pause_seconds", self.last_seconds)
        self.last_bytes = _folder_bytes(path)
        self._log.info(
            "snapshot_written",
            path=str(path),
            words=moment.words,
            vocabulary=moment.vocabulary,
            seconds=round(self.last_seconds, 3),
            **figures,
        )


def _folder_bytes(path: Path) -> int:
    """Bytes of all files in a snapshot's folder, 0 if somebody has deleted it meanwhile."""
    try:
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    except OSError:
        return 0
