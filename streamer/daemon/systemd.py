"""Messages to systemd on ``NOTIFY_SOCKET``, as sd_notify(3) describes them: Type=notify.

Reports when the daemon is ready, reloads or stops, its status and, as often as the watchdog needs,
that it is alive. Does nothing if the variable is not set.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

STATUS_SECONDS = 5.0
"""Time between two updates of the status line."""

STOPPING_SECONDS = 60.0
"""How much longer systemd waits after each message that the daemon is still stopping."""


class Notifier:
    """Sends messages; those that cannot be sent are dropped: systemd may be restarting."""

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        path = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._clock = clock
        watchdog = environment.get("WATCHDOG_USEC", "")
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._pause = STATUS_SECONDS
        self._has_watchdog = watchdog.isdigit() and is_ours
        if self._has_watchdog:
            # Half the watchdog's time, as systemd advises.
            self._pause = min(STATUS_SECONDS, int(watchdog) / 2e6)
        self._said_at = -self._pause
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if self._address else None

    def ready(self) -> None:
        """The daemon is ready."""
        self._send("READY=1")

    def alive(self, status: Callable[[], str]) -> None:
        """The loop has turned: report that and a status, if it is due."""
        self._keep_saying(["WATCHDOG=1"] * self._has_watchdog, status)

    def reloading(self) -> None:
        """A reload begins; :meth:`ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon has stopped reading."""
        self._send("STOPPING=1", "STATUS=writing the last snapshot")

    def still_stopping(self, status: Callable[[], str]) -> None:
        """The daemon needs more time to stop: ask for it, with a status, if it is due."""
        self._keep_saying([f"EXTEND_TIMEOUT_USEC={int(STOPPING_SECONDS * 1e6)}"], status)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()

    def _keep_saying(self, lines: list[str], status: Callable[[], str]) -> None:
        if self._socket is None or self._clock() - self._said_at < self._pause:
            return
        self._said_at = self._clock()
        self._send(*lines, f"STATUS={status()}")

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, self._address)
        except OSError:
            pass  # see the class
