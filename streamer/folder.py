"""The folder of snapshots that a daemon writes to: one at a time, local or a copy of a remote one.

Holds the folder by a lock, cleans it at the start and finds the snapshot that learning goes on
from. Knows nothing of when snapshots are written.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.settings import RunSettings
from w2v_online import retention, snapshot
from w2v_online.errors import SnapshotError, SnapshotMismatchError
from w2v_online.learner import OnlineWord2Vec
from w2v_online.remote import RemoteFolder, local_folder, url_of
from w2v_online.retention import Retention

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
        """Have here what is there: the newest ones, and none that never got there.

        The newest to go on from, and one of vectors that is newer, which gives the next its number.
        """
        names = remote.names()
        for path in snapshot.folders(self.path):
            if path.name not in names:
                shutil.rmtree(path)
        whole = [name for name in names if snapshot.is_whole(name)]
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
        if settings.resume == "never":
            return OnlineWord2Vec(config, tokenizer=tokenizer), {}
        damaged = 0
        for path in snapshot.folders(self.path):
            if not snapshot.is_whole(path.name):
                continue
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
