"""Compressed text: recognised by its first bytes, decompressed as it comes.

Knows formats and bytes, nothing of files or pipes. Several members in a row are one text, as
``cat a.gz b.gz`` makes them. What was decompressed before damage is good; the rest is not.
"""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zstandard

SNIFF_BYTES = 512
"""How much of a beginning tells the format; tar has its mark at byte 257."""

_PIECE_BYTES = 1 << 10
"""Compressed bytes taken at a time: few become much, and a damaged piece is lost whole."""


class RefusedError(Exception):
    """What came is no text, and is not made text here; the message says what to do."""


@dataclass(frozen=True)
class Format:
    """A way of compressing: ``make`` gives an object with the interface of Python's own."""

    name: str
    magic: re.Pattern[bytes]
    make: Callable[[], Any] | None = None
    advice: str = ""

    @property
    def is_archive(self) -> bool:
        """Whether it needs a file that can be read in any order."""
        return self.name == "zip"


def _format(
    name: str, magic: bytes, make: Callable[[], Any] | None = None, advice: str = ""
) -> Format:
    return Format(name, re.compile(magic, re.DOTALL), make, advice)


_FORMATS = [
    _format("gzip", rb"\x1f\x8b\x08", lambda: zlib.decompressobj(wbits=31)),
    _format("bzip2", rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", bz2.BZ2Decompressor),
    _format("xz", rb"\xfd7zXZ\x00", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ)),
    _format(
        "lzma",
        rb"\x5d\x00\x00..(?:\xff{8}|.{5}\x00{3})",
        lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE),
    ),
    _format(
        "zstd",
        rb"(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)",
        lambda: zstandard.ZstdDecompressor().decompressobj(),
    ),
    _format(
        "zip",
        rb"PK\x03\x04",
        advice="name the file itself (--path), or pipe it through funzip",
    ),
    _format("an empty zip archive", rb"PK\x05\x06"),
    _format("lz4", rb"\x04\x22\x4d\x18", advice="pipe it through lz4 -dc"),
    _format("compress (.Z)", rb"\x1f\x9d", advice="pipe it through zcat"),
    _format("lzip", rb"LZIP[\x00\x01]", advice="pipe it through lzip -dc"),
    _format("lzop", rb"\x89LZO\x00", advice="pipe it through lzop -dc"),
    _format("snappy", rb"\xff\x06\x00\x00sNaPpY", advice="decompress it first"),
    _format("7z", rb"7z\xbc\xaf\x27\x1c", advice="pipe it through 7z x -so"),
    _format("rar", rb"Rar!\x1a\x07", advice="pipe it through unrar p -inul"),
    _format("tar", rb".{257}ustar", advice="pipe it through tar -xOf"),
    _format("systemd journal", rb"LPKSHHRH", advice="pipe it through journalctl -o cat --file"),
    _format("Parquet", rb"PAR1[\x00-\x1f]", advice="write its text as lines first"),
    _format("ORC", rb"ORC[\x00-\x1f]", advice="write its text as lines first"),
    _format("Avro", rb"Obj\x01", advice="write its text as lines first"),
    _format("SQLite", rb"SQLite format 3\x00", advice="write its text as lines first"),
    _format("HDF5", rb"\x89HDF", advice="write its text as lines first"),
    _format("an Office document", rb"\xd0\xcf\x11\xe0\xa1\xb1", advice="save it as text first"),
    _format("an image", rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a"),
    _format("PDF", rb"%PDF-\d", advice="pipe it through pdftotext"),
    _format("program (ELF)", rb"\x7fELF"),
]
_FIRST_BYTES = frozenset(
    b"\x1fB\xfd\x28\x50\x04L\x89\xff7RPOS%\x7f\xd0G" + bytes(range(0x50, 0x60))
)


def format_of(head: bytes) -> Format | None:
    """The format of what begins so, None for text."""
    return next((known for known in _FORMATS if known.magic.match(head)), None)


def may_be_compressed(head: bytes) -> bool:
    """Whether so few bytes may be the beginning of a mark that tells a format."""
    return 0 < len(head) < 16 and head[0] in _FIRST_BYTES and b"\n" not in head


def refusal(found: Format) -> str:
    """What to say of a format that is not read."""
    return f"is {found.name}, not text" + (f"; {found.advice}" if found.advice else "")


class Decompressor:
    """Members of one format, a piece at a time.

    ``problem`` says what is wrong with what came, empty if nothing is; nothing after that is
    decompressed. Zeros behind the last member are padding.
    """

    def __init__(self, found: Format) -> None:
        self._format = found
        self._member: Any = None
        self._is_first = True
        self._rest = b""
        self.problem = ""

    @property
    def is_whole(self) -> bool:
        """Whether what came so far ends where a member ends."""
        return self._member is None and not self._rest

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return what they decompress to, as far as that is known."""
        text = bytearray()
        for start in range(0, len(data), _PIECE_BYTES):
            if self.problem:
                break
            text += self._feed(data[start : start + _PIECE_BYTES])
        return bytes(text)

    def _feed(self, data: bytes) -> bytes:
        text = bytearray()
        data = self._rest + data
        self._rest = b""
        while data:
            if self._member is None:
                if not self._is_first:
                    data = data.lstrip(b"\0")  # what was filled up behind a member
                if not self._begins(data):
                    return bytes(text)
            before = self._member.copy() if hasattr(self._member, "copy") else None
            try:
                text += self._member.decompress(data)
            except (zlib.error, OSError, lzma.LZMAError, zstandard.ZstdError) as error:
                self.problem = f"damaged {self._format.name} data: {error}"
                return bytes(text) + _byte_by_byte(before, data)
            if not self._member.eof:
                return bytes(text)
            data = self._member.unused_data
            self._member = None
        return bytes(text)

    def _begins(self, data: bytes) -> bool:
        """Begin a member; False if what follows is none, or too little to tell."""
        assert self._format.make is not None  # noqa: S101 for mypy: others are refused before
        if not self._is_first and not self._format.magic.match(data):
            if may_be_compressed(data):
                self._rest = data
            elif data:
                self.problem = f"something else follows the {self._format.name} data"
            return False
        self._member = self._format.make()
        self._is_first = False
        return True

    def end_problem(self) -> str:
        """What is wrong if nothing more comes; empty if all is well."""
        if not self.problem and not self.is_whole:
            if self._member is None:
                return f"something else follows the {self._format.name} data"
            return f"the {self._format.name} data ends too early: the rest of it is missing"
        return self.problem


def _byte_by_byte(member: Any, data: bytes) -> bytes:
    """What comes before the damage, with a copy of the decompressor from before it."""
    text = bytearray()
    for i in range(len(data) if member is not None else 0):
        try:
            text += member.decompress(data[i : i + 1])
        except zlib.error:
            break
    return bytes(text)
