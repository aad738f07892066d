"""Where a line stands, for a person who wants to look at it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from streamer.sources.file.content import open_content
from streamer.text.compression import RefusedError

_PIECE_BYTES = 1 << 20
_NAMED_FILES = 3


def place_of(paths: Iterable[Path], line: bytes) -> str:
    """The file and number of a line that is in one of these files, searched for from its start."""
    paths = list(paths)
    for path in paths:
        for number, candidate in enumerate(_lines(path), 1):
            if candidate == line:
                return f"{path}, line {number}"
    # A record of several lines, or a part of one.
    return " or ".join(map(str, paths[:_NAMED_FILES])) or "a record"


def _lines(path: Path) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        content = open_content(descriptor, is_final=True)
        begun, offset = b"", 0
        while content is not None and (piece := content.read(offset, _PIECE_BYTES)):
            offset += len(piece)
            *lines, begun = (begun + piece).split(b"\n")
            yield from lines
        yield begun
    except (OSError, RefusedError):
        return
    finally:
        os.close(descriptor)
