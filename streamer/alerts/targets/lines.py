"""Alerts as JSON lines, appended to a file or printed to standard output.

A file has each alert once: after a crash the alerts since the last checkpoint come again, and those
that are there already are not written again. While it cannot be written, as on a full disk, its
lines wait, and no checkpoint passes them. What is no file, a pipe or a device, has an alert at
least once, if somebody reads it: while it cannot be written, alerts are dropped and counted.
"""

from __future__ import annotations

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
        self._is_failing = False
        self._is_cut = False
        self.name = path
        self.sent = 0
        self.dropped = 0
        self._is_stdout = path == "-"
        self._known: set[tuple[str, int]] = set()
        try:
            self._file: BinaryIO = (
                sys.stdout.buffer if self._is_stdout else Path(path).open("ab")  # noqa: SIM115
            )
            # A pipe or a device cannot be read again.
            self._is_file = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        except OSError as error:
            raise ConfigurationError(
                f"--alerts {path} cannot be written: {error.strerror}"
            ) from error

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
            while self._waiting:
                line = self._waiting[0]
                written = os.write(self._file.fileno(), line)
                self._waiting[0] = line[written:]
                if written == len(line):
                    self._waiting.popleft()
                    self.sent += 1
        except OSError as error:
            if not self._is_failing:
                reason = error.strerror
                self._log.error("alerts_not_written", target=self.name, reason=reason)
            self._is_failing = True
            return False
        self._is_failing = False
        return True

    def settle(self) -> bool:
        """Have the lines on disk; False if the file cannot be written now."""
        if not self._is_file:
            return True
        if not self._write():
            return False
        os.fsync(self._file.fileno())
        return True

    def state(self) -> dict[str, Any]:
        """The file's size."""
        if self._is_stdout or not self._is_file:
            return {}
        return {"bytes": os.fstat(self._file.fileno()).st_size}

    def restore(self, state: Mapping[str, Any]) -> None:
        """See which alerts were written after the checkpoint; a line that was cut is deleted."""
        if self._is_stdout or not self._is_file:
            return
        size = os.fstat(self._file.fileno()).st_size
        begin = int(state.get("bytes", max(0, size - _MOST_BYTES)))
        if begin > size:  # it was rotated away meanwhile
            begin = 0
        with Path(self.name).open("rb") as file:
            file.seek(begin)
            lines = file.read().split(b"\n")
        if cut := lines.pop():
            self._file.truncate(size - len(cut))
        self._known = {key for line in lines if (key := _key(line)) is not None}

    def close(self) -> None:
        """Close the file; lines that still wait are of records that the next run reads again."""
        if not self._is_stdout:
            self._file.close()


def _key(line: bytes) -> tuple[str, int] | None:
    """An alert's id and count, None if the line is none."""
    try:
        alert = orjson.loads(line)
        return str(alert["id"]), int(alert["count"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
