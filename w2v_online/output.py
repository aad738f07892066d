"""Files for other programs: complete under their names or not there at all.

What is no plain file stays what it is: a link keeps leading to its target, which is replaced, and
pipes and devices are written through. So are files that are open already, as /dev/stdout may be
one: what is in them stays. Knows paths and bytes, nothing of what is in them.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_TEMPORARY = ".writing-"
_MOST_LINKS = 40
"""On the way to a file, as on Linux."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to write to, which gets the name ``path`` when the block ends without error.

    An older file of the name stays until then, and its permissions after that. Raises OSError.
    """
    if (descriptor := _descriptor(path)) is not None:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            yield file
        return
    if not is_plain(path):
        with path.open("wb") as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    temporary = temporary_name(target)
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.rename(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def is_plain(path: Path) -> bool:
    """Whether there is a plain file at ``path``, or behind the link there, or nothing yet."""
    if _descriptor(path) is not None:
        return False
    return not path.exists() or stat.S_ISREG(path.stat().st_mode)


def _descriptor(path: Path) -> int | None:
    """The number of the open file of this process that a path such as /dev/stdout means."""
    own = Path(f"/proc/{os.getpid()}/fd")
    for _ in range(_MOST_LINKS):
        if not path.is_symlink():
            return None
        if Path(os.path.realpath(path.parent)) == own:
            return int(path.name)
        path = path.parent / path.readlink()
    return None


def temporary_name(path: Path) -> Path:
    """Where to write what is then renamed to ``path``."""
    return path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
