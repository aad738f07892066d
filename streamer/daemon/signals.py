"""Signals as flags that the loop looks at between two batches; a stop is acknowledged at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any


class Stopped(BaseException):
    """A signal asked to stop before there was anything to finish.

    Not an Exception: nothing on the way may take it for a failure of its own.
    """


def wake_up_descriptor() -> int:
    """A descriptor that becomes readable when a signal arrives that has a handler.

    Python writes there at once, in whichever thread receives the signal, also one of a library. A
    handler runs later, in the main thread; if that is about to wait for anything else just then,
    it would run only after the wait.
    """
    readable, writable = os.pipe()
    for end in (readable, writable):
        os.set_blocking(end, False)
    # If the pipe is full, the descriptor is readable anyway.
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


class Signals:
    """SIGTERM and SIGINT ask to stop (a second one exits at once); SIGUSR1 asks for a snapshot.

    SIGHUP asks for the configuration to be read again.

    A handler may interrupt anything, also a line that is being logged: ``log`` must share no lock
    with other loggers. ``descriptor`` becomes readable when a signal arrives, so that a wait for
    input ends. Until :meth:`defer` is called, a request to stop raises Stopped.
    """

    def __init__(self, log: Any) -> None:
        self.stop = False
        self.snapshot = False
        self.reload = False
        self.unsaved: Callable[[], Mapping[str, int]] = dict
        """What would be lost if the process ended now, for the log."""
        self._log = log
        self._is_deferred = False
        self.descriptor = wake_up_descriptor()
        self.arm()

    def arm(self) -> None:
        """Install the handlers, again if a library has replaced them."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_snapshot)
        signal.signal(signal.SIGHUP, self._on_reload)

    def defer(self) -> None:
        """From now on a request to stop only sets a flag: there is something to finish."""
        self._is_deferred = True

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self.stop:
            self._log.error(
                "exited_at_once",
                signal=name,
                note="learned since the last snapshot and lost",
                **self.unsaved(),
            )
            os._exit(128 + number)
        self.stop = True
        if not self._is_deferred:
            raise Stopped
        self._log.info(
            "stopping",
            signal=name,
            note="finishing what was read and writing a snapshot; a second signal exits at once "
            "and loses what is not saved",
            **self.unsaved(),
        )

    def _on_snapshot(self, _number: int, _frame: FrameType | None) -> None:
        self.snapshot = True

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload = True

    def take_reload_request(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self.reload = self.reload, False
        return asked

    def take_snapshot_request(self) -> bool:
        """Whether a snapshot was asked for since the last call."""
        try:
            while not self.stop and os.read(self.descriptor, 4096):
                pass
        except BlockingIOError:
            pass
        asked, self.snapshot = self.snapshot, False
        return asked
