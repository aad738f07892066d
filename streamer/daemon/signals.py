"""Signals as flags that the pipeline looks at between two batches."""

from __future__ import annotations

import os
import signal
from types import FrameType


def wake_up_descriptor() -> int:
    """A descriptor that becomes readable when a signal arrives that has a handler.

    Python writes there at once, in whichever thread meets the signal, also one of a library. A
    handler runs later, in the main thread, once that does: if it is about to wait just then, for
    anything else, that may be never.
    """
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    # Full of wake-ups that nobody has read, it is awake enough.
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


class Signals:
    """SIGTERM and SIGINT ask to stop (a second one exits at once); SIGUSR1 asks for a snapshot.

    SIGHUP asks for the configuration to be read again.

    ``descriptor`` becomes readable when one arrives, so that a wait for input ends.
    """

    def __init__(self) -> None:
        self.stop = False
        self.snapshot = False
        self.reload = False
        self.descriptor = wake_up_descriptor()
        self.arm()

    def arm(self) -> None:
        """Have signals come here, again if a library has taken them."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_snapshot)
        signal.signal(signal.SIGHUP, self._on_reload)

    def _on_stop(self, number: int, _frame: FrameType | None) -> None:
        if self.stop:
            os._exit(128 + number)
        self.stop = True

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
