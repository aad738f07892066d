"""Initial values of matrix rows."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import uniform


@kernel
def initialise_rows(syn0, first, last, vector_size, state):
    """Give new rows uniform values in [-0.5, 0.5) / vector_size; none if first equals last.

    Parameters
    ----------
    syn0 : float32[capacity, row_floats], written
    first, last : int, the rows, ``last`` not included
    vector_size : int, values behind it stay as they are
    state : uint64[1], generator; advanced

    """
    for row in range(first, last):
        for j in range(vector_size):
            syn0[row, j] = np.float32((uniform(state) - 0.5) / vector_size)
