"""What a target of alerts is."""

from __future__ import annotations

from typing import Protocol

from streamer.alerts.alert import Alert


class Target(Protocol):
    """Takes alerts in the order of the stream; used from one thread."""

    @property
    def name(self) -> str:
        """What the user called it, without secrets."""

    @property
    def sent(self) -> int:
        """Alerts that have arrived."""

    @property
    def dropped(self) -> int:
        """Alerts that were given up."""

    def send(self, alert: Alert) -> None:
        """Take an alert; it may be sent later."""

    def settle(self) -> bool:
        """Wait until no alert can be lost by a crash; False if the process stops before."""

    def close(self) -> None:
        """Send what waits, for a bounded time, and let go of the connection."""
