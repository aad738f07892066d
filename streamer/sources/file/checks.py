"""What a start would meet at the files that it is to read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streamer.finding import Finding
from streamer.sources.file.search import check_paths, matching, missing
from streamer.sources.file.settings import FileSettings
from streamer.sources.file.tail import Tail
from streamer.text.compression import RefusedError
from streamer.text.records import RecordSplitter

_SHOWN_PROBLEMS = 10


def check(settings: FileSettings) -> Iterator[Finding]:
    """Whether there are files, and each can be read."""
    check_paths(settings.path)
    problems: list[str] = []

    def report(_event: str, **values: Any) -> None:
        problems.append(f"{values['path']} cannot be read: {values['reason']}")

    files = matching(settings.path, report)
    unreadable = [
        f"{file.path} {problem}"
        for file in files
        if (problem := _why_unreadable(file.path, is_final=not settings.follow))
    ]
    problems = [*dict.fromkeys(problems), *unreadable]
    names = " ".join(settings.path)
    if not files and not problems:
        if settings.follow:
            yield Finding("warning", "path", f"{names} does not exist yet; run waits for it")
        else:
            yield Finding("failure", "path", f"{names} cannot be read: there is no such file")
    elif not settings.follow:
        problems += [
            f"{name} cannot be read: {why}" for name, why in missing(settings.path).items()
        ]
    readable = len(files) - len(unreadable)
    for problem in problems[:_SHOWN_PROBLEMS]:
        yield Finding("warning" if readable > 0 else "failure", "path", problem)
    if readable > 0:
        yield Finding("ok", "path", f"{readable} file(s) can be read")


def _why_unreadable(path: Path, *, is_final: bool) -> str:
    """Why a file cannot be read as text, empty if it can; by beginning to read it.

    If it ``is_final``, nothing more comes of what is there.
    """
    try:
        tail = Tail(path, RecordSplitter(1 << 20, 64))
        try:
            tail.read()
            problem = tail.problem
            if is_final and tail.is_at_end:
                problem = tail.end()[1]
        finally:
            tail.close()
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except RefusedError as error:
        return str(error)
    return problem
