"""What a file holds as UTF-8 text: read in place where it is plain, else from the beginning on.

Offsets count bytes of the text, so a file keeps its places when it is compressed.
"""

from __future__ import annotations

import errno
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import Protocol

from streamer.text.compression import SNIFF_BYTES, RefusedError, format_of, refusal
from streamer.text.encoding import encoding_of, is_undecided
from streamer.text.layers import Layers

_ENCRYPTED = 1
"""In the flags of a member of a zip archive."""

_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    UnicodeDecodeError,
)  # fmt: skip
"""What damaged archives raise, besides OSError."""

_PIECE_BYTES = 1 << 16
_STEP_BYTES = 1 << 10
"""So few compressed bytes can be millions of text: zeros, or the same line over and over."""
_GAP_BYTES = 1 << 20


class Content(Protocol):
    """The text of an open file."""

    def read(self, offset: int, size: int) -> bytes:
        """About ``size`` bytes from ``offset`` on, none at the end of what is there now."""

    def text_bytes(self, limit: int) -> int:
        """How much text there is now, up to ``limit``."""

    def is_unchanged(self) -> bool:
        """Whether the file still begins as when it was opened, and was not cut."""

    def end(self, offset: int) -> tuple[bytes, str]:
        """Nothing more comes: the rest behind ``offset``, and what is wrong with the file."""

    @property
    def problem(self) -> str:
        """Why nothing more can be read, empty if all is well."""

    @property
    def incomplete(self) -> str:
        """What is wrong if nothing more comes, empty if all is well."""

    def close(self) -> None:
        """Let go of what is held besides the descriptor."""


def open_content(descriptor: int, *, is_final: bool = False) -> Content | None:
    """The text of a file; None as long as too little is there to tell what it is.

    Unless that is ``is_final``. Raises RefusedError if it is no text.
    """
    head = os.pread(descriptor, SNIFF_BYTES, 0)
    if is_undecided(head) and not is_final:
        return None
    found = format_of(head)
    if found is not None and found.is_archive:
        return Zipped(descriptor)
    if found is not None and found.make is None:
        raise RefusedError(refusal(found))
    if found is not None or encoding_of(head) is not None:
        return Layered(descriptor)
    return Plain(descriptor)


class Plain:
    """Text as it lies in the file."""

    problem = incomplete = ""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._only_zeros = (0, 0)

    def read(self, offset: int, size: int) -> bytes:
        """Up to ``size`` bytes from ``offset`` on, fewer at the end."""
        return os.pread(self._descriptor, size, offset)

    def text_bytes(self, limit: int) -> int:
        """How much text there is now, up to ``limit``."""
        return min(limit, os.fstat(self._descriptor).st_size)

    def is_unchanged(self) -> bool:
        """Known by what was read of it, which is compared by who has read it."""
        return True

    def end(self, offset: int) -> tuple[bytes, str]:
        """All was there to be read, but for a few bytes that could have been anything."""
        return self.read(offset, _PIECE_BYTES).rstrip(b"\0"), ""

    def zeros_end(self, offset: int) -> int | None:
        """Where the zeros that begin at ``offset`` end; None if nothing else follows yet.

        Space that was reserved for what will be written is full of them, and a file that was
        truncated under a writer begins with them.
        """
        found = os.fstat(self._descriptor)
        state = found.st_size, found.st_mtime_ns
        if state == self._only_zeros and os.pread(self._descriptor, 1, offset) in (b"\0", b""):
            return None
        try:
            offset = os.lseek(self._descriptor, offset, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole follows
                self._only_zeros = state
                return None
        while data := os.pread(self._descriptor, _GAP_BYTES, offset):
            rest = data.lstrip(b"\0")
            if rest:
                return offset + len(data) - len(rest)
            offset += len(data)
        self._only_zeros = state
        return None

    def close(self) -> None:
        """There is nothing else."""


class Layered:
    """Text that is compressed, or not in UTF-8: what was passed cannot be gone back to in place."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head = os.pread(descriptor, SNIFF_BYTES, 0)
        self._begin()

    def _begin(self) -> None:
        self._layers = Layers()
        self._refused = ""
        self._raw_offset = 0
        self._start = 0
        self._text = b""

    @property
    def problem(self) -> str:
        """Why nothing more can be read."""
        return self._refused or self._layers.problem

    @property
    def incomplete(self) -> str:
        """What is wrong if nothing more comes."""
        return self._refused or self._layers.incomplete

    def read(self, offset: int, size: int) -> bytes:
        """About ``size`` bytes from ``offset`` on, fewer at the end of what is there now."""
        if offset < self._start:
            self._begin()
        while self._start + len(self._text) < offset + size:
            # What was passed is let go of, or all of a large file would be kept.
            passed = min(len(self._text), max(0, offset - self._start))
            self._start += passed
            self._text = self._text[passed:]
            piece = b"" if self.problem else self._more()
            if not piece:
                break
            self._text += piece
        begin = max(0, offset - self._start)
        return bytes(memoryview(self._text)[begin : begin + size])

    def text_bytes(self, limit: int) -> int:
        """How much text there is now, up to ``limit``."""
        known = 0
        while known < limit and (piece := self.read(known, min(_PIECE_BYTES, limit - known))):
            known += len(piece)
        return known

    def _more(self) -> bytes:
        """Text of the next bytes that have some, none if there are no more now."""
        text = bytearray()
        while not text and (raw := os.pread(self._descriptor, _PIECE_BYTES, self._raw_offset)):
            for begin in range(0, len(raw), _STEP_BYTES):
                if self.problem or len(text) >= _PIECE_BYTES:
                    return bytes(text)
                step = raw[begin : begin + _STEP_BYTES]
                self._raw_offset += len(step)
                try:
                    text += self._layers.feed(step)
                except RefusedError as error:
                    self._refused = str(error)
        return bytes(text)

    def is_unchanged(self) -> bool:
        """Whether the file still begins as when it was opened, and was not cut."""
        is_whole = os.fstat(self._descriptor).st_size >= self._raw_offset
        return is_whole and os.pread(self._descriptor, len(self._head), 0) == self._head

    def end(self, offset: int) -> tuple[bytes, str]:
        """The rest behind ``offset``, and what is wrong with the file."""
        rest = self.read(offset, _PIECE_BYTES)
        if self._refused:
            return rest, self._refused
        try:
            last, problem = self._layers.end()
        except RefusedError as error:
            return rest, str(error)
        return rest + last, problem

    def close(self) -> None:
        """There is nothing else."""


class Zipped(Layered):
    """The files in a zip archive, one after the other; it can be read when it is complete."""

    def _begin(self) -> None:
        super()._begin()
        self._pieces: Iterator[bytes] | None = None
        self._archive: zipfile.ZipFile | None = None

    def _more(self) -> bytes:
        try:
            if self._pieces is None:
                self._pieces = self._texts()
            return next(self._pieces, b"")
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):
                self._begin()
                raise
            self._refuse(error)  # of bzip2, or a place that is none
        except _ZIP_ERRORS as error:
            self._refuse(error)
        return b""

    def _refuse(self, error: Exception) -> None:
        if self._archive is None:
            self._pieces = None  # its list of files comes last
        else:
            self._refused = f"in the zip archive, {error}"

    def _texts(self) -> Iterator[bytes]:
        with (
            os.fdopen(os.dup(self._descriptor), "rb") as file,
            zipfile.ZipFile(file) as self._archive,
        ):
            for member in self._archive.infolist():
                if member.is_dir():
                    continue
                if member.flag_bits & _ENCRYPTED:
                    raise zipfile.BadZipFile(f"{member.filename} is encrypted")
                layers, last = Layers(), b""
                try:
                    with self._archive.open(member) as stream:
                        while raw := stream.read(_PIECE_BYTES):
                            if text := layers.feed(raw):
                                last = text
                                yield text
                    rest, problem = layers.end()
                except RefusedError as error:
                    raise zipfile.BadZipFile(f"{member.filename} {error}") from error
                if problem:
                    raise zipfile.BadZipFile(f"{member.filename} is damaged: {problem}")
                if rest := rest + (b"" if (rest or last).endswith(b"\n") else b"\n"):
                    yield rest

    @property
    def incomplete(self) -> str:
        """What is wrong if nothing more comes."""
        if self._archive is None:
            return "the zip archive is damaged or not complete"
        return self._refused

    def end(self, offset: int) -> tuple[bytes, str]:
        """The rest behind ``offset``, and what is wrong with the file."""
        return self.read(offset, _PIECE_BYTES), self.incomplete
