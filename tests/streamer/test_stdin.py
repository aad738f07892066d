"""Standard input: whatever comes through a pipe."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.errors import ConfigurationError, SourceError
from streamer.sources.stdin.known import KnownBeginning
from streamer.sources.stdin.source import StdinSource, check_stdin
from streamer.text.records import RecordSplitter
from tests.streamer.followed import Reports

_TEXT = b"".join(b"line %d\n" % number for number in range(2000))


class Pipe:
    """A source at one end, what is written at the other."""

    def __init__(self, known: dict[str, Any] | None = None) -> None:
        self.reading, self.writing = os.pipe()
        self.log = Reports()
        self.source = StdinSource(
            RecordSplitter(1 << 20, 64), self.reading, known=known, log=self.log
        )

    def end(self, data: bytes) -> bytes:
        """All records of what is written now and then ends."""
        os.write(self.writing, data)
        os.close(self.writing)
        self.writing = -1
        records = b""
        while (batch := self.source.next_batch()) is not None:
            records += batch.records
        return records

    def close(self) -> None:
        for descriptor in (self.reading, self.writing):
            if descriptor >= 0:
                os.close(descriptor)


@pytest.fixture
def pipes() -> Iterator[list[Pipe]]:
    opened: list[Pipe] = []
    yield opened
    for pipe in opened:
        pipe.close()


def _pipe(pipes: list[Pipe], known: dict[str, Any] | None = None) -> Pipe:
    pipes.append(Pipe(known))
    return pipes[-1]


def test_compressed_and_encoded_input_is_read_as_text(pipes: list[Pipe]) -> None:
    assert _pipe(pipes).end(gzip.compress(_TEXT)) == _TEXT
    assert _pipe(pipes).end(_TEXT.decode().encode("utf-16")) == _TEXT


def test_the_same_text_compressed_otherwise_is_known_again(pipes: list[Pipe]) -> None:
    first = _pipe(pipes)
    assert first.end(_TEXT[:8998]) == _TEXT[:8998] + b"\n"
    again = _pipe(pipes, first.source.position)
    assert again.end(gzip.compress(_TEXT)) == _TEXT[8998:]


def test_what_comes_before_damage_is_read_and_the_rest_reported(pipes: list[Pipe]) -> None:
    pipe = _pipe(pipes)
    records = pipe.end(gzip.compress(_TEXT)[:-100])
    assert _TEXT.startswith(records[:-1])
    assert len(records) > 1000
    assert pipe.log.events == ["input_damaged"]
    trailing = _pipe(pipes)
    assert trailing.end(gzip.compress(_TEXT) + b"\r\n") == _TEXT
    assert trailing.log.events == ["input_damaged"]


def test_what_is_no_text_ends_the_run_with_what_to_do(pipes: list[Pipe]) -> None:
    with pytest.raises(SourceError, match="standard input is zip, not text"):
        _pipe(pipes).end(b"PK\x03\x04" + bytes(40))


def test_a_descriptor_that_cannot_be_read_ends_the_run(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT)
    try:
        source = StdinSource(RecordSplitter(1 << 20, 64), descriptor)
        with pytest.raises(SourceError, match="standard input cannot be read: Bad file"):
            source.next_batch()
    finally:
        os.close(descriptor)


def test_a_folder_or_nothing_as_standard_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(ConfigurationError, match="is a folder"):
        check_stdin(folder)
    os.close(folder)
    monkeypatch.setattr("sys.__stdin__", None)
    with pytest.raises(ConfigurationError, match="is closed"):
        check_stdin()


def test_a_bad_record_is_told_by_its_number(pipes: list[Pipe]) -> None:
    pipe = _pipe(pipes)
    os.write(pipe.writing, b"1\n2\n")
    first = pipe.source.next_batch()
    os.write(pipe.writing, b"3\n4\n")
    second = pipe.source.next_batch()
    assert first is not None
    assert second is not None
    assert second.places is not None
    assert second.places.at(2) == {"source": "stdin", "byte": 6, "line": 4}


def test_a_line_that_was_begun_is_read_when_the_run_is_to_stop(pipes: list[Pipe]) -> None:
    """Even if so little came that it could have been anything."""
    pipe = _pipe(pipes)
    os.write(pipe.writing, b"B")
    batch = pipe.source.next_batch()
    assert batch is not None
    assert batch.records == b""
    last = pipe.source.stop()
    assert last is not None
    assert last.records == b"B\n"
    assert last.position["bytes"] == 1
    assert pipe.source.stop() is None


@pytest.mark.parametrize("step", [1, 7, 5000])
def test_a_known_beginning_is_compared_however_it_is_cut(step: int) -> None:
    """Only what follows it is new; another one is refused, and so is one that ends too early."""
    text, known_bytes = _TEXT[:3000], 1000
    position = {
        "bytes": known_bytes - 10,
        "checked_bytes": known_bytes,
        "crc32": zlib.crc32(text[:known_bytes]),
    }
    known = KnownBeginning(position)
    assert _feed(known, text, step) == text[known_bytes - 10 :]
    known.end()
    with pytest.raises(SourceError, match="not those"):
        _feed(KnownBeginning(position), b"x" + text, step)
    short = KnownBeginning(position)
    short.rest(text[: known_bytes - 1])
    with pytest.raises(SourceError, match="ended after 999 bytes"):
        short.end()


def _feed(known: KnownBeginning, text: bytes, step: int) -> bytes:
    return b"".join(known.rest(text[at : at + step]) for at in range(0, len(text), step))


def test_little_that_becomes_much_is_read_a_little_at_a_time(tmp_path: Path) -> None:
    file = tmp_path / "app.log.gz"
    size = 32 << 20
    file.write_bytes(gzip.compress(b"first\n" + bytes(size) + b"\nlast\n"))
    descriptor = os.open(file, os.O_RDONLY)
    try:
        source = StdinSource(RecordSplitter(1 << 20, 64), descriptor)
        batch = source.next_batch()
        assert batch is not None
        assert batch.position["checked_bytes"] <= size // 2
        records = batch.records
        while (batch := source.next_batch()) is not None:
            records += batch.records
        assert records.split(b"\n")[::2] == [b"first", b"last"]
        assert source.position["bytes"] == size + 12
    finally:
        os.close(descriptor)


def test_few_bytes_that_are_no_text_are_told_when_the_run_is_to_stop(pipes: list[Pipe]) -> None:
    """So few that it was not decided before what they are."""
    pipe = Pipe()
    pipes.append(pipe)
    os.write(pipe.writing, b"7z\xbc\xaf\x27\x1c")
    assert pipe.source.next_batch() is not None
    with pytest.raises(SourceError, match="standard input is 7z, not text"):
        pipe.source.stop()
