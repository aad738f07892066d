"""Snapshots of a URL: listed, copied and deleted, whatever its name and whoever else copies."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from streamer.checkpoints.folder import SnapshotFolder
from streamer.errors import ConfigurationError
from w2v_online import LearnerConfig, OnlineWord2Vec, load_vectors
from w2v_online.errors import SnapshotError
from w2v_online.snapshots.remote import RemoteFolder, local_folder
from w2v_online.snapshots.retention import Retention


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that copies are kept in."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def _store(url: str, n: int = 1) -> list[Path]:
    """Write ``n`` snapshots to a URL, as a daemon does; their paths on this machine."""
    folder = SnapshotFolder(url)
    model = OnlineWord2Vec(LearnerConfig(vector_size=3, min_count=1))
    paths = []
    for _ in range(n):
        model.learn([["a", "b"]])
        paths.append(model.snapshot(folder.path))
        folder.store(paths[-1])
    return paths


@pytest.mark.parametrize("name", ["a[b]c", "a*", "a?", "[!a]*[", "{a}**", "plain"])
@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_a_url_is_no_pattern(tmp_path: Path, scheme: str, name: str) -> None:
    """Its snapshots are found, kept, loaded and deleted, and no others."""
    url = f"{scheme}://{tmp_path}/away/{name}"
    others = [f"{scheme}://{tmp_path}/away/{other}" for other in ("ab", "abc")]
    for other in others:
        _store(other)
    paths = _store(url, 3)
    folder = RemoteFolder(url)
    assert folder.names() == [path.name for path in reversed(paths)]
    assert SnapshotFolder(url, is_held=True).holds_words
    assert [path.exists() for path in paths] == [True] * 3
    assert load_vectors(url).counts.tolist() == [3, 3]
    folder.prune(Retention(keep=1))
    assert folder.names() == [paths[-1].name]
    left = folder._files.find(str(folder._root), withdirs=True)
    assert {Path(found).name for found in left} >= {"LATEST", paths[-1].name}
    assert not [found for found in left if paths[0].name in found or paths[1].name in found]
    assert [len(RemoteFolder(other).names()) for other in others] == [1, 1]


def test_what_interrupted_uploads_and_deletions_left_is_deleted(tmp_path: Path) -> None:
    """Unless it is newer than the newest complete snapshot: that may be under way."""
    url = f"memory://{tmp_path}/away"
    paths = _store(url, 5)
    folder = RemoteFolder(url)
    files, names = folder._files, [f"{folder._root}/{path.name}" for path in paths]
    for name in (names[0], names[2], names[4]):
        files.rm_file(f"{name}/manifest.json")
    folder.prune(Retention(keep=2))
    left = files.find(str(folder._root))
    assert folder.names() == [paths[3].name, paths[1].name]
    assert [any(file.startswith(name) for file in left) for name in names] == [
        False, True, False, True, True,
    ]  # fmt: skip


def test_copies_that_were_interrupted_do_not_stay(tmp_path: Path, cache: Path) -> None:
    """Those of killed readers are deleted by a later one; one that is under way is not."""
    url = f"file://{tmp_path}/away"
    (path,) = _store(url)
    folder = local_folder(url, "read")
    old, new = folder / f".writing-{path.name}.old", folder / f".writing-{path.name}.new"
    for copy in (old, new, folder / f".deleting-{path.name}"):
        copy.mkdir(parents=True)
        (copy / "vectors.npy").write_bytes(b"half")
        if copy != new:
            os.utime(copy, (0, 0))
    load_vectors(url)
    assert {copy.name for copy in folder.iterdir()} == {path.name, new.name, "LATEST"}


def test_without_a_place_for_copies_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container whose file system is read-only."""
    url = f"file://{tmp_path}/away"
    _store(url)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SnapshotError, match=r"cannot be made: Not a directory; .*XDG_CACHE_HOME"):
        load_vectors(url)


def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon does not start then, and the copies on this machine stay."""
    url = f"file://{tmp_path}/away"
    (path,) = _store(url)

    def refuse(*_args: object, **_options: object) -> Any:
        raise PermissionError("access denied")

    monkeypatch.setattr(type(RemoteFolder(url)._files), "ls", refuse)
    with pytest.raises(ConfigurationError, match=r"--snapshot-dir: file:.*away: access denied"):
        SnapshotFolder(url, is_held=True)
    assert path.is_dir()


@pytest.mark.parametrize("purpose", ["read", "write"])
@pytest.mark.parametrize("damage", ["cut", "gone", "cut manifest"])
def test_a_damaged_copy_is_replaced(tmp_path: Path, purpose: str, damage: str) -> None:
    """By the intact snapshot in the store: readers load it, and a daemon starts."""
    url = f"file://{tmp_path}/away"
    (path,) = _store(url)
    load_vectors(url)
    copy = local_folder(url, purpose) / path.name
    file = copy / ("manifest.json" if damage == "cut manifest" else "vectors.npy")
    content = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(content[:-1])
    if purpose == "read":
        assert load_vectors(url).path == copy
    else:
        SnapshotFolder(url, is_held=True)
    assert file.read_bytes() == content


@pytest.mark.parametrize("lies_there", ["nothing", "damaged", "another history"])
def test_several_may_copy_one_snapshot_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lies_there: str
) -> None:
    """All of them load it, and a copy that one has opened is not replaced by another's."""
    url = f"file://{tmp_path}/away"
    (path,) = _store(url)
    copy = local_folder(url, "read") / path.name
    if lies_there != "nothing":
        load_vectors(url)
        file = copy / ("vectors.npy" if lies_there == "damaged" else "manifest.json")
        file.write_bytes(b"other")
    all_download, first_is_done = threading.Barrier(3), threading.Event()
    download = RemoteFolder._download_files

    def together(folder: RemoteFolder, manifest: Any, name: str, temporary: Path) -> None:
        all_download.wait(timeout=30)
        download(folder, manifest, name, temporary)
        if threading.current_thread().name != "first":
            assert first_is_done.wait(timeout=30)

    monkeypatch.setattr(RemoteFolder, "_download_files", together)
    loaded: list[tuple[Path, int, list[int]]] = []

    def run() -> None:
        found = load_vectors(url)
        loaded.append((found.path, found.path.stat().st_ino, found.counts.tolist()))
        if threading.current_thread().name == "first":
            first_is_done.set()

    threads = [threading.Thread(target=run, name=name) for name in ("first", "second", "third")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loaded == [(copy, copy.stat().st_ino, [1, 1])] * 3
    assert {found.name for found in copy.parent.iterdir()} == {copy.name, "LATEST"}
