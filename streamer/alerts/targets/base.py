"""What a target of alerts is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

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

    def state(self) -> dict[str, Any]:
        """Where it is, for the checkpoint before which :meth:`settle` was called."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """A run begins at the checkpoint with this state, ``{}`` if there is none."""

    def close(self) -> None:
        """Send what waits, for a bounded time, and let go of the connection."""
