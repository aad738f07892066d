"""NumPy's ``.npy`` files, version 1.0: written a piece at a time, read strictly.

Reading takes exactly what this package writes: little-endian numbers in C order, as many as the
header says and nothing behind them. Whatever else a file holds is an error, never an array.
"""

from __future__ import annotations

import io
import mmap
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v_online.errors import SnapshotError

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '(?P<dtype><[fiu][248]|\|[iu]1)', 'fortran_order': False, "
    rb"'shape': \((?P<shape>|[0-9]{1,18},|[0-9]{1,18}(?:, [0-9]{1,18})+)\), \} *\n"
)
_MAX_HEADER_BYTES = 4096


def header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """What stands before the numbers of an array."""
    stream = io.BytesIO()
    description = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(
        stream, {"descr": description, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def map_bytes(file: Path, *, is_guarded: bool = False) -> NDArray[np.uint8]:
    """The content of ``file``, memory-mapped and read-only; SnapshotError if it cannot be read.

    Compiled code that ignores NumPy's read-only flag dies of SIGSEGV when it writes to it; if it
    ``is_guarded`` what such code writes goes to pages of this process's own, never to the file.
    """
    access = mmap.ACCESS_COPY if is_guarded else mmap.ACCESS_READ
    try:
        with file.open("rb") as stream:
            if not os.fstat(stream.fileno()).st_size:
                return np.frombuffer(b"", np.uint8)  # nothing cannot be mapped
            content = np.frombuffer(mmap.mmap(stream.fileno(), 0, access=access), np.uint8)
            content.flags.writeable = False
            return content
    except OSError as error:
        raise SnapshotError(f"{file} cannot be read: {error.strerror}") from error


def map_array(file: Path) -> NDArray[Any]:
    """The array in ``file``, memory-mapped and read-only; SnapshotError if it holds none."""
    return array_in(map_bytes(file), file)


def array_in(content: NDArray[np.uint8], file: Path) -> NDArray[Any]:
    """The array in the content of ``file``, a view; SnapshotError if it holds none."""
    dtype, shape, offset = _read_header(file, content[:_MAX_HEADER_BYTES].tobytes())
    items = 1
    for length in shape:
        items *= length
    if len(content) != offset + items * dtype.itemsize:
        raise SnapshotError(
            f"{file} is damaged: it has {len(content)} bytes, but its header asks for "
            f"{offset + items * dtype.itemsize}"
        )
    if not items:
        # Without items, no other length of the shape is bounded.
        array = np.empty([length if length < 1 << 32 else 0 for length in shape], dtype)
        array.flags.writeable = False
        return array
    return content[offset:].view(dtype).reshape(shape)


def _read_header(file: Path, beginning: bytes) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type and shape of the array, and where its numbers begin."""
    length = int.from_bytes(beginning[8:10], "little")
    match = _HEADER.fullmatch(beginning[10 : 10 + length])
    if not beginning.startswith(_MAGIC) or match is None:
        raise SnapshotError(f"{file} is damaged: it does not begin like an array in NumPy's format")
    shape = tuple(int(number) for number in match["shape"].split(b",") if number.strip())
    return np.dtype(match["dtype"].decode()), shape, 10 + length
