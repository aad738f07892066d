"""Snapshots as they are written: under a temporary name, every file synced, renamed last.

So a snapshot appears complete or not at all, and an error at any step leaves the older ones as
they were. Knows arrays and names, nothing of how they are trained or of when it is time to write.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.snapshots import npy, reader
from w2v_online.snapshots.block_sums import BlockSummer

TEMPORARY = ".writing-"
"""Names that begin so are unfinished."""

_NOT_SYNCED = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.ENOSYS})

_SPARE_BYTES = 1 << 20
"""Free space wanted besides the files': for the manifest, folders and block sizes."""


def array_chunks(array: NDArray[Any]) -> Iterator[bytes | memoryview]:
    """A ``.npy`` file, a piece at a time."""
    yield npy.header(array.dtype, array.shape)
    if array.size:
        yield np.ascontiguousarray(array).data.cast("B")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn an OSError into a SnapshotError that names the file."""
    try:
        yield
    except OSError as error:
        raise SnapshotError(f"{path} cannot be written: {error.strerror}") from error


def sync(path: Path) -> None:
    """Have a file or folder on the disk itself.

    Some file systems cannot sync folders (CIFS, vboxsf, some of FUSE's), and need not.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SYNCED or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


class SnapshotWriter:
    """A snapshot that is being written below ``folder``: files first, then :meth:`publish`.

    ``needed_bytes`` is what the files will take: SnapshotError at once if there is less space.
    ``vectors_only`` is in its name.
    """

    def __init__(self, folder: Path, needed_bytes: int = 0, *, vectors_only: bool = False) -> None:
        self.folder = folder
        self.created = datetime.now(timezone.utc)
        with _named(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _check_space(folder, needed_bytes + _SPARE_BYTES)
        existing = reader.folders(folder)
        self.sequence = reader.sequence_of(existing[0].name) + 1 if existing else 1
        self.name = f"{self.sequence:08d}-{self.created:%Y%m%dT%H%M%SZ}"
        if vectors_only:
            self.name += reader.VECTORS_ONLY
        self.path = folder / f"{TEMPORARY}{self.name}"
        self._folders = [self.path]
        self.files: dict[str, dict[str, Any]] = {}
        self._sums: list[NDArray[np.uint64]] = []
        with _named(self.path):
            self.path.mkdir()

    def add(
        self, name: str, chunks: Iterable[bytes | memoryview], *, is_summed: bool = False
    ) -> None:
        """Write and sync a file, with sums over its blocks if readers are to check parts of it."""
        summer = BlockSummer() if is_summed else None
        file = self.path / name
        if file.parent not in self._folders:
            with _named(file.parent):
                file.parent.mkdir()
            self._folders.append(file.parent)
        self.files[name] = entry = write_file(file, chunks, summer)
        if summer is not None:
            entry["first_sum"] = sum(map(len, self._sums))
            self._sums.append(summer.finish())

    def add_array(self, name: str, array: NDArray[Any], *, is_summed: bool = False) -> None:
        """Write and sync an array."""
        self.add(name, array_chunks(array), is_summed=is_summed)

    def publish(self, manifest: dict[str, Any]) -> Path:
        """Write the manifest, let the folder appear under its name, and point LATEST at it.

        Returns the snapshot's path, with everything on the disk.
        """
        if self._sums:
            self.add_array(reader.BLOCK_SUMS, np.concatenate(self._sums))
        write_file(self.path / reader.MANIFEST, [self._manifest(manifest)])
        path = self.folder / self.name
        with _named(path):
            for written in reversed(self._folders):
                sync(written)
            self.path.rename(path)
            sync(self.folder)
        point_latest_at(path)
        return path

    def _manifest(self, manifest: dict[str, Any]) -> bytes:
        document = {
            "format": reader.FORMAT_NAME,
            "format_version": reader.FORMAT_VERSION,
            "sequence": self.sequence,
            "created": self.created.isoformat(timespec="seconds"),
            **manifest,
            "files": self.files,
        }
        return encode_manifest(document)

    def abort(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.path, ignore_errors=True)


def encode_manifest(document: dict[str, Any]) -> bytes:
    """A manifest with its checksum, whose key comes first: what is searched for is ours."""
    blank = orjson.dumps({"manifest_sha256": "0" * 64, **document}, option=orjson.OPT_INDENT_2)
    return blank.replace(b"0" * 64, reader.manifest_sha256(blank).encode(), 1)


def write_file(
    file: Path, chunks: Iterable[bytes | memoryview], summer: BlockSummer | None = None
) -> dict[str, Any]:
    """Write and sync a file; return its entry in the manifest. Raises SnapshotError.

    ``summer`` gets to see everything that is written.
    """
    digest = hashlib.sha256()
    with _named(file), file.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)
            digest.update(chunk)
            if summer is not None:
                summer.add(chunk)
        stream.flush()
        os.fsync(stream.fileno())
        size = stream.tell()
    return {"bytes": size, "sha256": digest.hexdigest()}


def point_latest_at(path: Path) -> None:
    """Let LATEST name a snapshot, or be gone: readers then look at the folders themselves."""
    folder = path.parent
    temporary = folder / f"{TEMPORARY}{reader.LATEST}"
    try:
        write_file(temporary, [f"{path.name}\n".encode()])
        temporary.rename(folder / reader.LATEST)
        sync(folder)
    except (OSError, SnapshotError):
        # The snapshot itself is safe; an older name must not hide it.
        for file in (temporary, folder / reader.LATEST):
            try:
                file.unlink(missing_ok=True)
            except OSError:
                pass


def _check_space(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise SnapshotError(
            f"{folder} has {free / 2**20:,.0f} MiB free, a snapshot needs "
            f"{needed_bytes / 2**20:,.0f} MiB; make room, or lower --keep"
        )
