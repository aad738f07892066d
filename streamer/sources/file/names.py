"""Names of logs: which files of a folder may be one log, and in which order they were written.

Knows the names that logrotate, log4j, logback, Go's, Python's and Node's loggers, multilog and the
kubelet give to rotated files, also compressed ones, and nothing of what is in the files.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote_to_bytes

_COMPRESSED = re.compile(r"\.(?:gz|bz2|xz|zst|zip)$")
_DATE = r"(?:\d{4}-?\d{2}-?\d{2}|\d{2}-\d{2}-\d{4})"
_MONTH = r"(?:(?:19|20)\d{2}-?(?:0[1-9]|1[0-2]))"
_TIME = r"(?:[T_ .-]?\d{2}(?:[-:._h]?\d{2}){0,2}(?:[.,_]\d{1,9})?Z?)"
_STAMP = rf"(?:{_DATE}{_TIME}?|\d{{8,14}}|{_MONTH})"
_NUMBER = r"(?:0|[1-9]\d{0,4})"
_FEW = r"(?:0|[1-9]\d{0,2})"
"""Before an extension larger numbers are ports and processes: ``app.8081.log``."""
_SUFFIXED = re.compile(
    rf"(?P<base>.+?)(?:\.(?P<number>{_NUMBER})|[._-]{_STAMP}(?:[._-]\d{{1,5}})?)"
)
"""``app.log.1``, ``app.log-20260131``, ``0.log.20260131-100000``, ``app.log.2026-01-31.3``."""

_INFIXED = re.compile(
    rf"(?P<stem>.+?)(?:[._-]?{_STAMP}(?:[._-]\d{{1,5}})?|\.(?P<number>{_FEW}))"
    r"(?P<extension>\.[A-Za-z]\w*)"
)
"""``app-2026-01-31T10-00-00.000.log``, ``log20260131_001.txt``, ``app.1.log``."""

_MULTILOG = re.compile(r"@[0-9a-f]{24}\.[su]")

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


def text_of_path(path: Path) -> str:
    """A path as text that any encoding can hold: names that are not UTF-8 make it a file URI."""
    try:
        return os.fsencode(path).decode()
    except UnicodeDecodeError:
        return path.as_uri()


def path_from_text(text: str) -> Path:
    """The reverse of :func:`text_of_path`."""
    if text.startswith("file:///"):
        return Path(os.fsdecode(unquote_to_bytes(text.removeprefix("file://"))))
    return Path(text)


def without_compression(path: Path) -> Path:
    """The name of a file before it was compressed."""
    return path.with_name(_plain(path.name))


def _plain(name: str) -> str:
    return _COMPRESSED.sub("", name) or name


@lru_cache(maxsize=1 << 16)
def _bases(name: str) -> tuple[str, ...]:
    found = []
    plain = _plain(name)
    if match := _SUFFIXED.fullmatch(plain):
        # There may be a date before the number: app.log.2026-01-31.0
        found += [match["base"], *_bases(match["base"])]
    if match := _INFIXED.fullmatch(plain):
        found.append(match["stem"] + match["extension"])
    if _MULTILOG.fullmatch(plain):
        found.append("current")
    if plain != name:
        found.append(plain)
    return tuple(sorted(set(found), key=lambda base: (len(base), base)))


def bases(path: Path) -> list[Path]:
    """The logs that a file may belong to by its name, shortest first: ``app.log`` of its ``.2.gz``.

    The file itself is not among them.
    """
    return [path.with_name(base) for base in _bases(path.name)]


def _number(log: Path, path: Path) -> int | None:
    plain = _plain(path.name)
    for match in (_SUFFIXED.fullmatch(plain), _INFIXED.fullmatch(plain)):
        if match is not None and match["number"]:
            groups = match.groupdict()
            base = groups.get("base") or groups["stem"] + groups["extension"]
            return int(match["number"]) if base == log.name else None
    return None


def in_order(log: Path, files: list[Generation]) -> list[Generation]:
    """Files of one log in the order in which they were written, the log itself last.

    By number where all rotated ones have one (``app.log.2`` is older than ``app.log.1``), else by
    the time of their last change. A compressed file beside its original is left out.
    """
    names = {file.path.name for file in files}
    rotated = [
        file
        for file in files
        if file.path != log and _plain(file.path.name) not in names - {file.path.name}
    ]
    numbers = {file.path: _number(log, file.path) for file in rotated}
    if None not in numbers.values():
        rotated.sort(key=lambda file: -(numbers[file.path] or 0))
    else:
        rotated.sort(key=lambda file: (file.modified_ns, file.path.name))
    return rotated + [file for file in files if file.path == log]


def generations(log: Path) -> list[Generation]:
    """The files of a log that exist, oldest first; OSError if the folder cannot be read.

    Where the log is a link, those beside the file that it leads to are among them.
    """
    listing = _list(log)
    for _ in range(_STABLE_LISTINGS):
        again = _list(log)
        if [(f.path, f.identity) for f in again] == [(f.path, f.identity) for f in listing]:
            break
        listing = again
    return in_order(log, listing)


def relatives(log: Path) -> list[Generation]:
    """Files that are named as if they and the log were rotated files of the same other one."""
    names = {log.name, *_bases(log.name)}
    try:
        with os.scandir(log.parent) as entries:
            found = [name for entry in entries if names & {name := entry.name, *_bases(name)}]
    except OSError:
        return []
    return _described(log, found)


def _list(log: Path) -> list[Generation]:
    files = _beside(log)
    if log.is_symlink():
        known = {file.identity for file in files}
        real = Path(os.path.realpath(log))
        files += [file for file in _beside(real) if file.identity not in known]
    return sorted(files, key=lambda file: file.path.name)


def _beside(log: Path) -> list[Generation]:
    with os.scandir(log.parent) as entries:
        names = [name for entry in entries if log.name in (name := entry.name, *_bases(name))]
    return _described(log, names)


def _described(log: Path, names: list[str]) -> list[Generation]:
    files = []
    for name in sorted(names):
        try:
            files.append(describe(log.with_name(name)))
        except OSError:
            continue  # renamed or deleted just now
    return files


def describe(path: Path) -> Generation:
    """A file as it is now; OSError if there is none."""
    found = path.stat()
    return Generation(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def says_gone(error: OSError) -> bool:
    """Whether an error says that nothing is at a path, and not only that it cannot be seen.

    A folder may be closed, or a server not answer, for a while.
    """
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def is_gone(path: Path) -> bool:
    """Whether there is nothing at a path; False if that cannot be seen."""
    try:
        path.stat()
    except OSError as error:
        return says_gone(error)
    return False


def why_hidden(log: Path) -> str:
    """Why it cannot be seen whether a log or its rotated files are there; empty if it can."""
    try:
        if is_gone(log):
            os.scandir(log.parent).close()
        else:
            log.stat()
    except OSError as error:
        return "" if says_gone(error) else str(error.strerror)
    return ""


def with_identity(folder: Path, identity: tuple[int, int]) -> Generation | None:
    """The file of a folder that has this device and inode, whatever its name is now."""
    try:
        with os.scandir(folder) as entries:
            paths = [folder / entry.name for entry in entries if entry.inode() == identity[1]]
        return next((file for file in map(describe, paths) if file.identity == identity), None)
    except OSError:
        return None
