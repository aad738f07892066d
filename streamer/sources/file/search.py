"""Which files the user means: paths and patterns to files, each once, by log.

A pattern is a shell's: ``*``, ``?``, ``[...]`` within a name, and ``**`` for folders at any depth,
links to folders left out. A part that exists as it is written is taken as it is written.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from glob import has_magic
from pathlib import Path

from streamer.errors import ConfigurationError
from streamer.sources.file.names import Generation, bases, describe, in_order, without_compression
from streamer.sources.file.opened import kind_of

Report = Callable[..., None]
"""Is given an event and its values."""


def expand(pattern: str, report: Report) -> Iterator[Path]:
    """Whatever a pattern or a plain path names now, folders too."""
    parts = Path(pattern).absolute().parts
    return _walk(Path(parts[0]), parts[1:], report)


def _walk(folder: Path, parts: tuple[str, ...], report: Report) -> Iterator[Path]:
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _walk(folder, rest or ("*",), report)
        for entry in _entries(folder, report):
            if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                yield from _walk(folder / entry.name, parts, report)
        return
    names = [part]
    if has_magic(part) and not os.path.lexists(folder / part):
        found = [entry.name for entry in _entries(folder, report)]
        names = sorted(name for name in found if _matches(name, part))
    for name in names:
        if rest:
            yield from _walk(folder / name, rest, report)
        elif os.path.lexists(folder / name):
            yield folder / name


def _matches(name: str, part: str) -> bool:
    is_hidden = name.startswith(".") and not part.startswith(".")
    return not is_hidden and fnmatch.fnmatchcase(name, part)


def _entries(folder: Path, report: Report) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        report("log_unreadable", path=str(folder), reason=error.strerror)
        return []


def matching(patterns: Sequence[str], report: Report) -> list[Generation]:
    """The files that patterns and plain paths name now, each once however many names it has.

    Of several names that of a file is taken, before links to it. What else is named is left out,
    such as folders.
    """
    found = [path for pattern in patterns for path in expand(pattern, report)]
    names = dict.fromkeys(_target(path, patterns) for path in found)
    files: dict[tuple[int, int], Generation] = {}
    for path in sorted(names, key=lambda path: (_is_link(path), path)):
        try:
            if stat.S_ISREG(path.stat().st_mode):
                file = describe(path)
                files.setdefault(file.identity, file)
        except OSError:
            continue  # renamed just now, or a link that leads nowhere
    return list(files.values())


def missing(patterns: Sequence[str]) -> dict[str, str]:
    """Why patterns and plain paths name no file now, by pattern, of those that name none."""
    reasons = {}
    for pattern in patterns:
        problems: list[str] = []
        found = expand(pattern, lambda _event, said=problems, **values: said.append(str(values)))
        if not any(map(os.path.exists, found)) and not problems:
            reasons[pattern] = _why_missing(pattern)
    return reasons


def _why_missing(path: str) -> str:
    try:
        Path(path).stat()
    except OSError as error:
        if error.errno != errno.ENOENT:
            return str(error.strerror)
    return "there is no such file"


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114 the other raises if it cannot be seen


def _target(path: Path, patterns: Sequence[str]) -> Path:
    """The file beside a link that it leads to, if that is named too, else the path itself.

    The file may have come after the folder was listed.
    """
    if not _is_link(path):
        return path
    target = Path(os.path.realpath(path))
    is_hidden = target.name.startswith(".")
    is_beside = target.parent == path.parent and not is_hidden
    return target if is_beside and is_named(target, patterns) else path


def by_log(
    files: list[Generation], patterns: Sequence[str], known: Collection[Path]
) -> dict[Path, list[Generation]]:
    """Files by the log that they belong to, in the order in which they are to be read.

    A file is rotated if its log is among them, or is ``known``; else it is a log of its own,
    whatever its name looks like: the file of today, or one of several that are written.
    """
    plain = {Path(pattern).absolute() for pattern in patterns}
    known = {*known, *(file.path for file in files)}
    families: dict[Path, list[Generation]] = {}
    logs: dict[Path, list[Generation]] = {}
    for file in files:
        family = [file.path] if file.path in plain else bases(file.path) or [file.path]
        families.setdefault(family[0], []).append(file)
    for first, members in sorted(families.items()):
        for file in in_order(first, members):
            logs.setdefault(_log_of(file.path, plain, known), []).append(file)
    return {log: in_order(log, members) for log, members in logs.items()}


def _log_of(path: Path, plain: set[Path], known: set[Path]) -> Path:
    if path in plain:
        return path
    for base in bases(path):
        if base in known:
            return base
    return without_compression(path)


def find_logs(patterns: Sequence[str], known: Collection[Path]) -> dict[Path, list[Path]]:
    """The files that patterns or plain paths name now, oldest first, by log.

    Rotated files belong to a log that is ``known`` though it is not there itself.
    """
    logs = by_log(matching(patterns, lambda *_, **__: None), patterns, known)
    return {log: [file.path for file in files] for log, files in logs.items()}


def is_named(path: Path, patterns: Sequence[str]) -> bool:
    """Whether a plain path is that of a file, or a pattern would match it if it were there."""
    return any(_fits(path.parts, Path(pattern).absolute().parts) for pattern in patterns)


def _fits(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Whether the names of a path fit the parts of a pattern, as :func:`_walk` takes them."""
    if not (names and parts):
        return not (names or parts)
    part, rest = parts[0], parts[1:]
    if part == "**":
        is_deeper = not names[0].startswith(".") and _fits(names[1:], parts)
        return is_deeper or _fits(names, rest or ("*",))
    return (names[0] == part or _matches(names[0], part)) and _fits(names[1:], rest)


def check_paths(patterns: Sequence[str]) -> None:
    """Refuse paths that can never be read: folders, pipes, devices. ConfigurationError."""
    for pattern in patterns:
        path = Path(pattern)
        try:
            mode = path.stat().st_mode
        except (OSError, ValueError):
            continue  # a pattern, or a file that may come
        if stat.S_ISDIR(mode):
            raise ConfigurationError(
                f"--path {pattern}: this is a folder; name the files in it, as in "
                f"--path '{pattern.rstrip('/')}/*.log', or '{pattern.rstrip('/')}/**' for all"
            )
        if not stat.S_ISREG(mode):
            raise ConfigurationError(
                f"--path {pattern}: this is {kind_of(mode)}, not a file; read it from standard "
                f"input: w2v-stream run < {pattern}"
            )
