"""Releases memory that is not needed any more: the compiler's code, once kernels are loaded.

LLVM's library is the largest single part of a small daemon's resident memory, and hardly any of it
is needed once the kernels are loaded. Its pages are read-only copies of a file, so releasing them
loses nothing: if they are needed, the system reads them again.
"""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

_MADV_DONTNEED = 4
_COMPILER_CODE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-xp .*/libllvmlite\.so$", re.MULTILINE)


def release_compiler() -> int:
    """Release the pages of LLVM's code; return how many bytes they span.

    Only mappings that are executable and not writable: their pages are those of the file. Does
    nothing where there is no /proc (not Linux).
    """
    try:
        mappings = Path("/proc/self/maps").read_text()
    except OSError:
        return 0
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    released = 0
    for first, last in _COMPILER_CODE.findall(mappings):
        start, end = int(first, 16), int(last, 16)
        if madvise(start, end - start, _MADV_DONTNEED) == 0:
            released += end - start
    return released
