"""The one place that says how kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # No reference counting: kernels neither make nor keep arrays, and Numba would otherwise count
    # every array of an argument tuple at every call, which cost half the time of encoding.
    "_nrt": False,
}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile an entry point: called from Python, cached on disk, runs without the GIL."""
    compiled: Callable[..., Any] = numba.njit(cache=True, **_OPTIONS)(function)
    return compiled


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper into the kernels that call it: a call would pass tuples field by field."""
    compiled: Callable[..., Any] = numba.njit(forceinline=True, **_OPTIONS)(function)
    return compiled


def rare(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper that is seldom called; kernels stay small without its body."""
    compiled: Callable[..., Any] = numba.njit(**_OPTIONS)(function)
    return compiled
