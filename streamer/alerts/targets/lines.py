"""Alerts as JSON lines, appended to a file or printed to standard output.

A file has each alert once: after a crash the alerts since the last checkpoint come again, and those
that are there already are not written again. When it was renamed or deleted, as by logrotate, the
next alert is in a new file of that name. While it cannot be written, as on a full disk, its lines
wait, and no checkpoint passes them. What is no file, a pipe or a device, has an alert at
least once, if somebody reads it: while it cannot be written, alerts are dropped and counted.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from streamer.alerts.alert import Alert
from streamer.errors import ConfigurationError

_MOST_BYTES = 1 << 26
"""How much of a file's end is looked at, if it is not known where the last checkpoint was."""


MAX_WAITING = 10_000
"""Lines that wait until a file can be written; more are dropped."""


class LinesTarget:
    """A file, or ``-`` for standard output. ConfigurationError if it cannot be written."""

    def __init__(self, path: str, log: Any) -> None:
        self._log = log
        self._waiting: deque[bytes] = deque()
        self._written_bytes = 0  # of the first line that waits
        self._is_failing = False
        self._is_cut = False
        self.name = path
        self.sent = 0
        self.dropped = 0
        self._is_stdout = path == "-"
        self._known: set[tuple[str, int]] = set()
        try:
            self._file: BinaryIO = sys.stdout.buffer if self._is_stdout else _opened(path)
            found = os.fstat(self._file.fileno())
            # A pipe or a device cannot be read again.
            self._is_file = stat.S_ISREG(found.st_mode)
            self._identity = found.st_dev, found.st_ino
        except OSError as error:
            reason = error.strerror
            if error.errno == errno.ENXIO:
                reason = "it is a pipe, or a device, that nothing reads; start its reader first"
            raise ConfigurationError(f"--alerts {path} cannot be written: {reason}") from error

    def send(self, alert: Alert) -> None:
        """Write a line, whole, so that a reader never sees half of one."""
        key = alert.id, alert.count
        if key in self._known:
            self._known.remove(key)
            self.sent += 1
        elif not self._is_file:
            self._print(alert.as_json() + b"\n")
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(alert.as_json() + b"\n")
            self._write()
        else:
            self.dropped += 1

    def _print(self, line: bytes) -> None:
        """Write a line to what is no file, or drop it: its reader may have left."""
        rest = b"\n" + line if self._is_cut else line
        try:
            while rest:
                rest = rest[os.write(self._file.fileno(), rest) :]
        except OSError as error:
            self._is_cut |= len(rest) < len(line)
            self.dropped += 1
            if not self._is_failing:
                reason = error.strerror
                self._log.warning("alerts_dropped", target=self.name, reason=reason)
            self._is_failing = True
        else:
            self._is_cut = self._is_failing = False
            self.sent += 1

    def _write(self) -> bool:
        """Write the lines that wait; False if that is not possible now."""
        try:
            if self._waiting:
                self._follow_name()
            while self._waiting:
                line = self._waiting[0]
                written = os.write(self._file.fileno(), line[self._written_bytes :])
                self._written_bytes += written
                if self._written_bytes == len(line):
                    self._waiting.popleft()
                    self._written_bytes = 0
                    self.sent += 1
        except OSError as error:
            self._tell(error)
            return False
        self._is_failing = False
        return True

    def _follow_name(self) -> None:
        """If the open file was renamed or deleted, open the one that has its name now, or make it.

        OSError if that is not possible now.
        """
        if self._is_stdout:
            return
        try:
            found = Path(self.name).stat()
        except FileNotFoundError:
            pass
        else:
            if (found.st_dev, found.st_ino) == self._identity:
                return
            if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for
                raise OSError(errno.EINVAL, "it is no file any more")
        file = Path(self.name).open("ab")  # noqa: SIM115
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._tell(error)
        self._file.close()
        found = os.fstat(file.fileno())
        self._file, self._identity = file, (found.st_dev, found.st_ino)
        self._written_bytes = 0  # a line that is cut there is whole here

    def _tell(self, error: OSError) -> None:
        if not self._is_failing:
            self._log.error("alerts_not_written", target=self.name, reason=error.strerror)
        self._is_failing = True

    def settle(self) -> bool:
        """Have the lines on disk; False if the file cannot be written now."""
        if not self._is_file:
            return True
        if not self._write():
            return False
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            self._tell(error)
            return False
        return True

    def state(self) -> dict[str, Any]:
        """The file's size, and its inode, by which it is found if it was renamed."""
        if self._is_stdout or not self._is_file:
            return {}
        return {"bytes": os.fstat(self._file.fileno()).st_size, "inode": self._identity[1]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See which alerts were written after the checkpoint; a line that was cut is deleted."""
        if self._is_stdout or not self._is_file:
            return
        size = os.fstat(self._file.fileno()).st_size
        begin = state.get("bytes")
        inode = state.get("inode", self._identity[1])
        if inode != self._identity[1]:
            renamed = _with_inode(Path(os.path.realpath(self.name)).parent, inode)
            if renamed is not None:
                self._known |= _keys(_lines(renamed, begin))
            begin = None
        lines = _lines(Path(self.name), begin)
        if cut := lines.pop():
            self._file.truncate(size - len(cut))
        self._known |= _keys(lines)

    def close(self) -> None:
        """Close the file; lines that still wait are of records that the next run reads again."""
        if not self._is_stdout:
            self._file.close()


def _opened(path: str) -> BinaryIO:
    """Open a file to append to, or a pipe. OSError, also for a pipe that nothing reads.

    That one would be waited for otherwise, whatever signals arrive.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "ab")


def _with_inode(folder: Path, inode: int) -> Path | None:
    """The file of a folder that has an inode, None if there is none or it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            found = (folder / e.name for e in entries if e.inode() == inode and e.is_file())
            return next((path for path in found if os.access(path, os.R_OK)), None)
    except OSError:
        return None


def _lines(path: Path, begin: int | None) -> list[bytes]:
    """Lines of a file from a byte on; its end if that is not known, or if no line begins there."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        if begin:
            file.seek(begin - 1)
            if file.read(1) != b"\n":  # another file has the name, or the inode, by now
                begin = None
        file.seek(max(0, size - _MOST_BYTES) if begin is None else begin)
        return file.read().split(b"\n")


def _keys(lines: list[bytes]) -> set[tuple[str, int]]:
    """What the alerts of these lines are known by."""
    return {key for line in lines if (key := _key(line)) is not None}


def _key(line: bytes) -> tuple[str, int] | None:
    """An alert's id and count, None if the line is none."""
    try:
        alert = orjson.loads(line)
        return str(alert["id"]), int(alert["count"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
