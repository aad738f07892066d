"""Names of rotated logs: which files of a folder are one log, and in which order they were written.

Knows logrotate's names (``app.log.1``, ``app.log-20260131``, each also with ``.gz``) and nothing
of what is in the files.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_ROTATED = re.compile(
    r"(?P<base>.+?)"
    r"(?:\.(?P<number>[1-9]\d{0,4})|[.-]\d{8,14}|[.-]\d{4}-\d{2}-\d{2}(?:[T_-][\d-]*)?)?"
    r"(?P<gzip>\.gz)?"
)

_STABLE_LISTINGS = 20
"""Tries to list a folder twice with the same result; rotating renames several files in turn."""


@dataclass(frozen=True)
class Generation:
    """A file that held a log's lines at some time."""

    path: Path
    device: int
    inode: int
    bytes: int
    modified_ns: int

    @property
    def identity(self) -> tuple[int, int]:
        """What stays when the file is renamed."""
        return self.device, self.inode


def base_path(path: Path) -> Path:
    """The log that a file belongs to by its name: ``app.log`` for ``app.log.2.gz``."""
    match = _ROTATED.fullmatch(path.name)
    return path.with_name(match["base"]) if match else path


def _number(path: Path) -> int | None:
    match = _ROTATED.fullmatch(path.name)
    return int(match["number"]) if match and match["number"] else None


def in_order(log: Path, files: list[Generation]) -> list[Generation]:
    """Files of one log in the order in which they were written, the log itself last.

    By number where all rotated ones have one (``app.log.2`` is older than ``app.log.1``), else by
    the time of their last change. A compressed file beside its original is left out.
    """
    names = {file.path.name for file in files}
    rotated = [
        file
        for file in files
        if file.path != log and file.path.name.removesuffix(".gz") not in names - {file.path.name}
    ]
    numbers = [_number(file.path) for file in rotated]
    if all(number is not None for number in numbers):
        rotated.sort(key=lambda file: -(_number(file.path) or 0))
    else:
        rotated.sort(key=lambda file: (file.modified_ns, file.path.name))
    return rotated + [file for file in files if file.path == log]


def generations(log: Path) -> list[Generation]:
    """The files of a log that exist, oldest first; OSError if the folder cannot be read."""
    listing = _list(log)
    for _ in range(_STABLE_LISTINGS):
        again = _list(log)
        if [(f.path, f.identity) for f in again] == [(f.path, f.identity) for f in listing]:
            break
        listing = again
    return in_order(log, listing)


def _list(log: Path) -> list[Generation]:
    files = []
    with os.scandir(log.parent) as entries:
        for entry in entries:
            path = log.with_name(entry.name)
            if not entry.name.startswith(log.name) or log not in (path, base_path(path)):
                continue
            try:
                files.append(describe(path))
            except OSError:
                continue  # renamed or deleted just now
    return sorted(files, key=lambda file: file.path.name)


def describe(path: Path) -> Generation:
    """A file as it is now; OSError if there is none."""
    found = path.stat()
    return Generation(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
