"""When a record is worth an alert, as ``--alert-at`` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}


@dataclass(frozen=True)
class AlertAt:
    """The value of ``--alert-at``."""

    kind: Literal["p", "rate"]
    value: float
    """The p-value itself, or alerts a second."""


def parse_alert_at(text: str) -> AlertAt:
    """``p=0.001`` or ``rate=10/hour``; ValueError for anything else."""
    name, _, value = text.strip().partition("=")
    try:
        if name == "p" and 0.0 < float(value) <= 1.0:
            return AlertAt("p", float(value))
        if name == "rate":
            number, _, unit = value.partition("/")
            if float(number) > 0.0:
                return AlertAt("rate", float(number) / _SECONDS[unit.removesuffix("s")])
    except (ValueError, KeyError):
        pass
    raise ValueError(
        "expected a share of the records such as p=0.001, or a rate such as rate=10/hour "
        "(second, minute, hour or day)"
    )
