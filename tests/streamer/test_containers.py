"""Logs of container runtimes: what a container wrote comes out, long lines in one piece."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.text.containers import ContainerSplitter
from streamer.text.multiline import MultilineSplitter
from streamer.text.records import RecordSplitter
from tests.streamer.followed import Reader

_TIME = "2026-01-31T10:00:00.123456789Z"


def _cri(stream: str, tag: str, text: str) -> str:
    return f"{_TIME} {stream} {tag} {text}\n"


def _docker(stream: str, text: str) -> str:
    document = {"log": text, "stream": stream, "time": _TIME}
    return json.dumps(document, separators=(",", ":")) + "\n"


def _splitter(*, start: str = "", keeps_documents: bool = False) -> ContainerSplitter:
    inner = MultilineSplitter(1 << 20, 64, start) if start else RecordSplitter(1 << 20, 64)
    return ContainerSplitter(inner, 1 << 16, keeps_documents=keeps_documents)


def _records(text: str, step: int = 1 << 20, **options: object) -> list[str]:
    splitter = _splitter(**options)  # type: ignore[arg-type]
    data = text.encode()
    records = b"".join(splitter.feed(data[at : at + step]) for at in range(0, len(data), step))
    assert (records + splitter.flush()).endswith(b"\n")
    return records.decode().splitlines()


@pytest.mark.parametrize("step", [1, 10, 1 << 20])
@pytest.mark.parametrize(
    "text",
    [
        _cri("stdout", "F", "one two")
        + _cri("stdout", "P", "three fo")
        + _cri("stderr", "F", "error")
        + _cri("stdout", "P", "ur fi")
        + _cri("stdout", "F", "ve")
        + _cri("stdout", "F:tag", "last"),
        _docker("stdout", "one two\n")
        + _docker("stdout", "three fo")
        + _docker("stderr", "error\n")
        + _docker("stdout", "ur fi")
        + _docker("stdout", "ve\n")
        + _docker("stdout", "last\n"),
    ],
    ids=["cri", "docker"],
)
def test_parts_of_a_line_are_joined_and_the_rest_of_the_line_is_no_text(
    text: str, step: int
) -> None:
    assert _records(text, step) == ["one two", "three four five", "error", "last"]


def test_documents_of_docker_stay_whole_for_those_who_want_a_field_of_them() -> None:
    text = _docker("stdout", "fir") + _docker("stdout", "st\n")
    (record,) = _records(text, keeps_documents=True)
    assert json.loads(record) == {"log": "first\n", "stream": "stdout", "time": _TIME}


def test_other_lines_are_left_as_they_are() -> None:
    text = '{"log":"x"}\n' + _cri("stdout", "P", "not the first line")
    assert _records(text, 7) == text.splitlines()
    text = _cri("stdout", "F", "one") + "something else\n" + _cri("stdout", "F", "two")
    assert _records(text, 7) == ["one", "something else", "two"]


def test_a_part_whose_end_never_comes_is_given_on_before_too_much_is_held() -> None:
    text = _cri("stdout", "P", "begun") + _cri("stderr", "F", "x" * 1000) * 100
    records = _records(text)
    assert records[0] == "begun"
    assert len(records) == 101


def test_a_line_longer_than_the_limit_is_passed_in_pieces() -> None:
    text = _cri("stdout", "F", "one") + "word " * 20_000 + "\n" + _cri("stdout", "F", "two")
    records = _records(text, 1000)
    assert records[0] == "one"
    assert records[-1] == "two"
    assert sum(record.count("word") for record in records) == 20_000


def test_records_of_several_lines_are_told_by_what_the_container_wrote() -> None:
    lines = ["2026 a", "  b", "2027 c", "2028 d"]
    text = "".join(_cri("stdout", "F", line) for line in lines)
    assert _records(text, 5, start=r"\d{4}") == ["2026 a   b", "2027 c"]


_LINES = st.lists(
    st.tuples(
        st.sampled_from(["stdout", "stderr"]), st.sampled_from("FP"), st.text("ab 2", max_size=5)
    ),
    min_size=1,
    max_size=20,
)


@given(_LINES, st.integers(1, 200), st.booleans(), st.booleans())
@example([("stdout", "P", "2 a"), ("stderr", "F", "2 b"), ("stdout", "F", "a")], 200, False, True)
@example([("stdout", "P", "2 a"), ("stderr", "F", "2 b"), ("stdout", "F", "a")], 300, True, True)
@settings(deadline=None, max_examples=300)
def test_whoever_goes_on_at_a_position_gets_the_other_records(
    lines: list[tuple[str, str, str]], cut: int, is_docker: bool, is_multiline: bool
) -> None:
    """What was taken in but is pending is read again: nothing is lost, nothing comes twice."""
    form = {"F": "{}\n", "P": "{}"}
    data = "".join(
        _docker(stream, form[tag].format(text)) if is_docker else _cri(stream, tag, text)
        for stream, tag, text in lines
    ).encode()
    start = "2" if is_multiline else ""
    whole = _splitter(start=start)
    expected = whole.feed(data) + whole.flush()
    first = _splitter(start=start)
    records = first.feed(data[:cut])
    second = _splitter(start=start)
    at = min(cut, len(data)) - first.pending_bytes
    rest = second.feed(data[at:]) + second.flush()
    assert (records + rest).replace(b" ", b"") == expected.replace(b" ", b"")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (_cri("stdout", "F", "2026 " + "word " * 600), r"\d{4}"),
        (_cri("stdout", "F", "one") + "word " * 600, ""),
        (_cri("stdout", "F", "one") + "word " * 600 + "\n", r"\d{4}"),
    ],
    ids=["in a record of several lines", "not ended", "not the container's"],
)
def test_whoever_goes_on_within_a_line_longer_than_the_limit_gets_the_rest(
    text: str, start: str
) -> None:
    inner = MultilineSplitter(1000, 64, start) if start else RecordSplitter(1000, 64)
    first = ContainerSplitter(inner, 1000)
    records = first.feed(text.encode())
    second = _splitter(start=start)
    rest = text.encode()[len(text) - first.pending_bytes :]
    records += second.feed(rest) + second.flush()
    assert records.split().count(b"word") == 600


def test_files_of_containers_are_followed(tmp_path: Path) -> None:
    from streamer.sources.file.source import FileSource
    from tests.streamer.followed import Reports

    log = tmp_path / "0.log"
    log.write_text(_cri("stdout", "F", "one") + _cri("stdout", "P", "tw"))
    position: dict[str, object] = {}
    records = []
    for text in ("", _cri("stdout", "F", "o")):
        with log.open("a") as writer:
            writer.write(text)
        source = FileSource(
            [str(log)], follow=True, make_splitter=_splitter, position=position, log=Reports()
        )
        batch = source.next_batch()
        assert batch is not None
        records.append(batch.records)
        position = batch.position
        source.close()
    assert records == [b"one\n", b"two\n"]


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("is_docker", [False, True])
def test_a_line_that_a_rotation_came_into_is_one_record(
    tmp_path: Path, follow: bool, is_docker: bool
) -> None:
    """Whichever position a reader goes on from, also that of a batch between its parts."""
    form = {"F": "{}\n", "P": "{}"}

    def part(tag: str, text: str) -> str:
        if is_docker:
            return _docker("stdout", form[tag].format(text))
        return _cri("stdout", tag, text)

    log = tmp_path / "0.log"
    (tmp_path / "0.log.20260131-100000").write_text(part("F", "one") + part("P", "tw"))
    log.write_text(part("P", "o thr") + part("F", "ee") + part("F", "four"))
    reader = Reader(tmp_path / "0.log*", follow=follow, make_splitter=_splitter)
    assert reader.read() == ["one", "two three", "four"]
    if follow:
        reader.restart()
        assert reader.read() == []


def test_parts_of_a_line_are_read_again_from_the_file_before(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    log.write_text(_cri("stdout", "F", "one") + _cri("stdout", "P", "tw"))
    reader = Reader(log, make_splitter=_splitter)
    assert reader.read() == ["one"]
    log.rename(tmp_path / "0.log.20260131-100000")
    log.write_text(_cri("stdout", "P", "o "))
    batch = reader.source.next_batch()
    assert batch is not None
    assert batch.records == b""
    reader.position = batch.position
    reader.restart()
    with log.open("a") as writer:
        writer.write(_cri("stdout", "F", "three") + _cri("stdout", "F", "four"))
    assert reader.read() == ["two three", "four"]


def test_a_record_of_several_lines_goes_on_in_the_next_file(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text("2026 a\n  b\n")
    reader = Reader(log, make_splitter=lambda: MultilineSplitter(1 << 20, 64, r"\d{4}"))
    assert reader.read() == []
    log.rename(tmp_path / "app.log.1")
    log.write_text("  c\n2027 d\n")
    assert reader.read() == ["2026 a   b   c"]


def test_what_comes_late_in_a_rotated_file_ends_the_line_that_went_on(tmp_path: Path) -> None:
    """A position cannot lie before what comes next in one file and behind it in the other."""
    log = tmp_path / "0.log"
    log.write_text(_cri("stdout", "P", "one "))
    reader = Reader(log, make_splitter=_splitter)
    with log.open("a") as writer:
        reader.read()
        log.rename(tmp_path / "0.log.20260131-100000")
        log.write_text(_cri("stdout", "P", "two "))
        reader.source.next_batch()
        writer.write(_cri("stdout", "F", "late"))
        writer.flush()
        batch = reader.source.next_batch()
        assert batch is not None
        assert batch.records == b"one two \nlate\n"
    reader.position = batch.position
    reader.restart()
    with log.open("a") as writer:
        writer.write(_cri("stdout", "F", "three"))
    assert reader.read() == ["three"]


def test_a_part_that_comes_late_waits_for_the_rest_in_its_own_file(tmp_path: Path) -> None:
    """The next file was read already; after a restart the part is read again."""
    log = tmp_path / "0.log"
    log.write_text(_cri("stdout", "F", "one"))
    reader = Reader(log, make_splitter=_splitter)
    with log.open("a") as writer:
        reader.source.next_batch()
        log.rename(tmp_path / "0.log.20260131-100000")
        log.write_text(_cri("stdout", "F", "two"))
        batch = reader.source.next_batch()
        assert batch is not None
        assert batch.records == b"two\n"
        writer.write(_cri("stdout", "P", "la"))
        writer.flush()
        batch = reader.source.next_batch()
        assert batch is not None
        reader.position = batch.position
        reader.restart()
        writer.write(_cri("stdout", "F", "te"))
    assert reader.read() == ["late"]
