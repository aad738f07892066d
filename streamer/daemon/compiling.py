"""Says that kernels are being compiled, for what, and for how long already."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any

NOTICE_SECONDS = 1.0
"""Loading compiled kernels takes less: nothing is said of it."""

REPEAT_SECONDS = 10.0


class CompileNotice:
    """Logs ``compiling_kernels`` while its block takes long; use as a context manager."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._what = ""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="compile-notice", daemon=True)

    def __enter__(self) -> CompileNotice:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def step(self, what: str) -> None:
        """What kernels are compiled for from now on."""
        self._what = what

    def _run(self) -> None:
        wait = NOTICE_SECONDS
        while not self._is_over.wait(wait):
            seconds = round(time.monotonic() - self._began)
            self._log.info("compiling_kernels", what=self._what, seconds=seconds)
            wait = REPEAT_SECONDS
