"""Which file is which: by device and inode, whatever their names, and copies by what they hold."""

from __future__ import annotations

import errno
import gzip
import os
import random
import resource
import shutil
from pathlib import Path

import pytest

from streamer.config.settings import RunSettings
from streamer.errors import ConfigurationError
from streamer.sources.batching import READ_BYTES
from streamer.sources.file import descriptors
from streamer.sources.file.kind import KIND
from streamer.sources.file.logs import GONE_SECONDS, RotatedLog
from streamer.sources.file.names import Generation
from streamer.sources.file.search import is_named
from tests.streamer.followed import Reader


def _append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


_ROTATED = [
    "app-2026-01-31T10-00-00.000.log",  # Go's lumberjack
    "app.2026-01-31.log",  # logback, pino
    "app-01-31-2026-1.log",  # log4j
    "app_old.log",  # nobody's rule
    "@400000004a0f2b3c1234abcd.s.log",
]


@pytest.mark.parametrize("name", _ROTATED)
@pytest.mark.parametrize("down", [False, True])
def test_a_log_renamed_within_the_pattern_is_read_once(
    tmp_path: Path, name: str, down: bool
) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    reader = Reader(tmp_path / "*.log")
    assert reader.read() == ["one"]
    _append(log, "two\n")
    log.rename(tmp_path / name)
    log.write_text("three\n")
    if down:
        reader.restart()
    assert sorted(reader.wait(5)) == ["three", "two"]
    _append(tmp_path / name, "late\n")
    assert reader.wait(5) == ["late"]
    reader.restart()
    assert reader.wait(5) == []
    assert "log_lost" not in reader.log.events


def test_the_file_of_the_day_is_followed_where_none_has_the_bare_name(tmp_path: Path) -> None:
    """As rotatelogs and cronolog write them."""
    (tmp_path / "access.20260131").write_text("one\n")
    reader = Reader(tmp_path / "access.*")
    assert reader.read() == ["one"]
    (tmp_path / "access.20260201").write_text("two\n")
    assert reader.wait(5) == ["two"]
    _append(tmp_path / "access.20260201", "three\n")
    assert reader.read() == ["three"]
    reader.restart()
    (tmp_path / "access.20260202").write_text("four\n")
    assert reader.wait(5) == ["four"]
    with gzip.open(tmp_path / "access.20260131.gz", "wb") as packed:
        packed.write(b"one\n")
    (tmp_path / "access.20260131").unlink()
    assert reader.wait(20) == []
    assert not any(event.startswith("log_") for event in reader.log.events)


@pytest.mark.parametrize("has_base", [False, True])
def test_numbered_files_that_are_all_written_are_all_followed(
    tmp_path: Path, has_base: bool
) -> None:
    """Even if they begin with the same line, and even if one has the bare name."""
    names = ["app.8080", "app.8081"] + ["app"] * has_base
    for name in names:
        (tmp_path / name).write_text(f"started {name}\n")
    reader = Reader(tmp_path / "app*")
    lines = reader.wait(10)
    assert sorted(lines) == sorted(f"started {name}" for name in names)
    for round_ in range(3):
        for name in names:
            _append(tmp_path / name, f"{name} {round_}\n")
        if round_ == 1:
            reader.restart()
        assert sorted(reader.wait(5)) == sorted(f"{name} {round_}" for name in names)
    (tmp_path / "app.8082").write_text("started\n")
    assert reader.wait(5) == ["started"]
    _append(tmp_path / "app.8082", "more\n")
    assert reader.wait(5) == ["more"]


def test_a_file_with_several_names_is_read_once(tmp_path: Path) -> None:
    """Links beside their targets, hard links, and links to folders above."""
    logs = tmp_path / "logs"
    (logs / "deep").mkdir(parents=True)
    (logs / "app-2026-01-31.log").write_text("one\n")
    (logs / "current.log").symlink_to("app-2026-01-31.log")
    os.link(logs / "app-2026-01-31.log", logs / "deep" / "hard.log")
    (logs / "deep" / "up").symlink_to("..")
    (logs / "loop.log").symlink_to("loop.log")
    reader = Reader(logs / "**" / "*.log", logs / "*.log")
    assert reader.wait(5) == ["one"]
    (logs / "app-2026-02-01.log").write_text("two\n")
    (logs / "current.log").unlink()
    (logs / "current.log").symlink_to("app-2026-02-01.log")
    assert reader.wait(5) == ["two"]


@pytest.mark.parametrize("down", [False, True])
def test_a_link_that_is_led_elsewhere_is_followed_there(tmp_path: Path, down: bool) -> None:
    """Nothing of the old file is lost, although only the link is named."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    link = tmp_path / "current.log"
    (tmp_path / "a" / "x").write_text("one\n")
    link.symlink_to("a/x")
    reader = Reader(link)
    assert reader.read() == ["one"]
    _append(tmp_path / "a" / "x", "two\n")
    (tmp_path / "b" / "y").write_text("three\n")
    link.unlink()
    link.symlink_to("b/y")
    if down:
        reader.restart()
    assert reader.wait(5) == ["two", "three"]
    _append(tmp_path / "a" / "x", "late\n")
    assert reader.wait(5) == ["late"]
    assert reader.log.events == []


@pytest.mark.parametrize("down", [False, True])
def test_a_log_in_a_folder_that_a_link_leads_to_is_read_to_its_end(
    tmp_path: Path, down: bool
) -> None:
    """As a deployment leads ``current`` to the next release."""
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    (tmp_path / "current").symlink_to("1")
    log = tmp_path / "1" / "app.log"
    log.write_text("one\n")
    reader = Reader(tmp_path / "current" / "app.log")
    assert reader.read() == ["one"]
    _append(log, "two\n")
    (tmp_path / "2" / "app.log").write_text("three\n")
    (tmp_path / "next").symlink_to("2")
    (tmp_path / "next").rename(tmp_path / "current")
    if down:
        reader.restart()
    assert reader.wait(5) == ["two", "three"]
    _append(log, "late\n")
    reader.restart()
    assert reader.wait(5) == ["late"]
    assert reader.log.events == []


def test_what_other_runs_read_is_remembered_while_it_is_there(tmp_path: Path) -> None:
    """Runs on one file after another continue one model, and lines are learned once."""
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_text("a1\n")
    second.write_text("b1\n")
    reader = Reader(first, follow=False)
    assert reader.read() == ["a1"]
    reader.patterns = (second,)
    reader.restart()
    assert reader.read() == ["b1"]
    first.write_text("a1\na2\n")
    reader.patterns = (tmp_path / "*.log",)
    reader.restart()
    assert reader.read() == ["a2"]
    reader.patterns = (second,)
    first.unlink()
    reader.restart()
    assert reader.read() == []
    assert list(reader.position) == [str(second)]


def test_a_name_that_names_nothing_is_told_although_others_name_something(tmp_path: Path) -> None:
    """It may be misspelt; a name is refused, a pattern that matches nothing is warned of."""
    there, lost, pattern = tmp_path / "jan.log", tmp_path / "mrach.log", tmp_path / "feb*.log"
    there.write_text("a\n")
    reader = Reader(there, pattern, follow=False)
    assert "pattern_unmatched" in reader.log.events
    assert reader.log.values[0]["pattern"] == str(pattern)
    assert "pattern_unmatched" not in Reader(there, pattern).log.events  # it may come
    lost.symlink_to(tmp_path / "nowhere")
    for names in ((there, lost), (there, tmp_path / "locked" / "b.log")):
        settings = RunSettings(path=tuple(map(str, names)))
        with pytest.raises(ConfigurationError, match="there is no such file"):
            KIND.refuse(settings)
        assert any(str(names[1]) in finding.message for finding in KIND.findings(settings, None))
    KIND.refuse(RunSettings(path=(str(there), str(lost)), follow=True))
    KIND.refuse(RunSettings(path=(str(there), str(pattern))))


@pytest.mark.parametrize("way", ["link", "up", "moved"])
def test_a_log_that_is_named_by_another_path_is_read_on(tmp_path: Path, way: str) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "app.log").write_text("one\n")
    (folder / "app.log.1").write_text("zero\n")
    reader = Reader(folder / "app.log*")
    assert reader.read() == ["zero", "one"]
    _append(folder / "app.log", "two\n")
    (folder / "new.log").write_text("three\n")
    other = tmp_path / "other"
    if way == "link":
        other.symlink_to("logs")
    elif way == "up":
        other = tmp_path / "logs" / ".." / "logs"
    else:
        folder.rename(other)
    reader.patterns = (other / "*.log*",)
    reader.restart()
    assert sorted(reader.wait(5)) == ["three", "two"]
    reader.restart()
    assert reader.wait(5) == []


@pytest.mark.parametrize("down", [False, True])
def test_a_log_replaced_by_a_longer_copy_goes_on_where_it_was(tmp_path: Path, down: bool) -> None:
    """As rsync, editors and sed -i do: another inode, the same beginning."""
    log = tmp_path / "app.log"
    log.write_text("one\n")
    reader = Reader(log)
    assert reader.read() == ["one"]
    for line in ("two", "three"):
        copy = tmp_path / ".app.log.x"
        copy.write_text(log.read_text() + f"{line}\n")
        copy.rename(log)
        if down:
            reader.restart()
        assert reader.wait(5) == [line]
    _append(log, "four\n")
    assert reader.wait(5) == ["four"]


def test_a_log_written_anew_in_place_goes_on_where_it_was(tmp_path: Path) -> None:
    """An editor empties a file for a moment."""
    log = tmp_path / "app.log"
    log.write_text("one\n")
    reader = Reader(log)
    assert reader.read() == ["one"]
    log.write_text("")
    assert (batch := reader.source.next_batch()) is not None
    assert batch.records == b""
    log.write_text("one\ntwo\n")
    assert reader.wait(5) == ["two"]
    assert "log_truncated" not in reader.log.events


def test_a_log_replaced_by_something_else_is_read_anew_and_that_is_said(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    reader = Reader(log)
    assert reader.read() == ["one"]
    (tmp_path / "new").write_text("two\n")
    (tmp_path / "new").rename(log)
    assert reader.wait(5) == ["two"]
    assert reader.log.events == ["log_replaced"]


def test_deleted_files_are_let_go_of_and_forgotten(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"pod{number}.log").write_text(f"{number}\nunfinished")
    reader = Reader(tmp_path / "*.log")
    assert len(reader.read()) == 20
    for file in tmp_path.glob("*.log"):
        file.unlink()
    assert reader.wait(GONE_SECONDS + 5) == ["unfinished"] * 20
    assert reader.position == {}
    assert not [link for link in Path("/proc/self/fd").iterdir() if "pod" in os.path.realpath(link)]
    (tmp_path / "pod1.log").write_text("again\n")
    assert reader.wait(5) == ["again"]
    reader.restart()
    assert "log_lost" not in reader.log.events


def test_an_inode_that_was_given_to_another_file_is_no_old_acquaintance(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\n")
    (tmp_path / "b.log").write_text("kept\n")
    reader = Reader(tmp_path / "*.log")
    assert sorted(reader.read()) == ["kept", "one"]
    (marks,) = [marks for path, marks in reader.position.items() if path.endswith("a.log")]
    (tmp_path / "a.log").unlink()
    (tmp_path / "c.log").write_text("two\n")
    marks[0]["inode"] = (tmp_path / "c.log").stat().st_ino
    reader.restart()
    assert reader.wait(5) == ["two"]


def test_space_reserved_for_what_will_be_written_is_no_text(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"one\n" + bytes(700_000))
    reader = Reader(log)
    assert reader.read() == ["one"]
    with log.open("r+b") as writer:
        writer.seek(4)
        writer.write(b"two\nthr")
        writer.flush()
        assert reader.read() == ["two"]
        reader.restart()
        writer.write(b"ee\n")
        writer.flush()
        assert reader.read() == ["three"]
        writer.truncate(writer.tell())
    assert reader.read() == []


@pytest.mark.parametrize("down", [False, True])
def test_zeros_before_a_line_are_passed(tmp_path: Path, down: bool) -> None:
    """A writer that keeps its place leaves a hole when its file is truncated."""
    log = tmp_path / "app.log"
    with log.open("wb") as writer:
        writer.write(b"one\n" * 1000)
        writer.flush()
        reader = Reader(log)
        assert len(reader.read()) == 1000
        os.truncate(log, 0)
        if down:
            reader.restart()
        reader.wait(1)
        writer.write(b"two\n")
        writer.flush()
        assert reader.wait(2) == ["two"]
        reader.restart()
        writer.write(b"three\n")
        writer.flush()
    assert reader.wait(2) == ["three"]


@pytest.mark.parametrize("name", [b"caf\xe9.log", b"app[1].log", b"a*b?.log"])
def test_names_may_be_anything(tmp_path: Path, name: bytes) -> None:
    log = tmp_path / os.fsdecode(name)
    log.write_text("one\n")
    (tmp_path / "app1.log").write_text("another\n")
    reader = Reader(log)
    assert reader.read() == ["one"]
    reader.restart()
    _append(log, "two\n")
    assert reader.read() == ["two"]


def test_brackets_in_the_name_of_a_folder_do_not_hide_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "x[1]").mkdir()
    (tmp_path / "x[1]" / "a.log").write_text("one\n")
    assert Reader(tmp_path / "x[1]" / "*.log", follow=False).read() == ["one"]


@pytest.mark.parametrize("folders", [("**",), ("web[1]",), ("web[1]", "**")])
def test_a_log_that_is_only_there_rotated_is_read_on_whatever_the_pattern(
    tmp_path: Path, folders: tuple[str, ...]
) -> None:
    """A pattern matches a name that is missing as it would match it if it were there."""
    log = tmp_path / "web[1]" / "app.log" if "web[1]" in folders else tmp_path / "app.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("one\n")
    reader = Reader(tmp_path.joinpath(*folders, "*.log"))
    assert reader.read() == ["one"]
    _append(log, "two\n")
    log.rename(log.with_name("app.log.1"))
    reader.restart()
    assert reader.wait(5) == ["two"]


@pytest.mark.parametrize(
    ("path", "pattern", "fits"),
    [
        ("/a/x.log", "/a/*.log", True),
        ("/a/b/x.log", "/a/*.log", False),
        ("/a/x.log", "/a/**/*.log", True),
        ("/a/b/c/x.log", "/a/**/*.log", True),
        ("/a/b/c/x.log", "/a/**/c/**", True),
        ("/a/.b/x.log", "/a/**/*.log", False),
        ("/a/.x.log", "/a/**", False),
        ("/a/.x.log", "/a/.*", True),
        ("/a/b[1]/x.log", "/a/b[1]/*.log", True),
        ("/a/b1/x.log", "/a/b[1]/*.log", True),
        ("/a", "/a/**", False),
    ],
)
def test_a_pattern_fits_what_it_would_find(path: str, pattern: str, fits: bool) -> None:
    assert is_named(Path(path), [pattern]) == fits


def test_what_is_no_file_is_refused_or_passed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.log")
    (tmp_path / "folder.log").mkdir()
    (tmp_path / "app.log").write_text("one\n")
    with pytest.raises(ConfigurationError, match=r"a pipe, not a file; .*run <"):
        Reader(tmp_path / "pipe.log")
    with pytest.raises(ConfigurationError, match=r"a folder; .*/\*\.log'"):
        Reader(tmp_path / "folder.log")
    with pytest.raises(ConfigurationError, match="a device"):
        Reader(Path("/dev/null"))
    reader = Reader(tmp_path / "*.log")
    assert reader.read() == ["one"]
    (tmp_path / "app.log").unlink()
    os.mkfifo(tmp_path / "app.log")
    assert reader.wait(GONE_SECONDS + 5) == []


def test_a_descriptor_that_has_become_useless_is_replaced(tmp_path: Path) -> None:
    """As after a server of NFS was restarted: ESTALE."""
    log = tmp_path / "app.log"
    log.write_text("one\n")
    reader = Reader(log)
    assert reader.read() == ["one"]
    (tail,) = reader.source._logs[log]._tails
    useless = os.open(tmp_path, os.O_RDONLY)  # reading a folder fails
    os.dup2(useless, tail._descriptor)
    os.close(useless)
    _append(log, "two\n")
    assert reader.wait(2) == ["two"]
    assert reader.log.events == ["log_unreadable"]


@pytest.mark.parametrize(
    ("number", "event"),
    [(errno.EMFILE, "too_few_descriptors"), (errno.EIO, "log_unreadable")],
)
def test_a_file_that_cannot_be_opened_is_reported_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, event: str
) -> None:
    log = tmp_path / "app.log"
    log.write_text("one\n")
    opened = os.open

    def refuse(path: object, *args: int) -> int:
        if path == log:
            raise OSError(number, os.strerror(number))
        return opened(path, *args)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(os, "open", refuse)
    reader = Reader(log)
    assert reader.read() == []
    assert (reader.log.events, reader.log.values[0]["reason"]) == ([event], os.strerror(number))
    monkeypatch.setattr(os, "open", opened)
    assert reader.read() == ["one"]


def test_as_many_files_as_allowed_are_open_and_the_others_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        (tmp_path / f"pod{number:02d}.log").write_text(f"{number}\n")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (150, 150))
    reader = Reader(tmp_path / "*.log")
    assert descriptors.file_budget() == 22
    assert len(reader.read()) == 22
    assert reader.log.events == ["too_few_descriptors"]
    for number in range(18):
        (tmp_path / f"pod{number:02d}.log").unlink()
    assert len(reader.wait(GONE_SECONDS + 5)) == 18


def test_the_time_of_a_search_is_that_of_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not their square: each file is asked about at its own log."""
    for number in range(40):
        (tmp_path / f"pod{number:02d}.log").write_text(f"{number}\n")
    reader = Reader(tmp_path / "*.log")
    assert len(reader.read()) == 40
    asked = 0
    owns = RotatedLog.owns

    def count(log: RotatedLog, file: Generation) -> bool:
        nonlocal asked
        asked += 1
        return owns(log, file)

    monkeypatch.setattr(RotatedLog, "owns", count)
    assert reader.source._search(reader.now + 10) == b""
    assert asked == 40


def test_a_token_as_long_as_a_file_does_not_keep_signals_waiting(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("a" * (8 * READ_BYTES) + "\nend\n")
    reader = Reader(log, follow=False)
    batches = []
    while (batch := reader.source.next_batch()) is not None:
        batches.append(batch.records)
    assert batches[0] == b""
    assert b"".join(batches).endswith(b"a\nend\n")


def test_the_soft_limit_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(256, 4096)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted))
    assert descriptors.file_budget() == 4096 - 128
    assert limits[-1] == (4096, 4096)


def test_a_copy_that_is_being_made_is_not_read_beside_its_original(tmp_path: Path) -> None:
    """copytruncate of a large log: the copy is there for long before the log is truncated."""
    log, copy = tmp_path / "app.log", tmp_path / "app.log.1"
    lines = [f"line {number}" for number in range(3000)]
    log.write_text("\n".join(lines) + "\n")
    reader = Reader(tmp_path / "app.log*")
    assert reader.read() == lines
    for size in (10, 5000, 20_000):
        copy.write_bytes(log.read_bytes()[:size])
        assert reader.wait(5) == []
    shutil.copy(log, copy)
    assert reader.wait(5) == []
    _append(log, "more\n")
    shutil.copy(log, copy)
    os.truncate(log, 0)
    _append(log, "new\n")
    assert reader.wait(5) == ["more", "new"]


def test_positions_of_older_versions_are_gone_on_from(tmp_path: Path) -> None:
    """They named only the files that were being read."""
    for name, text in [("x.20260130", "1\n"), ("x.20260131", "2\n"), ("y.log.1", "3\n")]:
        (tmp_path / name).write_text(text)
    (tmp_path / "y.log").write_text("4\n")
    for age, name in enumerate(["x.20260131", "x.20260130"]):
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    reader = Reader(tmp_path / "*")
    assert len(reader.wait(5)) == 4
    old = {}
    for log, file in [("x", "x.20260131"), ("y.log", "y.log")]:
        marks = [
            mark
            for marks in reader.position.values()
            for mark in marks
            if mark["path"].endswith(file)
        ]
        kept = {k: v for k, v in marks[0].items() if k not in ("path", "is_aside", "bytes")}
        old[str(tmp_path / log)] = [kept]
    reader.position = old
    reader.restart()
    assert reader.wait(5) == []
    _append(tmp_path / "x.20260131", "5\n")
    (tmp_path / "x.20260201").write_text("6\n")
    _append(tmp_path / "y.log", "7\n")
    assert sorted(reader.wait(5)) == ["5", "6", "7"]


@pytest.mark.parametrize("seed", range(12))
def test_a_random_rotator_makes_no_line_lost_or_repeated(tmp_path: Path, seed: int) -> None:
    """Renamed, copied and truncated, compressed, replaced by copies, linked; read and killed."""
    chance = random.Random(seed)
    logs = tmp_path / "logs"
    logs.mkdir()
    kinds = ["app.log", "web-8080", "web-8081", "day.20260101"]
    current = {kind: logs / kind for kind in kinds}
    reader = Reader(logs / "*")
    written: list[str] = []
    for step in range(120):
        kind = chance.choice(kinds)
        log = current[kind]
        what = chance.choice(["write", "write", "write", "read", "rotate", "kill", "link"])
        if what == "write":
            written.append(f"{kind} {step}")
            _append(log, f"{kind} {step}\n")
        elif what == "read":
            reader.wait(chance.choice([1, 4]))
        elif what == "kill":
            reader.restart()
        elif what == "link":
            link = logs / f"link-{kind}"
            link.unlink(missing_ok=True)
            link.symlink_to(log.name)
        elif log.exists():
            _rotate_at_random(chance, kind, current, step)
    reader.wait(15)
    assert sorted(reader.lines) == sorted(written)


def _rotate_at_random(
    chance: random.Random, kind: str, current: dict[str, Path], step: int
) -> None:
    log = current[kind]
    if kind == "day.20260101":
        current[kind] = log.with_name(f"day.{20260102 + step}")
        return
    if chance.random() < 0.3:  # by a longer copy of itself
        copy = log.with_name(f".{log.name}.x")
        shutil.copy(log, copy)
        copy.rename(log)
        return
    for number in range(40, 0, -1):
        for suffix in ("", ".gz"):
            old = log.with_name(f"{log.name}.{number}{suffix}")
            if old.exists():
                old.rename(log.with_name(f"{log.name}.{number + 1}{suffix}"))
    if chance.random() < 0.3:
        shutil.copy(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)
    else:
        log.rename(log.with_name(f"{log.name}.1"))
    second = log.with_name(f"{log.name}.2")
    if second.exists() and chance.random() < 0.5:
        with gzip.open(f"{second}.gz", "wb") as packed:
            packed.write(second.read_bytes())
        shutil.copystat(second, f"{second}.gz")
        second.unlink()


def test_what_was_deleted_meanwhile_is_lost_only_if_it_was_not_read_to_its_end(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.log").write_text("one\n")
    (tmp_path / "b.log").write_text("line\n" * 200_000)
    reader = Reader(tmp_path / "*.log")
    batch = reader.source.next_batch()
    assert batch is not None
    early = batch.position
    reader.read()
    for file in tmp_path.glob("*.log"):
        file.unlink()
    reader.restart()
    reader.source.next_batch()
    assert reader.log.events == ["log_gone", "log_gone"]
    reader.position = early
    reader.restart()
    reader.source.next_batch()
    assert reader.log.events[2:].count("log_lost") == 1
