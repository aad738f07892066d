"""Alerts as JSON lines, appended to a file or printed to standard output."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

from streamer.alerts.alert import Alert
from streamer.errors import ConfigurationError


class LinesTarget:
    """A file, or ``-`` for standard output. ConfigurationError if it cannot be written."""

    def __init__(self, path: str) -> None:
        self.name = path
        self.sent = 0
        self.dropped = 0
        self._is_stdout = path == "-"
        try:
            self._file: BinaryIO = (
                sys.stdout.buffer if self._is_stdout else Path(path).open("ab")  # noqa: SIM115
            )
        except OSError as error:
            raise ConfigurationError(f"--alerts {path} cannot be written: {error}") from error

    def send(self, alert: Alert) -> None:
        """Write a line; whole lines only, so that a reader never sees half of one."""
        self._file.write(alert.as_json() + b"\n")
        self._file.flush()
        self.sent += 1

    def settle(self) -> bool:
        """Have the lines on disk."""
        if not self._is_stdout:
            try:
                os.fsync(self._file.fileno())
            except OSError:
                pass  # a pipe or a device has nothing to sync
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.flush()
        if not self._is_stdout:
            self._file.close()
