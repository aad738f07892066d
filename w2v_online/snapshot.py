"""The snapshot format: write, find, verify and read; docs/snapshot-format.md specifies it.

A snapshot is a folder that appears complete or not at all: it is written under a temporary name,
every file synced, and renamed last. Knows arrays and names, nothing of how they are trained.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError

FORMAT_NAME = "w2v-stream"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
LATEST = "LATEST"
STATE_FOLDER = "state"
_TEMPORARY = ".writing-"


@dataclass(frozen=True)
class Snapshot:
    """An open snapshot; arrays are memory-mapped and read-only."""

    path: Path
    manifest: dict[str, Any]

    def array(self, name: str) -> NDArray[Any]:
        """The array in file ``name``, memory-mapped; SnapshotError if it is not one."""
        file = self.path / name
        if name not in self.manifest["files"]:
            raise SnapshotError(f"{self.path}: the manifest lists no {name}")
        try:
            # An empty file region cannot be mapped, so np.load falls back for empty arrays.
            return np.load(file, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            try:
                array: NDArray[Any] = np.load(file, allow_pickle=False)
            except Exception:
                raise SnapshotError(f"{file} cannot be read: {error}") from error
            if array.size:
                raise SnapshotError(f"{file} cannot be read: {error}") from error
            return array

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[V, D], row i for word i."""
        return self.array("vectors.npy")

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64[V], descending."""
        return self.array("counts.npy")

    def words(self) -> list[str]:
        """The words in descending order of their counts."""
        file = self.path / "words.txt"
        try:
            return file.read_bytes().decode().split("\n")[:-1]
        except (OSError, UnicodeDecodeError) as error:
            raise SnapshotError(f"{file} cannot be read: {error}") from error

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """The learner's state by name."""
        prefix = STATE_FOLDER + "/"
        names = [name for name in self.manifest["files"] if name.startswith(prefix)]
        return {name[len(prefix) : -len(".npy")]: self.array(name) for name in names}

    def verify(self) -> None:
        """Compare checksums with the manifest's; SnapshotError names the first that differs."""
        for name, expected in self.manifest["files"].items():
            file = self.path / name
            try:
                actual = _sha256(file)
            except OSError as error:
                raise SnapshotError(f"{file} cannot be read: {error.strerror}") from error
            if actual != expected["sha256"]:
                raise SnapshotError(f"{file} is damaged: its checksum differs from the manifest's")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_file(file: Path, chunks: Iterable[bytes | memoryview]) -> dict[str, Any]:
    """Write and sync a file; return its entry in the manifest."""
    digest = hashlib.sha256()
    with file.open("wb") as stream:
        for chunk in chunks:
            stream.write(chunk)
            digest.update(chunk)
        stream.flush()
        os.fsync(stream.fileno())
        size = stream.tell()
    return {"bytes": size, "sha256": digest.hexdigest()}


@dataclass(frozen=True)
class Rows:
    """Rows of a matrix in the given order, gathered only while they are written."""

    matrix: NDArray[Any]
    order: NDArray[np.integer[Any]]


_GATHERED_ROWS = 8192


def _npy_chunks(array: NDArray[Any] | Rows) -> Iterator[bytes | memoryview]:
    """NumPy's file format, a piece at a time."""
    dtype, shape = (
        (array.matrix.dtype, (len(array.order), *array.matrix.shape[1:]))
        if isinstance(array, Rows)
        else (array.dtype, array.shape)
    )
    header = io.BytesIO()
    description = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(
        header, {"descr": description, "fortran_order": False, "shape": shape}
    )
    yield header.getvalue()
    if isinstance(array, Rows):
        for first in range(0, len(array.order), _GATHERED_ROWS):
            gathered = array.matrix[array.order[first : first + _GATHERED_ROWS]]
            yield np.ascontiguousarray(gathered).data.cast("B")
    elif array.size:
        yield np.ascontiguousarray(array).data.cast("B")


def _sequence(name: str) -> int:
    """The sequence number in a snapshot folder's name, or -1 if it is not one."""
    head, dash, _ = name.partition("-")
    return int(head) if dash and head.isascii() and head.isdigit() else -1


def folders(folder: Path) -> list[Path]:
    """Folders in ``folder`` named like snapshots, newest first."""
    try:
        names = [path for path in folder.iterdir() if _sequence(path.name) >= 0]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SnapshotError(f"{folder} cannot be listed: {error.strerror}") from error
    return sorted(names, key=lambda path: _sequence(path.name), reverse=True)


def write(
    folder: Path,
    *,
    words: bytes | memoryview,
    vectors: NDArray[np.float32] | Rows,
    counts: NDArray[Any],
    count_errors: NDArray[Any],
    state: Mapping[str, NDArray[Any] | Rows],
    manifest: dict[str, Any],
) -> Path:
    """Write a snapshot below ``folder`` and point LATEST at it; return its path.

    ``words`` is the content of words.txt, ``state`` the learner's arrays by name.

    Steps: write every file into a temporary folder and sync it, rename that folder, sync
    ``folder``, replace LATEST. An error at any step leaves the older snapshots as they were.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        existing = folders(folder)
        sequence = _sequence(existing[0].name) + 1 if existing else 1
        now = datetime.now(timezone.utc)
        name = f"{sequence:08d}-{now:%Y%m%dT%H%M%SZ}"
        temporary = folder / f"{_TEMPORARY}{name}"
        temporary.mkdir()
    except OSError as error:
        raise SnapshotError(f"cannot write a snapshot into {folder}: {error.strerror}") from error
    try:
        (temporary / STATE_FOLDER).mkdir()
        arrays: dict[str, NDArray[Any] | Rows] = {
            "vectors.npy": vectors,
            "counts.npy": counts,
            "count_errors.npy": count_errors,
        }
        arrays.update({f"{STATE_FOLDER}/{key}.npy": value for key, value in state.items()})
        files = {"words.txt": _write_file(temporary / "words.txt", [words])}
        for file_name, array in arrays.items():
            files[file_name] = _write_file(temporary / file_name, _npy_chunks(array))
        document = {
            "format": FORMAT_NAME,
            "format_version": FORMAT_VERSION,
            "sequence": sequence,
            "created": now.isoformat(timespec="seconds"),
            **manifest,
            "files": files,
        }
        _write_file(temporary / MANIFEST, [orjson.dumps(document, option=orjson.OPT_INDENT_2)])
        _sync(temporary / STATE_FOLDER)
        _sync(temporary)
        path = folder / name
        temporary.rename(path)
        _sync(folder)
        _write_file(folder / f"{_TEMPORARY}{LATEST}", [f"{name}\n".encode()])
        (folder / f"{_TEMPORARY}{LATEST}").rename(folder / LATEST)
        _sync(folder)
    except OSError as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise SnapshotError(f"cannot write a snapshot into {folder}: {error.strerror}") from error
    return path


def read(path: Path) -> Snapshot:
    """Open the snapshot at ``path``, or the newest complete one if it is a folder of snapshots.

    Checks the manifest and every file's size, not the checksums. Raises SnapshotError.
    """
    if (path / MANIFEST).exists() or _sequence(path.name) >= 0:
        return _open(path)
    found = newest(path)
    if found is None:
        if not path.exists():
            raise SnapshotError(f"{path} does not exist")
        for damaged in folders(path):
            try:
                _open(damaged)
            except SnapshotError as error:
                raise SnapshotError(f"{path} holds no complete snapshot: {error}") from error
        raise SnapshotError(f"{path} holds no snapshot")
    return found


def newest_name(folder: Path) -> str:
    """The name in LATEST, empty if there is none: a cheap look before a real one."""
    try:
        return (folder / LATEST).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def newest(folder: Path) -> Snapshot | None:
    """The newest complete snapshot in a folder of snapshots, None if there is none."""
    try:
        return _open(folder / newest_name(folder))
    except SnapshotError:
        pass  # LATEST is a hint; the folders themselves decide
    for path in folders(folder):
        try:
            return _open(path)
        except SnapshotError:
            continue
    return None


def _open(path: Path) -> Snapshot:
    file = path / MANIFEST
    try:
        manifest = orjson.loads(file.read_bytes())
    except OSError as error:
        raise SnapshotError(f"{file} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise SnapshotError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT_NAME:
        raise SnapshotError(f"{file} is not the manifest of a w2v-stream snapshot")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise SnapshotError(
            f"{file} has format version {manifest.get('format_version')!r}; this program reads "
            f"version {FORMAT_VERSION}"
        )
    files = manifest.get("files")
    if not isinstance(files, dict) or not {"words.txt", "vectors.npy", "counts.npy"} <= set(files):
        raise SnapshotError(f"{file} does not list the files of a snapshot")
    for name, expected in files.items():
        if not isinstance(expected, dict) or ".." in Path(name).parts or Path(name).is_absolute():
            raise SnapshotError(f"{file} lists an impossible file {name!r}")
        try:
            size = (path / name).stat().st_size
        except OSError as error:
            raise SnapshotError(f"{path / name} cannot be read: {error.strerror}") from error
        if size != expected.get("bytes"):
            raise SnapshotError(
                f"{path / name} has {size} bytes, not {expected.get('bytes')} as in the manifest"
            )
    return Snapshot(path, manifest)


def prune(folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest ``keep`` complete snapshots; return what was deleted.

    Incomplete ones older than the newest complete one go too; the newest complete one never does.
    """
    kept = 0
    deleted = []
    for path in folders(folder):
        try:
            _open(path)
        except SnapshotError:
            if kept == 0:
                continue
        else:
            kept += 1
            if kept <= max(1, keep):
                continue
        shutil.rmtree(path, ignore_errors=True)
        deleted.append(path)
    return deleted


def clean(folder: Path) -> None:
    """Delete what an interrupted write left behind. Only the folder's one writer may call this."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
