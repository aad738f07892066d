"""Rows of matrices on their way into a snapshot: saved before they change, read back in order.

The system's pread is called directly: a Python call per row would take longer than the row itself
and hold the lock that the training thread needs between two kernels.
"""

from __future__ import annotations

from numba import types

from w2v_online.kernels.jit import kernel
from w2v_online.simd.memory import address_of

# ssize_t pread(int descriptor, void *buffer, size_t bytes, off_t offset), the pointer as a number
_pread = types.ExternalFunction(
    "pread", types.intp(types.intc, types.intp, types.intp, types.int64)
)


@kernel
def save_rows(matrix, rows, first, is_pending, saved, saved_values, used):
    """Save those of ``rows`` that are pending, which they are no more then.

    Parameters
    ----------
    matrix : float32[V, F]
    rows : int32[n], may hold rows more than once and -1 for none
    first : int, where to begin in ``rows``
    is_pending : uint8[p], rows from p on are never pending; updated
    saved : int32[s], the rows that were saved; written
    saved_values : float32[s, F], their values; written
    used : int, how many of ``saved`` are taken already

    Returns the new ``used``, and the first of ``rows`` that there was no more room for, or n.

    """
    for i in range(first, len(rows)):
        row = rows[i]
        if row < 0 or row >= len(is_pending) or is_pending[row] == 0:
            continue
        if used == len(saved):
            return used, i
        for j in range(matrix.shape[1]):
            saved_values[used, j] = matrix[row, j]
        saved[used] = row
        used += 1
        is_pending[row] = 0
    return used, len(rows)


@kernel
def copy_rows(matrix, begin, end, out):
    """Copy rows [begin, end) of ``matrix`` (float32[V, F]) to the first rows of ``out``."""
    for i in range(begin, end):
        for j in range(matrix.shape[1]):
            out[i - begin, j] = matrix[i, j]


@kernel
def claim_rows(begin, is_pending, has_changed):
    """Let rows from ``begin`` on be pending no more, just after they were copied.

    ``has_changed`` (bool[n]) tells which of these n rows had changed by then. Returns how many of
    them were pending: they have changed without having been saved, which must never be.
    """
    lost = 0
    for i in range(len(has_changed)):
        if is_pending[begin + i] == 1:
            lost += has_changed[i]
            is_pending[begin + i] = 0
    return lost


@kernel
def read_rows(descriptor, row_bytes, places, out):
    """Read the beginning of place ``places[i]`` (int32[n]) of a file to ``out[i]`` (float32[n, D]).

    A place has ``row_bytes``. Returns the first i that could not be read, n if all were.
    """
    out_bytes = 4 * out.shape[1]
    for i in range(len(places)):
        offset = row_bytes * places[i]
        if _pread(descriptor, address_of(out) + i * out_bytes, out_bytes, offset) != out_bytes:
            return i
    return len(places)
