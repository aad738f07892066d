"""A user's own tokenizer: ``module:function``, or the name of an installed entry point.

The function takes the text of a record and returns its tokens; options become its keyword
arguments. It is identified by its attribute ``version``, or else by the version of the distribution
of the entry point, or else by a digest of its source file.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.tokenizers.base import identity_of
from streamer.tokenizers.function import FunctionTokenizer

ENTRY_POINTS = "w2v_stream.tokenizers"
"""The group of entry points under which distributions offer tokenizers."""


def installed() -> dict[str, EntryPoint]:
    """Entry points by name."""
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def custom(name: str, options: dict[str, str]) -> FunctionTokenizer:
    """Import the tokenizer of this name; ConfigurationError if that fails."""
    entry = installed().get(name)
    try:
        function = _imported(name) if entry is None else entry.load()
    except Exception as error:
        raise ConfigurationError(
            f"--tokenizer: {name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not callable(function):
        raise ConfigurationError(f"--tokenizer: {name} is not a function")
    try:
        inspect.signature(function).bind("", **options)
    except TypeError as error:
        raise ConfigurationError(f"--tokenizer-option: {name} {error}") from error
    except ValueError:
        pass  # a function of a compiled module may hide its signature
    version = getattr(function, "version", None)
    if version is None and entry is not None and entry.dist is not None:
        version = entry.dist.version
    identity = identity_of(name, str(version or _digest(function)), **options)
    return FunctionTokenizer(partial(function, **options), identity)


def _imported(name: str) -> Any:
    """``module:function``, the module also from the working directory, as ``python -m`` does."""
    module, _, function = name.partition(":")
    if (folder := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, folder)
    found: Any = import_module(module)
    for part in function.split("."):
        found = getattr(found, part)
    return found


def _digest(function: Callable[..., Any]) -> str:
    try:
        path = inspect.getsourcefile(function)
        data = Path(path).read_bytes() if path else None
    except (TypeError, OSError):
        data = None
    if data is None:
        raise ConfigurationError(
            "--tokenizer: give the function a version, an attribute of that name, because it has "
            "no file that would identify it"
        )
    return f"sha256-{hashlib.sha256(data).hexdigest()[:16]}"
