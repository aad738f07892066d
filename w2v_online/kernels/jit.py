"""The one place that says how kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile an entry point: called from Python, cached on disk, runs without the GIL."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def inner(function: F) -> F:
    """Compile a helper that only kernels call; it becomes part of them."""
    return numba.njit(nogil=True, error_model="numpy", inline="never")(function)  # type: ignore[no-any-return]
