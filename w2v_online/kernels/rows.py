"""Initial values of matrix rows."""

from __future__ import annotations

import numpy as np

from w2v_online.kernels.jit import kernel
from w2v_online.kernels.random import uniform


@kernel
def initialise_rows(syn0, first, last, vector_size, state):
    """Fill rows ``first`` to ``last`` of syn0 (float32) with uniform values in [-0.5, 0.5) / vector_size."""
    for row in range(first, last):
        for j in range(vector_size):
            syn0[row, j] = np.float32((uniform(state) - 0.5) / vector_size)
