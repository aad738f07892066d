"""Where the HTTP server listens: HOST:PORT, on this machine alone unless a host is named."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Address:
    """A host, by name or number, and a port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_address(value: object) -> object:
    """``127.0.0.1:8787``, ``[::1]:8787``, or ``8787`` and ``:8787`` for this machine alone."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(?:(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]*):)?([0-9]{1,5})", value.strip())
    if not found or int(found[2]) > 65535:
        raise ValueError("expected HOST:PORT such as 127.0.0.1:8787")
    return Address((found[1] or "").strip("[]") or LOOPBACK, int(found[2]))
