"""Find, check and open snapshots, as docs/reference/snapshot-format.md specifies them.

A snapshot is a folder that appears complete or not at all. Knows files and names, nothing of how
they are written or of what the arrays mean.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError
from w2v_online.snapshots import npy
from w2v_online.snapshots.block_sums import CheckedArray, CheckedBlocks, count_blocks

FORMAT_NAME = "w2v-stream"
FORMAT_VERSION = 2
"""Version written; version 1 differs in that its manifest has no checksum."""

READABLE_VERSIONS = (1, 2)
MANIFEST = "manifest.json"
LATEST = "LATEST"
STATE_FOLDER = "state"
BLOCK_SUMS = "block_sums.npy"
VECTORS_ONLY = "-vectors"
"""How names of snapshots end that readers can use, but no learner can go on from."""
OUTPUT_VECTORS = f"{STATE_FOLDER}/output_vectors.npy"
CHANGE_SCORES = "change_scores.npy"
"""float32[V]: how much each word's use is changing, where vectors are averaged."""
VECTORS, NORMS = "vectors.npy", "norms.npy"
PUBLISHED_VECTORS, PUBLISHED_NORMS = "published_vectors.npy", "published_norms.npy"
"""With --subwords: what readers load in place of :data:`VECTORS` and :data:`NORMS`."""

SUBWORD_VECTORS = "subword_vectors.npy"
"""float32[n, D]: vectors of character n-grams, where a model learns with --subwords."""
SUBWORD_BUCKETS = "subword_buckets.npy"
"""int32[n]: the hash bucket of each."""
REQUIRED_FILES = frozenset({"words.txt", VECTORS, "counts.npy"})

_MANIFEST_SHA256 = re.compile(rb'"manifest_sha256": ?"([0-9a-f]{64})"')
_NAME = re.compile(rf"([0-9]{{1,18}})-[0-9]{{8}}T[0-9]{{6}}Z(?:{VECTORS_ONLY})?")
"""Whatever else lies in a folder of snapshots, as ``2026-01-31.log``, is the user's own."""

_FILE_NAME = re.compile(r"(?:[A-Za-z0-9_-]+/)?[A-Za-z0-9_-][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Snapshot:
    """An open snapshot; arrays are memory-mapped and read-only."""

    path: Path
    manifest: dict[str, Any]

    @property
    def has_output(self) -> bool:
        """Whether it holds output vectors, as scoring and predicting take."""
        return OUTPUT_VECTORS in self.manifest["files"]

    def array(self, name: str) -> NDArray[Any]:
        """The array in file ``name``, memory-mapped; SnapshotError if it is not one."""
        if name not in self.manifest["files"]:
            raise SnapshotError(f"{self.path}: the manifest lists no {name}")
        return npy.map_array(self.path / name)

    def whole(self, name: str) -> NDArray[Any]:
        """The same, compared with its sums now, or with its checksum where it has no sums."""
        array = self.array(name)
        if "first_sum" in self.manifest["files"][name]:
            return self.checked(name).whole()
        self.verify([name])
        return array

    def checked(self, name: str, *, is_shown: bool = False) -> CheckedArray:
        """The same, compared with its sums wherever it is used; uint8[bytes] if it is no array.

        One that ``is_shown`` is mapped twice: what foreign code writes to the array that it was
        given cannot change what this program computes with.
        """
        file = self.path / name
        content = npy.map_bytes(file)
        array = npy.array_in(content, file) if name.endswith(".npy") else content
        shown = npy.array_in(npy.map_bytes(file, is_guarded=True), file) if is_shown else None
        first = self.manifest["files"][name].get("first_sum")
        if first is None:
            return CheckedArray(array, shown=shown)
        sums = self._sums[first : first + count_blocks(len(content))]
        offset = len(content) - array.nbytes
        return CheckedArray(array, CheckedBlocks(file, content, sums), offset, shown)

    @cached_property
    def _sums(self) -> NDArray[np.uint64]:
        """uint64[B]: what blocks are compared with, so checked whole."""
        self.verify([BLOCK_SUMS])
        sums = self.array(BLOCK_SUMS)
        if sums.ndim != 1 or sums.dtype != np.uint64:
            raise _damaged(self.path / BLOCK_SUMS)
        return sums

    @property
    def vectors(self) -> NDArray[np.float32]:
        """float32[V, D], row i for word i."""
        return self.array(VECTORS)

    @property
    def counts(self) -> NDArray[Any]:
        """int64[V], descending; float64 with half_life."""
        return self.array("counts.npy")

    def words(self) -> list[str]:
        """The words in descending order of their counts."""
        file = self.path / "words.txt"
        try:
            text = file.read_bytes()
        except OSError as error:
            raise SnapshotError(f"{file} cannot be read: {error.strerror}") from error
        # Read whole, so checked whole: every word would be another's after a flipped bit.
        if hashlib.sha256(text).hexdigest() != self.manifest["files"]["words.txt"]["sha256"]:
            raise _damaged(file)
        try:
            return text.decode().split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise SnapshotError(f"{file} cannot be read: {error}") from error

    @property
    def state(self) -> dict[str, NDArray[Any]]:
        """The learner's state by name."""
        prefix = STATE_FOLDER + "/"
        names = [name for name in self.manifest["files"] if name.startswith(prefix)]
        return {name[len(prefix) : -len(".npy")]: self.array(name) for name in names}

    def verify(self, names: Iterable[str] | None = None) -> None:
        """Compare checksums with the manifest's, of all files or of some.

        SnapshotError names the first that differs.
        """
        for name in names or self.manifest["files"]:
            expected = self.manifest["files"][name]
            file = self.path / name
            try:
                with file.open("rb") as stream:
                    actual = hashlib.file_digest(stream, "sha256").hexdigest()
            except OSError as error:
                raise SnapshotError(f"{file} cannot be read: {error.strerror}") from error
            if actual != expected["sha256"]:
                raise _damaged(file)


def _damaged(file: Path) -> SnapshotError:
    return SnapshotError(f"{file} is damaged: its checksum differs from the manifest's")


def sequence_of(name: str) -> int:
    """The sequence number in a snapshot folder's name, or -1 if it is not one."""
    match = _NAME.fullmatch(name)
    return -1 if match is None else int(match[1])


def is_whole(name: str) -> bool:
    """Whether a snapshot of this name holds the learner's state, not only what readers use."""
    return not name.endswith(VECTORS_ONLY)


def folders(folder: Path) -> list[Path]:
    """Folders in ``folder`` named like snapshots, newest first."""
    try:
        names = [path for path in folder.iterdir() if sequence_of(path.name) >= 0]
    except FileNotFoundError:
        return []
    except NotADirectoryError as error:
        raise SnapshotError(f"{folder} is a file, not a snapshot or a folder of some") from error
    except OSError as error:
        raise SnapshotError(f"{folder} cannot be listed: {error.strerror}") from error
    return sorted(names, key=lambda path: sequence_of(path.name), reverse=True)


def exists(path: Path) -> bool:
    """Whether something is at ``path``; SnapshotError if that cannot be told, as of no permission.

    ``Path.exists`` raises OSError then, or is False, depending on the version of Python.
    """
    return _mode(path) != 0


def is_file(path: Path) -> bool:
    """The same for a regular file."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """The same for a folder."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise SnapshotError(f"{path} cannot be read: {error.strerror}") from error


def read(path: Path) -> Snapshot:
    """Open the snapshot at ``path``, or the newest complete one if it is a folder of snapshots.

    Checks the manifest and every file's size, not the other checksums. Raises SnapshotError.
    """
    if sequence_of(path.name) >= 0 or exists(path / MANIFEST):
        return _open(path)
    found = newest(path)
    if found is None:
        if not exists(path):
            raise SnapshotError(f"{path} does not exist")
        for damaged in folders(path):
            try:
                _open(damaged)
            except SnapshotError as error:
                raise SnapshotError(f"{path} holds no complete snapshot: {error}") from error
        raise SnapshotError(f"{path} holds no snapshot")
    return found


def read_whole(path: Path) -> Snapshot:
    """The same for one that a learner can go on from: the newest such in a folder of snapshots."""
    is_one = sequence_of(path.name) >= 0 or exists(path / MANIFEST)
    if not is_one and (found := newest_whole(path)) is not None:
        return found
    opened = read(path)
    if not is_whole(opened.path.name):
        raise SnapshotError(f"{opened.path} holds vectors only: there is nothing to go on from")
    return opened


def read_with_output(path: Path) -> Snapshot:
    """The same as :func:`read` for one with output vectors: the newest such in a folder."""
    opened = read(path)
    is_folder = opened.path != path
    if not opened.has_output and is_folder:
        opened = next((found for found in _complete(path) if found.has_output), opened)
    if not opened.has_output:
        raise SnapshotError(f"{opened.path} holds vectors alone: scoring takes output vectors, too")
    return opened


def newest_name(folder: Path) -> str:
    """The name in LATEST, or else of the newest complete snapshot; empty if there is none.

    A cheap look before a real one.
    """
    if name := named_by_latest(folder):
        return name
    try:
        found = next(_complete(folder), None)
    except SnapshotError:
        return ""
    return "" if found is None else found.path.name


def named_by_latest(folder: Path) -> str:
    """The name in LATEST, empty if there is none."""
    try:
        name = (folder / LATEST).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return name if sequence_of(name) >= 0 and "/" not in name and "\0" not in name else ""


def newest(folder: Path) -> Snapshot | None:
    """The newest complete snapshot in a folder of snapshots, None if there is none."""
    tried = None
    while (name := named_by_latest(folder)) and name != tried:
        try:
            return _open(folder / name)
        except SnapshotError:
            tried = name  # deleted meanwhile, then LATEST names another one by now; or damaged
    # LATEST is a hint; where it does not help the folders themselves decide.
    return next(_complete(folder), None)


def newest_whole(folder: Path) -> Snapshot | None:
    """The newest complete one that a learner can go on from, None if there is none."""
    return next(_complete(folder, lambda path: is_whole(path.name)), None)


def _complete(
    folder: Path, is_wanted: Callable[[Path], bool] = lambda _: True
) -> Iterator[Snapshot]:
    """The complete snapshots in a folder of snapshots, newest first; others are not opened."""
    for path in filter(is_wanted, folders(folder)):
        try:
            found = _open(path)
        except SnapshotError:
            continue
        yield found


def _open(path: Path) -> Snapshot:
    file = path / MANIFEST
    try:
        text = file.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{file} cannot be read: {error.strerror}") from error
    manifest = parse_manifest(file, text)
    for name, expected in manifest["files"].items():
        try:
            size = (path / name).stat().st_size
        except OSError as error:
            raise SnapshotError(f"{path / name} cannot be read: {error.strerror}") from error
        if size != expected["bytes"]:
            raise SnapshotError(
                f"{path / name} has {size} bytes, not {expected['bytes']} as in the manifest"
            )
    return Snapshot(path, manifest)


def parse_manifest(file: Path, text: bytes) -> dict[str, Any]:
    """The manifest in ``text``; SnapshotError, naming ``file``, unless it can be relied on."""
    try:
        manifest = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SnapshotError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT_NAME:
        raise SnapshotError(f"{file} is not the manifest of a w2v-stream snapshot")
    version = manifest.get("format_version")
    if not isinstance(version, int) or version not in READABLE_VERSIONS:
        raise SnapshotError(
            f"{file} has format version {version!r}; this program reads versions "
            f"{' and '.join(map(str, READABLE_VERSIONS))}"
        )
    if version > 1 and manifest_sha256(text) != manifest.get("manifest_sha256", ""):
        raise SnapshotError(f"{file} is damaged: it does not match its own checksum")
    _check_files(file, manifest.get("files"))
    for section in ("config", "totals", "counters", "positions", "text"):
        if not isinstance(manifest.get(section, {}), dict):
            raise SnapshotError(f"{file} is damaged: {section} is not an object")
    return manifest


def _check_files(file: Path, files: Any) -> None:
    if not isinstance(files, dict) or not set(files) >= REQUIRED_FILES:
        raise SnapshotError(f"{file} does not list the files of a snapshot")
    for name, expected in files.items():
        if not _FILE_NAME.fullmatch(name):
            raise SnapshotError(f"{file} lists an impossible file {name!r}")
        if (
            not isinstance(expected, dict)
            or type(expected.get("bytes")) is not int
            or not isinstance(expected.get("sha256"), str)
            or not _is_place(expected.get("first_sum", 0))
        ):
            raise SnapshotError(f"{file} is damaged: it lacks size or checksum of {name}")
        if "first_sum" in expected and BLOCK_SUMS not in files:
            raise SnapshotError(f"{file} is damaged: it lists no {BLOCK_SUMS}")


def _is_place(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def manifest_sha256(text: bytes) -> str:
    """A manifest's checksum: of its bytes with the checksum's own digits replaced by zeros."""
    match = _MANIFEST_SHA256.search(text)
    if match is None:
        return "none"
    blank = text[: match.start(1)] + b"0" * 64 + text[match.end(1) :]
    return hashlib.sha256(blank).hexdigest()
