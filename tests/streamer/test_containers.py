"""Logs of container runtimes: what a container wrote comes out, long lines in one piece."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.text.containers import ContainerSplitter
from streamer.text.multiline import MultilineSplitter
from streamer.text.records import RecordSplitter

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
