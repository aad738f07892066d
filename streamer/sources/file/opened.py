"""An open file: which one it is, by device and inode, and whether it holds what was read before.

Its content decides: a file is found again under another name, in a copy and compressed, and one
that was given the inode of a deleted file is not taken for that.
"""

from __future__ import annotations

import errno
import os
import stat
import time
import zlib
from pathlib import Path

from streamer.sources.file.content import Content, open_content
from streamer.sources.file.mark import Mark
from streamer.sources.file.names import Generation, describe
from streamer.text.compression import RefusedError

KNOWN_BYTES = 1024
"""Bytes at a file's beginning, and before a place, that its content is known by."""


class OpenFile:
    """A file that was opened to read it.

    OSError if it cannot be opened, or is no file but a pipe, a device or a folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # A pipe would be waited for until somebody writes there.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(self._descriptor)
            raise OSError(errno.EINVAL, f"is {kind_of(found.st_mode)}, not a file", str(path))
        self.identity = found.st_dev, found.st_ino
        self.place = _place(path, self.identity)
        """Where the file lies, which a link may lead away from."""
        self._content: Content | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether the file has no name any more, or its descriptor is of no use: ESTALE."""
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError:
            return True

    @property
    def problem(self) -> str:
        """Why no more can be read although there is more, empty if all is well."""
        return self._content.problem if self._content is not None else ""

    @property
    def state(self) -> tuple[int, int]:
        """Size and time of the last change, by which it is seen that a file was written to."""
        found = os.fstat(self._descriptor)
        return found.st_size, found.st_mtime_ns

    @property
    def generation(self) -> Generation:
        """The file as it is now, under the name by which it was opened."""
        return Generation(self.path, *self.identity, *self.state)

    def missing_since(self, seconds: float) -> str:
        """What is wrong with a file that ends too early and was not written to for so long."""
        try:
            is_late = time.time() - os.fstat(self._descriptor).st_mtime > seconds
        except OSError:
            return ""
        return self._content.incomplete if is_late and self._content is not None else ""

    def holds(self, mark: Mark) -> bool:
        """Whether this file begins with what had been read when ``mark`` was made."""
        known = min(mark.read_bytes, KNOWN_BYTES)
        if not known:
            return self.identity == mark.identity
        try:
            content = self._open()
            if content is None:
                return False
            head = content.read(0, known)
            recent = content.read(mark.read_bytes - known, known)
        except (OSError, RefusedError):
            return False
        return len(recent) == known and zlib.crc32(recent, zlib.crc32(head)) == mark.checksum

    def _open(self, *, is_final: bool = False) -> Content | None:
        if self._content is None:
            self._content = open_content(self._descriptor, is_final=is_final)
        return self._content

    def close(self) -> None:
        """Let go of the file."""
        if self._content is not None:
            self._content.close()
        os.close(self._descriptor)


def is_another(file: Generation, mark: Mark) -> bool:
    """Whether a file that has the marked one's inode is another, or was written anew.

    False if that cannot be seen, as it was renamed just now.
    """
    try:
        opened = OpenFile(file.path)
    except OSError:
        return False
    try:
        return opened.identity == mark.identity and not opened.holds(mark)
    finally:
        opened.close()


def _place(path: Path, identity: tuple[int, int]) -> Path:
    """Where links lead to; the path itself if they lead to another file by now."""
    real = Path(os.path.realpath(path))
    try:
        return real if describe(real).identity == identity else path
    except OSError:
        return path


def kind_of(mode: int) -> str:
    """What a thing in a file system is, if it is no file."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
