"""What happens to files while they are looked at, or between a deletion and the next look."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from streamer.sources.file import files, search
from streamer.sources.file.names import Generation, generations
from tests.streamer.followed import Reader


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.parametrize("down", [False, True])
def test_a_file_that_was_given_the_inode_of_another_logs_deleted_one_is_read(
    tmp_path: Path, down: bool
) -> None:
    a, b = tmp_path / "a.log", tmp_path / "b.log"
    for log in (a, b):
        log.write_text(f"{log.name} 1\n")
    reader = Reader(tmp_path / "*")
    reader.wait(5)
    a.rename(tmp_path / "a.log.1")
    a.write_text("a.log 2\n")
    assert reader.wait(5) == ["a.log 2"]
    for known in reader.source._logs[a]._aside._known:  # as if a.log.1 had been deleted
        (tmp_path / "a.log.1").unlink(missing_ok=True)
        _append(b, "b.log 2\n")
        b.rename(tmp_path / "b.log.1")
        b.write_text("b.log 3\n")
        object.__setattr__(known.mark, "inode", b.stat().st_ino)
    if down:
        batch = reader.source.next_batch()
        assert batch is not None
        reader.lines += batch.records.decode().splitlines()
        reader.position = batch.position
        reader.restart()
    reader.wait(5)
    assert reader.lines == ["a.log 1", "b.log 1", "a.log 2", "b.log 2", "b.log 3"]


def test_a_copy_that_is_renamed_while_it_is_looked_for_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, copy = tmp_path / "app.log", tmp_path / "app.log.1"
    log.write_text("one\n" * 10)
    reader = Reader(log)
    reader.read()
    _append(log, "two\n")
    shutil.copy(log, copy)
    os.truncate(log, 0)
    _append(log, "three\n")

    def listed_before_it_was_renamed(path: Path) -> list[Generation]:
        found = generations(path)
        if copy.exists():
            copy.rename(tmp_path / "app.log.2")
        return found

    monkeypatch.setattr(files, "generations", listed_before_it_was_renamed)
    assert reader.read() == ["two", "three"]
    assert reader.log.values == [{"path": str(log), "copy_found": True}]


def test_a_log_that_is_renamed_while_it_is_looked_at_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    reader = Reader(log)
    reader.read()

    def was_there(_log: files.LogFiles) -> bool:
        is_there = log.exists()
        if is_there:
            log.rename(tmp_path / "app.log.1")
        return is_there

    monkeypatch.setattr(files.LogFiles, "exists", property(was_there))
    reader.wait(3)
    monkeypatch.undo()
    log.write_text("two\n")
    assert reader.wait(3) == ["two"]


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_copy_that_is_there_when_reading_begins_is_not_read_beside_its_original(
    tmp_path: Path, is_whole: bool
) -> None:
    log, copy = tmp_path / "app.log", tmp_path / "app.log.1"
    log.write_text("one\ntwo\n")
    copy.write_text("one\ntwo\n" if is_whole else "one\nt")
    reader = Reader(tmp_path / "app.log*")
    assert reader.read() == ["one", "two"]
    shutil.copy(log, copy)
    os.truncate(log, 0)
    _append(log, "three\n")
    assert reader.wait(5) == ["three"]


def test_a_log_that_was_truncated_and_renamed_at_once_is_read_once(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n" * 10)
    reader = Reader(log)
    reader.read()
    _append(log, "two\n")
    shutil.copy(log, tmp_path / "app.log.1")
    os.truncate(log, 0)
    _append(log, "three\n")
    log.rename(tmp_path / "app-2026-01-31T10-00-00.000.log")
    log.write_text("four\n")
    assert sorted(reader.wait(5)) == ["four", "three", "two"]


def test_a_log_that_was_rotated_until_nothing_known_was_left_is_reported_lost(
    tmp_path: Path,
) -> None:
    """Nobody can tell what the deleted files held after what was read."""
    log, old = tmp_path / "app.log", tmp_path / "app.log.1"
    log.write_text("one\n")
    reader = Reader(log)
    reader.read()
    for number in range(3):
        log.rename(old)
        log.write_text(f"{number}\n")
    reader.restart()
    assert reader.read() == ["1", "2"]
    assert reader.log.events == ["log_lost"]
    assert reader.log.values == [{"path": str(log), "after_byte": 4}]


def test_a_link_stands_for_the_file_beside_it_that_came_after_the_folder_was_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it were a log of its own, and a copy that replaces the file were read by both."""
    log, link = tmp_path / "app.log", tmp_path / "link-to-app"
    log.write_text("one\n")
    link.symlink_to(log.name)
    monkeypatch.setattr(search, "expand", lambda _pattern, _report: iter([link]))
    reader = Reader(tmp_path / "*")
    assert reader.read() == ["one"]
    monkeypatch.undo()
    reader.wait(3)
    shutil.copy(log, tmp_path / ".new")
    _append(tmp_path / ".new", "two\n")
    (tmp_path / ".new").rename(log)
    assert reader.wait(5) == ["two"]
    assert list(reader.position) == [str(log)]
