"""Folders and descriptors that cannot be looked at for a while: each line is learned once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from streamer.errors import ConfigurationError
from streamer.sources.file.kind import FileKind
from streamer.sources.file.logs import GONE_SECONDS
from streamer.sources.file.settings import FileSettings
from tests.streamer.followed import Reader

_FAILURES = [errno.EACCES, errno.ESTALE]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.log.1").write_text("old\n")
    (tmp_path / "app.log").write_text("one\ntwo\n")
    return tmp_path


def _refuse(number: int, wrapped: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    def refuse(path: Any, *args: Any, **options: Any) -> Any:
        if not isinstance(path, int) and folder in [Path(path), *Path(path).parents]:
            raise OSError(number, os.strerror(number))
        return wrapped(path, *args, **options)

    return refuse


def _hide(monkeypatch: pytest.MonkeyPatch, folder: Path, number: int) -> None:
    """Let all calls fail that look into a folder; files that are open stay so."""
    for name in ("stat", "lstat", "scandir", "open"):
        monkeypatch.setattr(os, name, _refuse(number, getattr(os, name), folder))


@pytest.mark.parametrize("number", _FAILURES)
@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_folder_that_cannot_be_looked_into_for_a_while_is_not_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, pattern: str, restarts: bool
) -> None:
    reader = Reader(folder / pattern)
    assert reader.read() == ["old", "one", "two"][pattern == "app.log" :]
    with monkeypatch.context() as patched:
        _hide(patched, folder, number)
        if restarts:
            reader.restart()
        assert reader.wait(GONE_SECONDS + 5) == []
        assert set(reader.log.events) == {"log_unreadable"}
    with (folder / "app.log").open("a") as log:
        log.write("three\n")
    assert reader.wait(5) == ["three"]
    assert set(reader.log.events) == {"log_unreadable"}


def test_files_that_cannot_be_looked_at_are_not_forgotten_without_follow(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(folder / "app.log", folder / "app.log.1", follow=False)
    assert reader.read() == ["one", "two", "old"]
    with monkeypatch.context() as patched:
        _hide(patched, folder, errno.EACCES)
        reader.restart()
        assert reader.read() == []
    reader.restart()
    assert reader.read() == []


def test_a_folder_that_cannot_be_listed_is_followed_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its mode is 711: who knows a name may open it."""
    monkeypatch.setattr(os, "scandir", _refuse(errno.EACCES, os.scandir, folder))
    log = folder / "app.log"
    reader = Reader(log)
    assert reader.read() == ["one", "two"]
    reader.restart()
    assert reader.read() == []
    log.rename(folder / "app.log.1")
    log.write_text("three\n")
    assert reader.read() == ["three"]
    reader.restart()
    assert reader.read() == []


def test_a_link_into_a_closed_folder_is_refused_with_the_reason(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path_factory.mktemp("links") / "link.log"
    link.symlink_to(folder / "app.log")
    followed = os.stat

    def refuse(path: Any, *args: Any, **options: Any) -> Any:
        if (
            not isinstance(path, int)
            and Path(path) == link
            and options.get("follow_symlinks", True)
        ):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return followed(path, *args, **options)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        FileKind().refuse(FileSettings(source="file", path=(str(link),)))


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_log_that_a_server_deleted_leaves_a_stale_descriptor(
    folder: Path, monkeypatch: pytest.MonkeyPatch, packed: bool, replaced: bool
) -> None:
    """Every call with it fails, and the file cannot be opened again."""
    log = folder / "app.log"
    if packed:
        log.write_bytes("one\ntwo\n".encode("utf-16"))
    reader = Reader(log)
    assert reader.read() == ["one", "two"]
    (tail,) = reader.source._logs[log]._tails
    stale = tail._descriptor
    log.unlink()
    if replaced:
        log.write_text("three\n")
    with monkeypatch.context() as patched:
        for name in ("fstat", "pread"):
            patched.setattr(os, name, _refuse_descriptor(stale, getattr(os, name)))
        assert reader.wait(1) == (["three"] if replaced else [])
        assert reader.log.events[0] == "log_unreadable"
        assert reader.read() == []
    assert reader.wait(GONE_SECONDS + 5) == []
    log.write_text("three\nfour\n")
    assert reader.wait(5) == (["four"] if replaced else ["three", "four"])


def _refuse_descriptor(stale: int, wrapped: Callable[..., Any]) -> Callable[..., Any]:
    def refuse(file: int, *args: Any) -> Any:
        if file == stale:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return wrapped(file, *args)

    return refuse
