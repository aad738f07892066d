"""The folder that a daemon writes snapshots to, local or a mirror of a remote one.

Locks the folder, cleans it at the start and finds the snapshot to resume from. Knows nothing of
when snapshots are written.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from streamer.config.settings import RunSettings
from streamer.errors import ConfigurationError
from w2v_online.errors import SnapshotError, SnapshotMismatchError
from w2v_online.snapshots import reader, retention
from w2v_online.snapshots.reader import Snapshot
from w2v_online.snapshots.remote import RemoteFolder, local_folder, url_of
from w2v_online.snapshots.retention import Retention

if TYPE_CHECKING:
    from w2v_online.learning.learner import OnlineWord2Vec

_LOCK = ".lock"
_WITHOUT_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})

Accepted = TypeVar("Accepted")


class SnapshotFolder:
    """The folder that only this process writes snapshots to; locked until the process ends.

    ``location`` is a path, or a URL: then snapshots are written to a local folder first, and are
    safe once they are uploaded. With ``is_held`` another process holds the lock for this one.
    Raises ConfigurationError.
    """

    def __init__(self, location: str, *, is_held: bool = False) -> None:
        url = url_of(location)
        self.path = path = local_folder(url, "write") if url else Path(location)
        self.is_locked = True
        """Whether no other process can write there; some file systems have no locks."""
        self.in_use: set[str] = set()
        """Names of snapshots that are being read and must not be deleted on this machine."""
        if not is_held:
            self._lock, self.is_locked = _locked(path)
            retention.clean(path)
        self._remote: RemoteFolder | None = None
        if url:
            try:
                self._remote = RemoteFolder(url)
                self._remote.check()
                self._take_from(self._remote)
            except SnapshotError as error:
                raise ConfigurationError(f"--snapshot-dir: {error}") from error

    def _take_from(self, remote: RemoteFolder) -> None:
        """Mirror the remote folder: download its newest snapshots, delete what was never uploaded.

        These are the newest to resume from and, if it is newer still, the newest of vectors only,
        which the number of the next one follows.
        """
        names = remote.names()
        for path in reader.folders(self.path):
            if path.name not in names:
                shutil.rmtree(path)
        whole = [name for name in names if reader.is_whole(name)]
        for name in dict.fromkeys([*whole[:1], *names[:1]]):
            remote.download(name, self.path)

    @property
    def holds_words(self) -> bool:
        """Whether the newest snapshot has words; it may if the folder cannot be read now."""
        try:
            newest = reader.newest(self.path)
        except SnapshotError:
            return True
        return newest is not None and len(newest.counts) > 0

    def store(self, path: Path) -> None:
        """Upload a snapshot that was written, if the folder is remote. Raises SnapshotError."""
        if self._remote is not None:
            self._remote.upload(path)

    def prune(self, keep: Retention, *, locally: bool = False) -> None:
        """Delete the snapshots that ``keep`` does not retain. Raises SnapshotError.

        Only those on this machine with ``locally``, for when a remote folder does not answer.
        """
        retention.prune(self.path, keep, frozenset(self.in_use))
        if self._remote is not None and not locally:
            self._remote.prune(keep)

    def open_learner(
        self, settings: RunSettings, tokenizer: str, log: Any
    ) -> tuple[OnlineWord2Vec, dict[str, Any]]:
        """The learner, and the manifest of the snapshot it resumes from; ``{}`` for a new one.

        ``tokenizer`` is the identity of the tokenizer in use. Raises ConfigurationError, see
        :meth:`find`.
        """
        # Imported here: the learner needs Numba, and whoever only checks a folder does not.
        from w2v_online.learning.learner import OnlineWord2Vec

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
        """The newest intact snapshot to resume from, with what ``accept`` makes of it.

        None if there is none, or with ``resume`` never. Raises ConfigurationError if ``accept``
        says that the snapshot does not fit (SnapshotMismatchError), if all are damaged (other
        SnapshotErrors), or if there is none with ``resume`` require.
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
                f"{self.path} holds only damaged snapshots: restore one from a backup, or start "
                "a new model with --resume never or another --snapshot-dir"
            )
        if any(reader.sequence_of(path.name) for path in reader.folders(self.path)):
            raise ConfigurationError(
                f"{self.path} holds vectors for readers only, which no run can resume from; choose "
                f"another --snapshot-dir, with --init to start from vectors, or start anew here "
                "with --resume never"
            )
        if resume == "require":
            raise ConfigurationError(
                f"--resume require: {self.path} holds no intact snapshot to resume from"
            )
        return None


def check_free(path: Path) -> None:
    """ConfigurationError if the folder cannot be held, or another process does; makes nothing."""
    if os.path.lexists(path / _LOCK):  # else nobody has written there yet
        lock = _open_lock(path, 0)
        _hold(path, lock)
        os.close(lock)


def _locked(path: Path) -> tuple[int, bool]:
    """Make the folder and hold it, if it can be; ConfigurationError if another process does."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error
    lock = _open_lock(path, os.O_CREAT)
    return lock, _hold(path, lock)


def _open_lock(path: Path, flags: int) -> int:
    try:
        return os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC | flags, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"--snapshot-dir {path} cannot be written: {error.strerror}; choose another folder"
    )


def _hold(path: Path, lock: int) -> bool:
    """Lock an open file; False if that cannot be there, ConfigurationError if another has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _WITHOUT_LOCKS:
            return False
        os.close(lock)
        raise ConfigurationError(
            f"--snapshot-dir {path} is used by another w2v-stream; stop that one or choose another "
            "folder"
        ) from error
    return True
