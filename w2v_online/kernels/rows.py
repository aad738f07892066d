"""Initial values of matrix rows."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import uniform


@kernel
def initialise_rows(syn0, rows, vector_size, state):
    """Give new rows uniform values in [-0.5, 0.5) / vector_size.

    Parameters
    ----------
    syn0 : float32[capacity, row_floats], written
    rows : int32[n], which of them
    vector_size : int, values behind it stay as they are
    state : uint64[1], generator; advanced

    """
    for i in range(len(rows)):
        for j in range(vector_size):
            syn0[rows[i], j] = np.float32((uniform(state) - 0.5) / vector_size)
