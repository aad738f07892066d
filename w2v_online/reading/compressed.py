"""Files that may be compressed, in UTF-16 or UTF-32: known by their first bytes, not their names.

What comes out is plain bytes, text in UTF-8 without a byte order mark. Knows nothing of what the
bytes mean.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any

from w2v_online.byte_order import marked_encoding
from w2v_online.errors import FileFormatError

HEAD_BYTES = 1 << 20
"""How much of a beginning is given to look at."""


@contextmanager
def open_plain(path: Path) -> Iterator[tuple[bytes, io.BufferedReader]]:
    """The first HEAD_BYTES (less if there are not so many) of a file, and all of it to read.

    Decompresses gzip, bzip2, xz, zstd and a zip archive with one file in it. Raises
    FileFormatError for what cannot be read, then or later, and for damaged data.
    """
    with ExitStack() as opened:
        pieces = _pieces(path, opened)
        head = b""
        for piece in pieces:
            head += piece
            if len(head) >= HEAD_BYTES:
                break
        yield head[:HEAD_BYTES], buffered(chain([head], pieces))


def _pieces(path: Path, opened: ExitStack) -> Iterator[bytes]:
    """What a file holds; ``opened`` closes it. Errors of who takes the pieces are not its own."""
    try:
        raw = opened.enter_context(path.open("rb"))
        file = opened.enter_context(_decompressed(path, raw))
        yield from _plain(iter(lambda: file.read(HEAD_BYTES), b""))
    except (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileFormatError(f"{path} cannot be read: {reason}") from error


def _decompressed(path: Path, raw: IO[bytes]) -> IO[bytes]:
    magic = raw.read(8)
    raw.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value]
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if magic.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(raw)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return buffered(_zstd(raw))
    if magic.startswith(b"PK\x03\x04"):
        return _only_member(path, zipfile.ZipFile(raw))
    return raw


def _zstd(raw: IO[bytes]) -> Iterator[bytes]:
    """What zstd data, one frame or several, decompress to; EOFError if the last is not whole."""
    import zstandard

    frame: Any = None
    while data := raw.read(HEAD_BYTES):
        while data:
            frame = frame or zstandard.ZstdDecompressor().decompressobj()
            try:
                yield frame.decompress(data)
            except zstandard.ZstdError as error:
                raise OSError(f"damaged zstd data: {error}") from error
            data = frame.unused_data if frame.eof else b""
            frame = None if frame.eof else frame
    if frame is not None:
        raise EOFError("the zstd data ends too early: the rest of it is missing")


def _only_member(path: Path, archive: zipfile.ZipFile) -> IO[bytes]:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if any(name.endswith(".npy") for name in names):
        raise FileFormatError(f"{path} is an archive of NumPy arrays, not a word2vec file: np.load")
    if len(names) != 1:
        raise FileFormatError(f"{path} holds {len(names)} files ({', '.join(names[:4])}): unzip it")
    try:
        return archive.open(names[0])
    except RuntimeError as error:  # encrypted, or packed by what zipfile does not know
        raise FileFormatError(f"{path} cannot be read: {error}") from error


def _plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Without a byte order mark, UTF-16 and UTF-32 as UTF-8."""
    first = next(pieces, b"")
    encoding = marked_encoding(first)
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    for piece in chain([first], pieces):
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", final=True).encode()


def buffered(pieces: Iterable[bytes]) -> io.BufferedReader:
    """Pieces of bytes as a file."""
    return io.BufferedReader(_Pieces(pieces))


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = (memoryview(piece) for piece in pieces if piece)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = next(self._pieces, memoryview(b""))
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
