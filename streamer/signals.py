"""Signals as flags that the pipeline looks at between two batches."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Signals:
    """SIGTERM and SIGINT ask to stop (a second one exits at once); SIGUSR1 asks for a snapshot.

    SIGHUP asks for the configuration to be read again.

    ``descriptor`` becomes readable when one arrives, so that a wait for input ends.
    """

    def __init__(self) -> None:
        self.stop = False
        self.snapshot = False
        self.reload = False
        self.descriptor, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
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
        self._wake()

    def _on_snapshot(self, _number: int, _frame: FrameType | None) -> None:
        self.snapshot = True
        self._wake()

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self.reload = True
        self._wake()

    def take_reload_request(self) -> bool:
        """Whether a reload was asked for since the last call."""
        asked, self.reload = self.reload, False
        return asked

    def _wake(self) -> None:
        try:
            os.write(self._write, b"!")
        except BlockingIOError:
            pass  # full of wake-ups that nobody has read: awake enough

    def take_snapshot_request(self) -> bool:
        """Whether a snapshot was asked for since the last call."""
        try:
            while not self.stop and os.read(self.descriptor, 4096):
                pass
        except BlockingIOError:
            pass
        asked, self.snapshot = self.snapshot, False
        return asked
