"""Bytes that are not what they seem: compressed, in UTF-16, cut, or followed by something else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.sources.file.content import Layered, open_content
from streamer.text.compression import RefusedError
from streamer.text.layers import Layers
from tests.streamer.followed import Reader

TEXT = "".join(
    f"word{number} caf\u00e9 \U0001f600 {number**7 % 1_000_003}\n" for number in range(5000)
)

LONG = "".join(f"{number} {number**7 % 1_000_000_007}\n" for number in range(200_000)).encode()

_PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda text: lzma.compress(text, lzma.FORMAT_ALONE),
    "zstd": zstandard.compress,
}
_WRITTEN: dict[str, Callable[[str], bytes]] = {
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 big": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-16 without a mark": lambda text: ("ASCII first\n" * 40 + text).encode("utf-16-le"),
    "utf-32": lambda text: text.encode("utf-32"),
    "utf-32 without a mark": lambda text: ("Latin h\u00e9llo\n" * 40 + text).encode("utf-32-le"),
    "utf-32 big": lambda text: ("Latin h\u00e9llo\n" * 40 + text).encode("utf-32-be"),
}


def _text_of(data: bytes, step: int = 1000) -> tuple[bytes, str]:
    layers = Layers()
    text = b"".join(layers.feed(data[at : at + step]) for at in range(0, len(data), step))
    rest, problem = layers.end()
    return text + rest, problem


@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("name", _PACKED)
def test_compressed_text_is_told_by_its_first_bytes(name: str, step: int) -> None:
    text = TEXT[:2000] if step == 1 else TEXT
    packed = _PACKED[name](text.encode())
    assert _text_of(packed, step) == (text.encode(), "")
    assert _text_of(packed + packed, step) == (2 * text.encode(), "")
    assert _text_of(packed + bytes(600), step) == (text.encode(), "")


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize("name", _PACKED)
def test_zeros_between_members_are_passed_however_they_are_cut(name: str, step: int) -> None:
    """As tapes and block devices fill them up, and xz may."""
    first, second = (_PACKED[name](text) for text in (b"first\n", b"second\n"))
    assert _text_of(first + bytes(512) + second + bytes(4), step) == (b"first\nsecond\n", "")


@pytest.mark.parametrize("step", [1, 7, 4096])
@pytest.mark.parametrize("name", _WRITTEN)
def test_text_in_other_encodings_becomes_utf_8(name: str, step: int) -> None:
    written = _WRITTEN[name](TEXT[:3000])
    text, problem = _text_of(written, step)
    assert text.endswith(TEXT[:3000].encode())
    assert not problem
    assert _text_of(gzip.compress(written), step) == (text, "")


@pytest.mark.parametrize("name", _PACKED)
def test_what_was_decompressed_before_damage_is_kept_and_the_rest_is_reported(name: str) -> None:
    text = LONG
    packed = _PACKED[name](text)
    cut, problem = _text_of(packed[: len(packed) * 3 // 4])
    assert text.startswith(cut)
    assert len(cut) > len(text) // 4
    assert "ends too early" in problem
    assert _text_of(packed + b"\r\n") == (text, f"something else follows the {name} data")
    assert _text_of(packed + b"something else\n")[0] == text
    damaged = bytearray(packed)
    damaged[-20:] = bytes(20)
    assert _text_of(bytes(damaged))[1] or name == "zstd"  # without a checksum it cannot be seen


def test_the_last_bytes_before_damage_are_not_lost_with_the_piece_they_came_in() -> None:
    first, second = b"good\n" * 10, TEXT.encode()
    packed = gzip.compress(first) + gzip.compress(second)
    at = len(gzip.compress(first)) + 5
    text, problem = _text_of(packed[:at] + b"\xff" * 200)
    assert text.startswith(first)
    assert problem


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), "7z x -so"),
        (b"\x04\x22\x4d\x18" + bytes(40), "lz4 -dc"),
        (b"PAR1\x15\x04" + bytes(40), "Parquet"),
        (b"\x1f\x9d\x90" + bytes(40), "zcat"),
        (b"SQLite format 3\0" + bytes(40), "SQLite"),
        (b"%PDF-1.7\n" + bytes(40), "pdftotext"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "an image"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "an image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "save it as text"),
        (b"PK\x03\x04" + bytes(40), "zip, .*--path.*funzip"),
    ],
)
def test_what_is_no_text_is_refused_with_what_to_do(data: bytes, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        Layers().feed(data)
    with pytest.raises(RefusedError, match=said):
        Layers().feed(gzip.compress(data))


def test_archives_are_not_learned_as_text() -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.log"), io.BytesIO())
    with pytest.raises(RefusedError, match="tar -xOf"):
        Layers().feed(archive.getvalue())


@pytest.mark.parametrize("text", [b"", b"B", b"PK", b"(a\n", b"BZh is a word\n", b"a\n", b"\xff\n"])
def test_text_that_begins_like_something_else_is_text(text: bytes) -> None:
    assert _text_of(text, 1) == (text, "")


@given(st.binary(max_size=300), st.integers(1, 50))
@settings(deadline=None)
def test_whatever_comes_the_text_does_not_depend_on_the_pieces(data: bytes, step: int) -> None:
    for packed in (data, gzip.compress(data), gzip.compress(data)[:-3] + data):
        try:
            whole = _text_of(packed, 1 << 20)
        except RefusedError:
            continue
        assert _text_of(packed, step) == whole


@pytest.mark.parametrize("name", [*_PACKED, *_WRITTEN])
def test_such_files_are_gone_on_from_in_the_middle(tmp_path: Path, name: str) -> None:
    text = "".join(f"line {number}\n" for number in range(200_000))
    write = _WRITTEN.get(name) or (lambda text: _PACKED[name](text.encode()))
    (tmp_path / "a.log").write_bytes(write(text))
    reader = Reader(tmp_path / "*.log")
    batch = reader.source.next_batch()
    assert batch is not None
    first = batch.records
    reader.position = batch.position
    reader.restart()
    rest = reader.read()
    assert 0 < first.count(b"\n") < 200_000
    lines = first.decode().splitlines() + rest
    assert lines[-200_000:] == text.splitlines()
    assert len(lines) <= 200_040


def test_utf_16_that_is_appended_to_is_followed(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes("one\n".encode("utf-16"))
    reader = Reader(log)
    assert reader.read() == ["one"]
    with log.open("ab") as writer:
        writer.write("tw\u00f6\nthr".encode("utf-16-le")[:-1])
    assert reader.read() == ["tw\u00f6"]
    reader.restart()
    with log.open("ab") as writer:
        writer.write("ree\n".encode("utf-16-le")[1:])
    assert reader.read() == ["three"]


def test_a_zip_archive_is_read_file_by_file_once_it_is_complete(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", "one\ntwo")
        archive.writestr("b.log", "three\n".encode("utf-16"))
    data = packed.getvalue()
    file = tmp_path / "logs.zip"
    file.write_bytes(data[:-30])
    reader = Reader(tmp_path / "*.zip")
    assert reader.read() == []
    file.write_bytes(data)
    assert reader.wait(5) == ["one", "two", "three"]
    reader.restart()
    assert reader.read() == []
    (tmp_path / "cut.zip").write_bytes(data[:-30])
    once = Reader(tmp_path / "cut.zip", follow=False)
    assert once.read() == []
    assert once.log.events == ["log_damaged"]


@pytest.mark.parametrize("kind", ["an image, not text", "encrypted"])
def test_a_member_of_a_zip_archive_that_is_not_read_is_named(tmp_path: Path, kind: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.log", "one\n")
        archive.writestr("b.log", b"\x89PNG\r\n\x1a\n" + bytes(40))
    data = packed.getvalue()
    if kind == "encrypted":
        place = data.rindex(b"PK\x01\x02") + 8  # of the flags of the last member
        data = data[:place] + b"\1" + data[place + 1 :]
    (tmp_path / "logs.zip").write_bytes(data)
    reader = Reader(tmp_path / "*.zip", follow=False)
    assert reader.read() == ["one"]
    assert reader.log.events == ["log_damaged"]
    assert f"b.log is {kind}" in str(reader.log.values[0]["reason"])


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_damage_in_a_zip_archive_is_reported_whatever_it_is_packed_by(
    tmp_path: Path, method: int
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("a.log", "one\n")
        archive.writestr("b.log", "".join(f"{number * 7919}\n" for number in range(400)))
    data = bytearray(packed.getvalue())
    place = data.rindex(b"PK\x03\x04") + 60
    data[place : place + 20] = bytes(20)
    (tmp_path / "logs.zip").write_bytes(data)
    (tmp_path / "next.log").write_text("two\n")
    reader = Reader(tmp_path / "*", follow=False)
    assert [line for line in reader.read() if line.isalpha()] == ["one", "two"]
    assert reader.log.events == ["log_damaged"]
    assert "in the zip archive, " in str(reader.log.values[0]["reason"])


def test_a_name_in_a_zip_archive_that_is_no_text_is_damage(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("é.log", "one\n")
    data = packed.getvalue().replace("é".encode(), b"\xe9x")
    (tmp_path / "logs.zip").write_bytes(data)
    reader = Reader(tmp_path / "logs.zip", follow=False)
    assert reader.read() == []
    assert reader.log.events == ["log_damaged"]


def test_files_that_are_no_text_are_reported_and_passed(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\x04\x22\x4d\x18" + bytes(40))
    (tmp_path / "b.log").write_text("one\n")
    reader = Reader(tmp_path / "*.log", follow=False)
    assert reader.read() == ["one"]
    assert reader.log.events == ["log_unreadable"]
    assert "lz4 -dc" in str(reader.log.values[0]["reason"])


@pytest.mark.parametrize("event", ["log_damaged", "log_unreadable"])
def test_each_file_that_gets_a_name_is_reported_once(tmp_path: Path, event: str) -> None:
    """Tomorrow's rotated file may be damaged, too."""
    log = tmp_path / "app.log"
    log.write_text("one\n")
    reader = Reader(tmp_path / "app.log*")
    reader.wait(5)
    for number in range(3):
        data = gzip.compress(f"{number}\n".encode()) + b"garbage"
        if event == "log_unreadable":
            data = b"\x04\x22\x4d\x18" + bytes(40)
        (tmp_path / "packed").write_bytes(data)
        (tmp_path / "packed").rename(tmp_path / "app.log.1.gz")
        reader.wait(10)
        assert reader.log.events == [event] * (number + 1)
        (tmp_path / "app.log.1.gz").rename(tmp_path / f"other{number}")


def test_little_that_becomes_much_is_not_held_whole(tmp_path: Path) -> None:
    """As the zeros before the text of a log that was truncated under its writer."""
    file = tmp_path / "app.log.1.zst"
    size = 128 << 20
    file.write_bytes(zstandard.compress(b"first\n" + bytes(size) + b"\nlast\n"))
    descriptor = os.open(file, os.O_RDONLY)
    try:
        content = open_content(descriptor)
        assert isinstance(content, Layered)
        assert content.read(0, 6) == b"first\n"
        assert len(content._text) <= size // 2
        assert content.text_bytes(1 << 40) == size + 12
        assert content.read(size + 7, 100) == b"last\n"
    finally:
        os.close(descriptor)


def test_compressed_data_whose_rest_does_not_come_is_missed_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamer.sources.file.logs._LATE_SECONDS", -1.0)
    (tmp_path / "a.gz").write_bytes(gzip.compress(TEXT.encode())[:-50])
    reader = Reader(tmp_path / "a.gz")
    assert len(reader.wait(5)) > 1000
    assert reader.log.events == ["log_damaged"]
