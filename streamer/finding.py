"""What is found when a configuration is checked before a start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """A failure if a start would stop or could not go on, a warning if it may come to that."""

    level: Literal["ok", "warning", "failure"]
    what: str
    message: str
