"""The files of a publisher on this machine: where one cannot be used, the error names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from w2v_online.errors import W2VError


class StateError(W2VError):
    """A file of a publisher cannot be used; it is tried again when a snapshot follows."""


@contextmanager
def use_of(path: Path, what: str) -> Iterator[None]:
    """Errors of the system in the block are a StateError: ``path`` cannot be ``what``."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{path} cannot be {what}: {error.strerror or error}") from error
