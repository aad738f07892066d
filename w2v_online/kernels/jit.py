"""The one place that says how kernels are compiled."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numba

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # No reference counting: kernels neither make nor keep arrays, and Numba would otherwise count
    # every array of an argument tuple at every call, which cost half the time of encoding.
    "_nrt": False,
}


def _load_array_functions() -> None:
    """Load Numba's array functions without SciPy's linear algebra, unless that is loaded already.

    They look for its BLAS when they are loaded, which takes as long as half of Numba. Kernels have
    no use for it; whoever compiles a product of matrices still gets it, loaded then.
    """
    if "scipy.linalg" in sys.modules or find_spec("scipy") is None:
        return
    hidden: dict[str, Any] = sys.modules
    hidden["scipy.linalg"] = None
    try:
        module: Any = import_module("numba.np.arraymath")
    finally:
        del hidden["scipy.linalg"]
    module._HAVE_BLAS = True


_load_array_functions()


@cache
def _digest_of_sources(own_folder: Path) -> str:
    """A digest of every file that goes into the compiled code of a kernel in this folder."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for file in [
        *sorted({*folder.glob("*.py"), *own_folder.glob("*.py")}),
        *sorted((folder.parent / "simd").glob("*.py")),
    ]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile an entry point: called from Python, cached on disk, runs without the GIL."""
    compiled: Any = numba.njit(cache=True, **_OPTIONS)(function)
    # Numba takes cached code for current if the kernel's own file is, though helpers from other
    # files are compiled into it: after an update, old code would run on new data. Another version
    # is not even read, for its types may be gone.
    sources = _digest_of_sources(Path(function.__code__.co_filename).parent)
    cache_file = compiled._cache._cache_file
    cache_file._version = f"{cache_file._version} {sources}"
    dispatcher: Callable[..., Any] = compiled
    return dispatcher


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper into the kernels that call it: a call would pass tuples field by field."""
    compiled: Callable[..., Any] = numba.njit(forceinline=True, **_OPTIONS)(function)
    return compiled


def rare(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper that is seldom called; kernels stay small without its body."""
    compiled: Callable[..., Any] = numba.njit(**_OPTIONS)(function)
    return compiled
