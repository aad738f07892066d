"""Files as a source: every line once, across rotation, truncation, compression and restarts."""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.alerts.alert import alert_id
from streamer.errors import ConfigurationError
from streamer.sources.file.aside import GRACE_SECONDS
from streamer.sources.file.names import bases, generations
from streamer.sources.file.source import FileSource
from streamer.text.records import RecordSplitter
from tests.streamer.followed import Reader, Reports

_SECONDS = itertools.count(1)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n")
    return path


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def _rotate(log: Path, keep: int = 30) -> None:
    """Rename app.log to app.log.1 and so on, as logrotate does."""
    for number in range(keep, 0, -1):
        for suffix in ("", ".gz"):
            rotated = log.with_name(f"{log.name}.{number}{suffix}")
            if rotated.exists():
                rotated.rename(log.with_name(f"{log.name}.{number + 1}{suffix}"))
    log.rename(log.with_name(f"{log.name}.1"))


def _empty(log: Path) -> None:
    """An empty file of some age: the clock of file systems does not tell two quick writes apart."""
    log.write_text("")
    seconds = next(_SECONDS)
    os.utime(log, (seconds, seconds))


def _compress(path: Path) -> None:
    with path.open("rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    shutil.copystat(path, f"{path}.gz")
    path.unlink()


def test_a_file_is_read_once_and_what_is_appended_later(log: Path) -> None:
    reader = Reader(log, follow=False)
    assert reader.read() == ["one", "two"]
    reader.restart()
    assert reader.read() == []
    _append(log, "three\nunfinished")
    reader.restart()
    assert reader.read() == ["three", "unfinished"]


def test_a_begun_line_waits_for_its_end_when_followed(log: Path) -> None:
    reader = Reader(log)
    _append(log, "thr")
    assert reader.read() == ["one", "two"]
    reader.restart()
    _append(log, "ee\n")
    assert reader.read() == ["three"]


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("compressed", [False, True])
def test_files_rotated_meanwhile_are_read_in_order(log: Path, down: bool, compressed: bool) -> None:
    """Three rotations between two looks, also while no process runs."""
    reader = Reader(log)
    reader.read()
    for number in range(3):
        _append(log, f"before {number}\n")
        _rotate(log)
        log.write_text(f"after {number}\n")
    if compressed:
        for number in (2, 3):
            _compress(log.with_name(f"app.log.{number}"))
    if down:
        reader.restart()
    expected = [f"{when} {number}" for number in range(3) for when in ("before", "after")]
    assert reader.read() == expected
    assert [mark["is_aside"] for mark in reader.position[str(log)]].count(False) == 1


@pytest.mark.parametrize(
    ("older", "newer"),
    [("app.2.log.gz", "app.1.log"), ("app.log-202512.gz", "app.log-202601")],
)
def test_files_rotated_while_nothing_ran_are_found_by_their_names(
    log: Path, older: str, newer: str
) -> None:
    """As logrotate names them with ``extension``, and every month."""
    reader = Reader(log)
    assert reader.read() == ["one", "two"]
    _append(log, "three\n")
    log.with_name(older).write_bytes(gzip.compress(log.read_bytes()))
    os.utime(log.with_name(older), (1, 1))
    log.unlink()
    log.with_name(newer).write_text("four\n")
    os.utime(log.with_name(newer), (2, 2))
    log.write_text("five\n")
    log.with_name("app.8081.log").write_text("of somebody else\n")
    reader.restart()
    assert reader.read() == ["three", "four", "five"]
    assert not [event for event in reader.log.events if event.startswith("log_")]


def test_a_rotated_file_is_read_until_its_writer_lets_go(log: Path) -> None:
    """A line written there late comes after the new file's first ones, the unfinished one last."""
    reader = Reader(log)
    reader.read()
    with log.open("a") as writer:
        _rotate(log)
        log.write_text("new\n")
        batch = reader.source.next_batch()
        assert batch is not None
        assert batch.records == b"new\n"
        writer.write("late\nlast")
    reader.position = batch.position
    reader.restart()
    assert reader.read() == ["late", "last"]


@pytest.mark.parametrize("down", [False, True])
def test_truncation_after_a_copy_loses_nothing(log: Path, down: bool) -> None:
    """As logrotate's copytruncate does; the new text may be longer than the old one."""
    reader = Reader(log)
    reader.read()
    _append(log, "three\n")
    shutil.copy(log, log.with_name("app.log.1"))
    os.truncate(log, 0)
    _append(log, "four\n" * 10)
    if down:
        reader.restart()
    assert reader.read() == ["three", *["four"] * 10]
    assert "log_lost" not in reader.log.events


def test_truncation_without_a_copy_is_said(log: Path) -> None:
    reader = Reader(log)
    reader.read()
    log.write_text("x\n")
    assert reader.read() == ["x"]
    assert reader.log.events == ["log_truncated"]
    log.write_text("yy\n" * 9)
    reader.restart()
    assert reader.read() == ["yy"] * 9
    assert reader.log.events == ["log_truncated", "log_lost"]


def test_a_pattern_reads_logs_with_their_rotated_files_oldest_first(tmp_path: Path) -> None:
    for name, text in [("b.log.2", "1\n"), ("b.log.1", "2\n"), ("b.log", "3\n"), ("a.log", "0\n")]:
        (tmp_path / name).write_text(text)
    _compress(tmp_path / "b.log.2")
    reader = Reader(tmp_path / "*.log*", follow=False)
    assert reader.read() == ["0", "1", "2", "3"]
    (tmp_path / "c.log").write_text("4\n")
    reader.restart()
    assert reader.read() == ["4"]


def test_new_files_of_a_followed_pattern_are_found(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "*.log")
    assert reader.read() == []
    assert reader.log.events == ["waiting_for_file"]
    (tmp_path / "a.log").write_text("1\n")
    (tmp_path / "b.log").write_text("2\n")
    assert reader.read() == ["1", "2"]
    _rotate(tmp_path / "a.log")
    (tmp_path / "a.log").write_text("3\n")
    assert reader.read() == ["3"]


def test_a_damaged_gzip_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Its name is logged, and the files after it are read."""
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"line\n" * 100_000)[:-200])
    (tmp_path / "b").write_text("plain\n")
    reader = Reader(tmp_path / "*", follow=False)
    lines = reader.read()
    assert lines[-1] == "plain"
    assert reader.log.events == ["log_damaged"]


def test_nothing_to_read_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        Reader(tmp_path / "nothing", follow=False)


@pytest.mark.parametrize("position", [{"x": 1}, {"x": [{}]}, {"x": [1]}, [1], {"x": [None]}])
def test_a_senseless_position_is_named(log: Path, position: Any) -> None:
    with pytest.raises(ConfigurationError, match="position"):
        FileSource(
            [str(log)],
            follow=False,
            make_splitter=lambda: RecordSplitter(1 << 20, 64),
            position=position,
            log=Reports(),
        )


_STEPS = ["write", "write", "rotate", "compress", "read", "kill"]


@given(st.lists(st.sampled_from(_STEPS), max_size=25), st.booleans())
@settings(deadline=None, max_examples=60)
def test_whatever_happens_to_a_log_no_line_is_lost_or_repeated(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], by_copy: bool
) -> None:
    """Between two looks anything may happen to the files, any number of times."""
    log = tmp_path_factory.mktemp("logs") / "app.log"
    _empty(log)
    reader = Reader(log)
    reader.read()
    written = 0
    for step in [*steps, "write", "read"]:
        if step == "write":
            _append(log, f"line {written}\n")
            written += 1
        elif step == "rotate":
            copy = shutil.copy(log, log.with_name("copy")) if by_copy else log
            _rotate(log)
            if by_copy:
                log.with_name("app.log.1").rename(log)
                copy.rename(log.with_name("app.log.1"))
            _empty(log)
        elif step == "compress":
            if log.with_name("app.log.2").exists():
                _compress(log.with_name("app.log.2"))
        elif step == "read":
            reader.read()
        else:
            reader.restart()
    assert reader.lines == [f"line {number}" for number in range(written)]


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("app.log", "app.log"),
        ("app.log.1", "app.log"),
        ("app.log.12.gz", "app.log"),
        ("app.log-20260131", "app.log"),
        ("app.log-20260131.gz", "app.log"),
        ("app.log.2026-01-31", "app.log"),
        ("app.log.2026-01-31.0.xz", "app.log"),
        ("0.log.20260131-100000", "0.log"),
        ("app-2026-01-31T10-00-00.000.log", "app.log"),
        ("app-01-31-2026-1.log.gz", "app.log"),
        ("app.1.log", "app.log"),
        ("app.12.log.gz", "app.log"),
        ("app.8081.log", "app.8081.log"),
        ("app.log-202601.gz", "app.log"),
        ("app-2026-01.log", "app.log"),
        ("app-2026-13.log", "app-2026-13.log"),
        ("log20260131_001.txt", "log.txt"),
        ("@400000004a0f2b3c1234abcd.s", "current"),
        ("app.8080", "app"),
        ("2026-01-31.log", "2026-01-31.log"),
        ("wiki.001", "wiki.001"),
        ("part-1", "part-1"),
        (".1", ".1"),
    ],
)
def test_rotated_names_lead_to_their_log(name: str, log: str) -> None:
    found = bases(Path("/x") / name)
    assert (found[0] if found else Path("/x") / name) == Path("/x") / log


def test_files_named_by_date_are_in_the_order_of_their_last_change(tmp_path: Path) -> None:
    names = ["app.log-20260201", "app.log-20260101.gz", "app.log"]
    for age, name in enumerate(reversed(names)):
        (tmp_path / name).write_text("x")
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    (tmp_path / "app.log-20260201.gz").write_text("being compressed")
    os.utime(tmp_path / "app.log-20260101.gz", (1, 1))
    (tmp_path / "app.logger").write_text("another")
    found = [file.path.name for file in generations(tmp_path / "app.log")]
    assert found == ["app.log-20260101.gz", "app.log-20260201", "app.log"]


def test_several_files_and_patterns_are_read_and_each_line_once(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c,d.txt"):
        (tmp_path / name).write_text(f"{name}\n")
    reader = Reader(tmp_path / "*.log", tmp_path / "a.log", tmp_path / "c,d.txt", follow=False)
    assert reader.read() == ["a.log", "b.log", "c,d.txt"]
    reader.restart()
    assert reader.read() == []


def test_a_line_is_told_with_its_file_and_number(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("1\n2\n")
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(b"3\n4\nb\xffd\n"))
    (tmp_path / "c.log").write_text("5\n")
    reader = Reader(tmp_path / "*", follow=False)
    batch = reader.source.next_batch()
    assert batch is not None
    assert batch.places is not None
    begin = batch.records.index
    found = [batch.places.at(begin(line)) for line in (b"b\xffd", b"5", b"2")]
    assert [(origin["file"], origin["line"], origin["byte"]) for origin in found] == [
        (f"{tmp_path}/b.log.gz", 3, 4),
        (f"{tmp_path}/c.log", 1, 0),
        (f"{tmp_path}/a.log", 2, 2),
    ]


def _ids(reader: Reader) -> dict[str, str]:
    """What alerts of the lines that come would be known by; the reader's position stays."""
    ids = {}
    idle = 0
    while idle <= 4 * GRACE_SECONDS and (batch := reader.source.next_batch()) is not None:
        idle = 0 if batch.records else idle + 1
        begin = 0
        for line in batch.records.splitlines(keepends=True):
            assert batch.places is not None
            ids[line.decode().rstrip()] = alert_id(batch.places.at(begin), line)
            begin += len(line)
    return ids


def _copy_and_truncate(log: Path) -> None:
    shutil.copy(log, f"{log}.1")
    os.truncate(log, 0)


def _rotate_and_compress(log: Path) -> None:
    log.rename(f"{log}.1")
    log.touch()
    _compress(log.with_name(f"{log.name}.1"))


@pytest.mark.parametrize("rotate", [_copy_and_truncate, _rotate_and_compress])
@pytest.mark.parametrize("is_old", [False, True])
def test_a_line_is_known_by_the_same_id_in_a_copy(
    log: Path, rotate: Callable[[Path], None], is_old: bool
) -> None:
    """When it is read again after a crash, since which the log was copied or compressed."""
    reader = Reader(log)
    reader.read()
    _append(log, "three\nfour\n")
    ids = _ids(reader)
    assert list(ids) == ["three", "four"]
    rotate(log)
    if is_old:
        for marks in reader.position.values():
            for mark in marks:
                del mark["first_inode"]
    reader.restart()
    assert _ids(reader) == ids


def test_a_line_is_known_by_the_same_id_in_a_copy_of_a_copy(log: Path) -> None:
    """A checkpoint in a copy tells what the copy was made of."""
    reader = Reader(log)
    reader.read()
    inode = log.stat().st_ino
    copy = log.with_name("app.log.1")
    _append(log, "three\n")
    _copy_and_truncate(log)
    reader.restart()
    assert reader.read() == ["three"]
    _append(copy, "four\n")
    _compress(copy)
    reader.restart()
    assert _ids(reader) == {"four": alert_id({"inode": inode, "byte": 14}, b"four\n")}


def test_a_line_is_known_by_the_same_id_if_its_file_is_truncated_while_it_is_read(
    log: Path,
) -> None:
    """The rest, which is read in the copy, belongs to the file that was copied."""
    reader = Reader(log)
    reader.read()
    inode = log.stat().st_ino
    _append(log, "three\n")
    _copy_and_truncate(log)
    _append(log, "four\n")
    found = _ids(reader)
    assert found == {
        "three": alert_id({"inode": inode, "byte": 8}, b"three\n"),
        "four": alert_id({"inode": inode, "byte": 0}, b"four\n"),
    }
    reader.restart()
    assert _ids(reader) == found
