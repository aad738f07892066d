"""Initial values of matrix rows, and their averages."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import uniform


@kernel
def initialise_rows(syn0, rows, vector_size, state):
    """Give new rows uniform values in [-0.3, 0.3) / sqrt(vector_size).

    Parameters
    ----------
    syn0 : float32[capacity, row_floats], written
    rows : int32[n], which of them
    vector_size : int, values behind it stay as they are
    state : uint64[1], generator; advanced

    """
    width = 0.6 / np.sqrt(np.float64(vector_size))
    for i in range(len(rows)):
        for j in range(vector_size):
            syn0[rows[i], j] = np.float32((uniform(state) - 0.5) * width)


@kernel
def average_rows(syn0, updates0, averages, averaged, first, last, share, min_updates):
    """Move averages towards their rows: a += share * (x - a).

    Parameters
    ----------
    syn0 : float32[capacity, row_floats], the rows x
    updates0 : uint32[capacity], updates of each row
    averages : float32[capacity, row_floats], the averages a, updated in place
    averaged : uint32[capacity], ``updates0`` at a row's last turn, 0 for none; updated
    first, last : int, rows whose turn it is
    share : float32
    min_updates : int, updates that a row must have to be averaged; its first average is itself

    A row without a further update since its last turn is left as it is.

    """
    for row in range(first, last):
        updates = updates0[row]
        if updates < min_updates or updates == averaged[row]:
            continue
        weight = share if averaged[row] else np.float32(1.0)
        averaged[row] = updates
        for j in range(syn0.shape[1]):
            averages[row, j] += weight * (syn0[row, j] - averages[row, j])
