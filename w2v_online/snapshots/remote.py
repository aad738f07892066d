"""Snapshots in object storage, through fsspec: ``s3://bucket/prefix`` and whatever else it knows.

There a snapshot is complete once its manifest is there, so the manifest is written last and deleted
first. Everything else happens in a folder on this machine: arrays can only be mapped from files.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from w2v_online.errors import SnapshotError
from w2v_online.snapshots import reader
from w2v_online.snapshots.retention import DELETING, Retention, prune
from w2v_online.snapshots.writer import TEMPORARY, point_latest_at, sync

_URL = re.compile(r"([a-z][a-z0-9+]+):/+(.*)")
_CACHED = 2
_ABANDONED_SECONDS = 86_400
"""A copy that nothing was added to for so long was interrupted."""

_WITH_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "oss"})


def url_of(location: str | Path) -> str | None:
    """The URL that is meant, also after it went through a Path; None for a path."""
    match = _URL.fullmatch(str(location))
    if match is None:
        return None
    root = "/" if match[1] == "file" else ""  # names no host, and its path begins at the root
    return f"{match[1]}://{root}{match[2]}"


def local_folder(url: str, purpose: str) -> Path:
    """Where snapshots of a URL lie on this machine, for one purpose."""
    return cache_folder() / purpose / quote(url, safe="")


def cache_folder() -> Path:
    """What can be made again is kept here: ``w2v-stream`` in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "w2v-stream"


class RemoteFolder:
    """A folder of snapshots in object storage. Every method raises SnapshotError."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        try:
            from fsspec.core import url_to_fs
        except ImportError as error:
            raise SnapshotError(
                f"{url} needs fsspec: pip install 'w2v-stream[s3]' (for S3)"
            ) from error
        with self._named():
            # Only where files lie in folders have these to be made.
            options = {"auto_mkdir": True} if self.url.startswith("file:") else {}
            self._files, root = url_to_fs(self.url, use_listings_cache=False, **options)
            self._root = PurePosixPath(root)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Whatever goes wrong out there as a SnapshotError; clients raise all kinds of errors."""
        try:
            yield
        except SnapshotError:
            raise
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise SnapshotError(f"{self.url}: {reason}") from error

    def check(self) -> None:
        """SnapshotError if there is no such bucket, where there are buckets."""
        if self.url.partition(":")[0] not in _WITH_BUCKETS:
            return
        bucket = self._root.parts[0]
        with self._named():
            if not self._files.exists(bucket):
                raise SnapshotError(f"{self.url}: there is no bucket {bucket}; make it first")

    def names(self) -> list[str]:
        """The complete snapshots, newest first."""
        return [name for name, is_complete in self._snapshots() if is_complete]

    def _snapshots(self) -> list[tuple[str, bool]]:
        """All snapshots, newest first, each with whether it is complete."""
        with self._named():
            names = [name for name in self._listed(self._root) if reader.sequence_of(name) >= 0]
            names.sort(key=reader.sequence_of, reverse=True)
            return [(name, reader.MANIFEST in self._listed(self._root / name)) for name in names]

    def _listed(self, folder: PurePosixPath) -> set[str]:
        """Names of what is in a folder; none if there is no such folder.

        Not by ``glob``, which takes ``[``, ``*`` and ``?`` of a URL for a pattern, and a listing
        that fails for an empty one.
        """
        try:
            entries: list[str] = self._files.ls(str(folder), detail=False)
        except FileNotFoundError:
            return set()
        return {PurePosixPath(entry).name for entry in entries}

    def upload(self, path: Path) -> None:
        """Copy a snapshot there; it is complete with the last object, which is its manifest."""
        opened = reader.read(path)
        with self._named():
            for name in [*opened.manifest["files"], reader.MANIFEST]:
                self._files.put_file(str(path / name), f"{self._root}/{path.name}/{name}")
            self._files.pipe_file(f"{self._root}/{reader.LATEST}", f"{path.name}\n".encode())

    def download(self, name: str, folder: Path) -> Path:
        """Copy a snapshot from there into a folder, compare checksums; return its path."""
        path, temporary = folder / name, folder / f"{TEMPORARY}{name}.{uuid4().hex}"
        with self._named():
            text: bytes = self._files.cat_file(f"{self._root}/{name}/{reader.MANIFEST}")
        if _is_copy(path, text):
            return path
        manifest: dict[str, Any] = reader.parse_manifest(Path(f"{self.url}/{name}"), text)
        # Damaged, or another history of the same name; gone at once, so never half there.
        replaced = temporary.with_name(f"{temporary.name}.replaced")
        with suppress(OSError):
            path.rename(replaced)
        shutil.rmtree(replaced, ignore_errors=True)
        try:
            self._download_files(manifest, name, temporary)
            (temporary / reader.MANIFEST).write_bytes(text)
            reader.Snapshot(temporary, manifest).verify()
            if not _publish(temporary, path, text):
                return path
            sync(folder)
        except OSError as error:
            raise SnapshotError(f"{path} cannot be written: {error.strerror}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        point_latest_at(path)
        return path

    def _download_files(self, manifest: dict[str, Any], name: str, temporary: Path) -> None:
        with self._named():
            for file in manifest["files"]:
                (temporary / file).parent.mkdir(parents=True, exist_ok=True)
                self._files.get_file(f"{self._root}/{name}/{file}", str(temporary / file))

    def prune(self, retention: Retention) -> None:
        """Delete snapshots that need not stay: first what makes them complete.

        Incomplete ones older than the newest complete one go too: what is left of an upload or a
        deletion that was interrupted.
        """
        snapshots = self._snapshots()
        complete = [name for name, is_complete in snapshots if is_complete]
        kept = {path.name for path in retention.kept([Path(name) for name in complete])}
        newest = snapshots.index((complete[0], True)) if complete else len(snapshots)
        with self._named():
            for name, is_complete in snapshots[newest:]:
                if name in kept:
                    continue
                if is_complete:
                    self._files.rm_file(f"{self._root}/{name}/{reader.MANIFEST}")
                self._delete(self._root / name)

    def _delete(self, snapshot: PurePosixPath) -> None:
        """Delete what is left of a snapshot: file by file, as ``rm`` takes paths for patterns."""
        files = self._files.find(str(snapshot))
        for file in files:
            self._files.rm_file(file)
        # Only where files lie in folders is there anything now.
        for folder in sorted({str(PurePosixPath(file).parent) for file in files}, reverse=True):
            if self._files.isdir(folder):
                self._files.rmdir(folder)


def _is_copy(path: Path, manifest: bytes) -> bool:
    """Whether a complete snapshot with this manifest lies at ``path``."""
    try:
        return (path / reader.MANIFEST).read_bytes() == manifest and reader.read(path).path == path
    except (OSError, SnapshotError):
        return False


def _publish(temporary: Path, path: Path, manifest: bytes) -> bool:
    """Rename a copy to ``path``; False if another process or thread was faster. Raises OSError."""
    try:
        temporary.rename(path)
    except OSError:
        if _is_copy(path, manifest):
            return False
        raise
    return True


def local_path(path: str | Path, *, whole: bool = False) -> Path:
    """A path as it is; of a URL the snapshot that :func:`fetch` brings. SnapshotError."""
    url = url_of(path)
    return fetch(url, whole=whole) if url else Path(path)


def fetch(url: str, *, whole: bool = False) -> Path:
    """The newest complete snapshot of a URL, as a folder on this machine; SnapshotError.

    With ``whole`` the newest that a learner can go on from, where there is one.
    """
    remote, folder = RemoteFolder(url), local_folder(url, "read")
    names = remote.names()
    if whole:
        names = [name for name in names if reader.is_whole(name)] or names
    if not names:
        raise SnapshotError(f"{url} holds no complete snapshot")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SnapshotError(
            f"{folder}, where {url} is copied to, cannot be made: {error.strerror}; name a folder "
            "for copies in XDG_CACHE_HOME"
        ) from error
    _delete_abandoned(folder)
    path = remote.download(names[0], folder)
    prune(folder, Retention(keep=_CACHED, vectors=_CACHED))
    return path


def _delete_abandoned(folder: Path) -> None:
    """Delete what processes that were killed left; others may be copying at this moment."""
    newest = time.time() - _ABANDONED_SECONDS
    for path in folder.glob(".*"):
        with suppress(OSError):
            if path.name.startswith((TEMPORARY, DELETING)) and path.stat().st_mtime < newest:
                shutil.rmtree(path, ignore_errors=True)
