"""The folder of snapshots that a daemon writes to: one at a time, local or a copy of a remote one.

Holds the folder by a lock, cleans it at the start and finds the snapshot that learning goes on
from. Knows nothing of when snapshots are written.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from streamer.config.settings import RunSettings
from streamer.errors import ConfigurationError
from w2v_online.errors import SnapshotError, SnapshotMismatchError
from w2v_online.learning.learner import OnlineWord2Vec
from w2v_online.snapshots import reader, retention
from w2v_online.snapshots.reader import Snapshot
from w2v_online.snapshots.remote import RemoteFolder, local_folder, url_of
from w2v_online.snapshots.retention import Retention

_LOCK = ".lock"

Accepted = TypeVar("Accepted")


class SnapshotFolder:
    """The folder that this process alone writes snapshots to, held by a lock until it ends.

    ``location`` is its path, or a URL: then snapshots are written to a folder of this machine first
    and are safe when they are complete there. With ``is_held`` another process holds the lock for
    this one.
    """

    def __init__(self, location: str, *, is_held: bool = False) -> None:
        url = url_of(location)
        self.path = path = local_folder(url, "write") if url else Path(location)
        if not is_held:
            self._lock = _locked(path)
            retention.clean(path)
        self._remote: RemoteFolder | None = None
        if url:
            try:
                self._remote = RemoteFolder(url)
                self._take_from(self._remote)
            except SnapshotError as error:
                raise ConfigurationError(f"--snapshot-dir: {error}") from error

    def _take_from(self, remote: RemoteFolder) -> None:
        """Have here what is there: the newest ones, and none that never got there.

        The newest to go on from, and one of vectors that is newer, which gives the next its number.
        """
        names = remote.names()
        for path in reader.folders(self.path):
            if path.name not in names:
                shutil.rmtree(path)
        whole = [name for name in names if reader.is_whole(name)]
        for name in dict.fromkeys([*whole[:1], *names[:1]]):
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

        def restore(saved: Snapshot) -> OnlineWord2Vec:
            return OnlineWord2Vec.restore(saved.path, config, tokenizer=tokenizer)

        found = self.find(settings.resume, restore, log)
        if found is None:
            return OnlineWord2Vec(config, tokenizer=tokenizer), {}
        saved, learner = found
        log.info("resumed", snapshot=str(saved.path), **learner.totals())
        return learner, saved.manifest

    def find(
        self, resume: str, accept: Callable[[Snapshot], Accepted], log: Any
    ) -> tuple[Snapshot, Accepted] | None:
        """The newest intact snapshot to go on from, with what ``accept`` makes of it.

        None if there is none, or none is wanted. ConfigurationError if ``accept`` says that it
        does not fit (SnapshotMismatchError), if all are damaged (other SnapshotErrors), or if there
        must be one.
        """
        if resume == "never":
            return None
        damaged = 0
        for path in reader.folders(self.path):
            if not reader.is_whole(path.name):
                continue
            try:
                saved = reader.read(path)
                return saved, accept(saved)
            except SnapshotMismatchError as error:
                raise ConfigurationError(str(error)) from error
            except SnapshotError as error:
                log.error("snapshot_damaged", reason=str(error), action="trying the one before")
                damaged += 1
        if damaged:
            raise ConfigurationError(
                f"{self.path} holds only damaged snapshots; repair one, or start anew with "
                "--resume never or another --snapshot-dir"
            )
        if resume == "require":
            raise ConfigurationError(
                f"--resume require: {self.path} holds no intact snapshot to go on from"
            )
        return None


def _locked(path: Path) -> int:
    """Make the folder and hold it; ConfigurationError if that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigurationError(
            f"snapshot folder {path} cannot be written: {error.strerror}; "
            "choose another with --snapshot-dir"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ConfigurationError(
            f"another w2v-stream writes to snapshot folder {path}; "
            "stop it or choose another with --snapshot-dir"
        ) from error
    return lock
