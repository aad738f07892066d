"""A thread that keeps word vectors in step with the folder of a live daemon.

It looks at the folder's LATEST a few times a second, which costs one small read, and loads what is
new. Knows nothing of what vectors are: it calls ``refresh`` and the caller's own function.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, TypeVar

from w2v_online.errors import SnapshotError

_log = logging.getLogger(__name__)


class Refreshable(Protocol):
    """Something that can load what is new."""

    def refresh(self) -> bool:
        """Load what is new; return whether there was anything."""


_T = TypeVar("_T", bound=Refreshable)


class Watch(Generic[_T]):
    """Calls ``callback(vectors)`` after each new snapshot until stopped; starts at once."""

    def __init__(
        self,
        vectors: _T,
        callback: Callable[[_T], object] | None,
        interval_seconds: float,
    ) -> None:
        self._vectors = vectors
        self._callback = callback
        self._interval_seconds = interval_seconds
        self._stopping = threading.Event()
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="vectors-watch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_seconds):
            try:
                has_changed = self._vectors.refresh()
                self._failure = ""
            except Exception as error:
                # Said once: a folder that is away may be away for hours.
                if repr(error) != self._failure:
                    self._log_failure(error)
                self._failure = repr(error)
                continue
            if has_changed and self._callback is not None:
                try:
                    self._callback(self._vectors)
                except Exception:
                    _log.exception("the callback of a watch failed")

    def _log_failure(self, error: Exception) -> None:
        if isinstance(error, SnapshotError):
            _log.warning("%s", error)
        else:
            _log.warning("a newer snapshot cannot be loaded: %r", error, exc_info=True)

    def stop(self) -> None:
        """Stop watching; returns when a callback that runs is done, at once from within one."""
        self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Watch[_T]:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()
