"""Usual lines of the stream, some of them, to show beside a line that nobody expected."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.alerts.kinds import kind_of

EVERY_RECORDS = 128
"""One of so many records is looked at; which, depends on the stream alone."""

LEAST_P = 0.1
"""Records with a smaller p-value are not usual."""

MAX_LINES = 200
"""Lines that are kept, each of another kind; the one that was seen last longest ago goes first."""

MAX_CHARACTERS = 300

_WORD = re.compile(r"\w+")


class UsualLines:
    """Keeps usual lines and finds those that share most words with another line."""

    def __init__(self) -> None:
        self._lines: OrderedDict[str, str] = OrderedDict()  # by kind

    def take(
        self, number: int, p_values: NDArray[np.float64], text_of: Callable[[int], str]
    ) -> None:
        """Look at the records from ``number`` of the stream on; ``text_of(i)`` is the i-th."""
        first = -number % EVERY_RECORDS
        looked_at = p_values[first::EVERY_RECORDS]
        for i in (first + EVERY_RECORDS * np.flatnonzero(looked_at >= LEAST_P)).tolist():
            self._keep(text_of(i))

    def _keep(self, text: str) -> None:
        text = text[:MAX_CHARACTERS]
        kind = kind_of(text)
        self._lines[kind] = text
        self._lines.move_to_end(kind)
        if len(self._lines) > MAX_LINES:
            self._lines.popitem(last=False)

    def nearest(self, kind: str, most: int) -> list[str]:
        """Those that share most words with a kind, by Jaccard's measure; none that shares none."""
        words = frozenset(_WORD.findall(kind))
        shares = []
        for other, text in reversed(self._lines.items()):
            known = frozenset(_WORD.findall(other))
            if words & known:
                shares.append((len(words & known) / len(words | known), text))
        shares.sort(key=lambda pair: -pair[0])
        return [text for _, text in shares[:most]]

    def state(self) -> list[str]:
        """The lines, for a checkpoint."""
        return list(self._lines.values())

    def restore(self, state: list[Any]) -> None:
        """Take over what a checkpoint holds."""
        for text in state:
            self._keep(str(text))
