"""The live line at the bottom of a terminal: labelled figures that never wrap.

Figures that the terminal is too narrow for are left out from the end, and the line is wiped when it
ends: what stays on the screen is the log.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_BLOCKS = "▁▂▃▄▅▆▇█"
_POINTS = 20
_CURVE_SECONDS = 2.0
"""Time between two points of the curve of losses."""

_SEPARATOR = "  ·  "


class LiveLine:
    """A line on stderr that is written over; nothing is loaded until it starts.

    Whoever closes the terminal does not end the run: what cannot be shown there is dropped.
    """

    def __init__(self) -> None:
        self._live: Any = None
        self._curve: deque[float] = deque(maxlen=_POINTS)
        self._curve_at = -math.inf

    def start(self) -> None:
        """Begin to show."""
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        with suppress(OSError):
            self._live.start()

    def stop(self) -> None:
        """Wipe the line."""
        with suppress(OSError):
            self._live.stop()

    def show(self, parts: Sequence[str], loss: float = math.nan) -> None:
        """Show as many parts as fit, the first ones first, and the recent losses after them."""
        from rich.cells import cell_len
        from rich.text import Text

        curve = self._loss_curve(loss)
        wanted = [*parts[:-1], f"{parts[-1]} {curve}"] if curve else list(parts)
        width = self._live.console.width - 1  # a full line would wrap on some terminals
        line = wanted[0]
        for part in wanted[1:]:
            longer = line + _SEPARATOR + part
            if cell_len(longer) > width:
                break
            line = longer
        text = Text(line, no_wrap=True, overflow="ellipsis", end="")
        text.truncate(width, overflow="ellipsis")
        with suppress(OSError):
            self._live.update(text, refresh=True)

    def _loss_curve(self, loss: float) -> str:
        """The losses of late, as a line of blocks."""
        if math.isnan(loss):
            return ""
        now = time.monotonic()
        if now - self._curve_at >= _CURVE_SECONDS:
            self._curve.append(loss)
            self._curve_at = now
        low, high = min(self._curve), max(self._curve)
        scale = (len(_BLOCKS) - 1) / max(high - low, 1e-3)
        return "".join(_BLOCKS[round((value - low) * scale)] for value in self._curve)
