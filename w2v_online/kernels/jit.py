"""The one place that says how kernels are compiled."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
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


def _load_cached_code_only(cache: Any) -> None:
    """Let a kernel's cache load machine code without what only compiling needs.

    Before it looks, Numba imports the rest of itself, and SciPy and cffi where they are installed:
    a third of a start's time. Where nothing is cached its compiler does so anyway.
    """

    def load_overload(signature: Any, target_context: Any) -> Any:
        with cache._guard_against_spurious_io_errors():
            return cache._load_overload(signature, target_context)

    cache.load_overload = load_overload


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
    _load_cached_code_only(compiled._cache)
    dispatcher: Callable[..., Any] = compiled
    return dispatcher


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper into the kernels that call it: a call would pass tuples field by field."""
    compiled: Callable[..., Any] = numba.njit(forceinline=True, **_OPTIONS)(function)
    return compiled


def inner_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper as :func:`inner` does, whose sums may be taken in any order."""
    compiled: Callable[..., Any] = numba.njit(
        forceinline=True, fastmath={"reassoc", "contract"}, **_OPTIONS
    )(function)
    return compiled


def rare(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper that is seldom called; kernels stay small without its body."""
    compiled: Callable[..., Any] = numba.njit(**_OPTIONS)(function)
    return compiled
