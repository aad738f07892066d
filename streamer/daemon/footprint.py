"""Releases memory that is not needed any more: the compiler's library, once kernels are loaded.

LLVM's library is the largest single part of a small daemon's resident memory, and hardly any of it
is needed once the kernels are loaded. Its pages are read-only copies of a file, so releasing them
loses nothing: if they are needed, the system reads them again.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

_MADV_DONTNEED = 4
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-[x-]p .*/libllvmlite\.so$")
_CHANGED = re.compile(r"^(Anonymous|Swap): +[1-9]")


def release_compiler() -> int:
    """Release the pages of LLVM's code and constants; return how many bytes they span.

    Does nothing where there is no /proc (not Linux).
    """
    try:
        mappings = Path("/proc/self/smaps").read_text()
    except OSError:
        return 0
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    released = 0
    for start, end in _unchanged(mappings):
        if madvise(start, end - start, _MADV_DONTNEED) == 0:
            released += end - start
    return released


def _unchanged(mappings: str) -> list[tuple[int, int]]:
    """Where parts of the library begin and end that cannot be written, nor were before.

    The loader writes addresses into some parts and then protects them: those would be lost.
    """
    found: list[tuple[int, int]] = []
    is_own = False
    for line in mappings.splitlines():
        if line[-2:] != "kB" and "-" in line.partition(" ")[0]:  # the next mapping begins
            mapping = _MAPPING.match(line)
            is_own = mapping is not None
            if mapping is not None:
                found.append((int(mapping[1], 16), int(mapping[2], 16)))
        elif is_own and _CHANGED.match(line):
            found.pop()
            is_own = False
    return found
