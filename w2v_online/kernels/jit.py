"""The one place that says how kernels are compiled."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    # No reference counting: kernels neither make nor keep arrays, and Numba would otherwise count
    # every array of an argument tuple at every call, which cost half the time of encoding.
    "_nrt": False,
    # No code for calls by a pointer from C.
    "no_cfunc_wrapper": True,
}


_HELPER_OPTIONS: dict[str, Any] = {
    **_OPTIONS,
    # Nor for calls from Python: code that takes a tuple of arrays apart is most of a small helper,
    # and a third of the time that compiling took.
    "no_cpython_wrapper": True,
}

_DIGEST_BYTES = hashlib.sha256().digest_size

_problems: list[str] = []


def cache_problem() -> str:
    """Why kernels had to be compiled although they should be cached, or cannot be cached; or ""."""
    return _problems[0] if _problems else ""


def is_new(kernel: Any) -> bool:
    """Whether a kernel was never compiled on this machine, and will be remembered once it is."""
    cache_file = getattr(kernel._cache, "_cache_file", None)
    if cache_file is None or kernel.overloads:
        return False
    try:
        return not cache_file._load_index()
    except Exception:  # whatever a damaged file raises: see load_overload
        return False


def _guard(cache: Any) -> None:
    """Let a kernel's cache be slow where it is damaged or cannot be written, never an error.

    Code is stored with its checksum, because a flipped bit in it ends the process. And it is loaded
    without what only compiling needs: before it looks, Numba imports the rest of itself, and SciPy
    and cffi where they are installed, a third of a start's time. Where nothing is cached its
    compiler does so anyway.
    """
    file, save = cache._cache_file, cache.save_overload

    def load_overload(signature: Any, target_context: Any) -> Any:
        try:
            return cache._load_overload(signature, target_context)
        except Exception as error:  # whatever damaged pickles raise
            _problems.append(f"{file._index_path} is damaged ({type(error).__name__})")
            try:
                file.flush()
            except Exception:  # it cannot be written either, which saving will say
                return None
            return None

    def save_overload(signature: Any, data: Any) -> None:
        try:
            save(signature, data)
        except Exception as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            _problems.append(f"{cache.cache_path} cannot be written: {reason}")

    def load_data(name: str) -> Any:
        data = Path(file._data_path(name)).read_bytes()
        digest, code = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        if hashlib.sha256(code).digest() != digest:
            raise ValueError("checksum differs")
        return pickle.loads(code)  # noqa: S301 as Numba does, with what it wrote itself

    def save_data(name: str, data: Any) -> None:
        code = file._dump(_machine_code_alone(data))
        with file._open_for_write(file._data_path(name)) as stream:
            stream.write(hashlib.sha256(code).digest() + code)

    cache.load_overload, cache.save_overload = load_overload, save_overload
    file._load_data, file._save_data = load_data, save_data


def _machine_code_alone(data: Any) -> Any:
    """What Numba keeps of a kernel, without its LLVM code, which takes half of the time to load.

    Numba keeps that for others that call the function, but no kernel calls a kernel. What remains
    of it is one name, by which Numba knows that the machine code has the entry point.
    """
    (name, kind, (machine_code, _)), description, *rest = data
    entry = description.llvm_cpython_wrapper_name
    stub = llvmlite.binding.parse_assembly(f'define void @"{entry}"() {{ ret void }}')
    return ((name, kind, (machine_code, stub.as_bitcode())), description, *rest)


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
    """Compile an entry point: called from Python alone, cached on disk, runs without the GIL."""
    try:
        compiled: Any = numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:  # Numba finds no folder that it may write to
        _problems.append("there is no folder for it that can be written")
        uncached: Callable[..., Any] = numba.njit(**_OPTIONS)(function)
        return uncached
    # Numba takes cached code for current if the kernel's own file is, though helpers from other
    # files are compiled into it: after an update, old code would run on new data. Another version
    # is not even read, for its types may be gone.
    sources = _digest_of_sources(Path(function.__code__.co_filename).parent)
    cache_file = compiled._cache._cache_file
    cache_file._version = f"{cache_file._version} {sources}"
    _guard(compiled._cache)
    dispatcher: Callable[..., Any] = compiled
    return dispatcher


def _helper(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a function that only kernels call; a call from Python raises TypeError."""
    compiled: Any = numba.njit(**options, **_HELPER_OPTIONS)(function)

    def refuse(*_args: Any, **_keywords: Any) -> None:
        raise TypeError(f"{function.__name__} can only be called by kernels")

    # Numba would call what it has compiled for these types, and there is no such code.
    compiled._insert = lambda *_args: None
    compiled._compile_for_args = refuse
    helper: Callable[..., Any] = compiled
    return helper


def inner(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper into the kernels that call it: a call would pass tuples field by field."""
    return _helper(function, forceinline=True)


def inner_sum(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper as :func:`inner` does, whose sums may be taken in any order."""
    return _helper(function, forceinline=True, fastmath={"reassoc", "contract"})


def rare(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a helper that is seldom called; kernels stay small without its body."""
    return _helper(function)
