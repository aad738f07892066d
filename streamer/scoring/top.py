"""The most surprising of many lines, in memory for these alone."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class MostSurprising:
    """Keeps the ``most`` lines with the greatest surprise, of equal ones the earliest.

    With ``kind_of`` only the most surprising line of each kind.
    """

    def __init__(self, most: int, kind_of: Callable[[str], str] | None) -> None:
        self._most = most
        self._kind_of = kind_of
        self._heap: list[tuple[float, int, str]] = []
        self._kept: dict[str, tuple[float, int, str]] = {}
        self._numbers = count()

    def least(self) -> float:
        """Lines that are not more surprising need not be offered."""
        self._drop_replaced()
        return self._heap[0][0] if len(self._kept) == self._most else float("-inf")

    def offer(self, surprise: float, text: str, printed: str) -> None:
        """Take the next line, which is printed so."""
        if surprise <= self.least():
            return
        number = next(self._numbers)
        kind = str(number) if self._kind_of is None else self._kind_of(text)
        known = self._kept.get(kind)
        if known is not None and known[0] >= surprise:
            return
        if known is None and len(self._kept) == self._most:
            del self._kept[self._heap[0][2]]
            heapq.heappop(self._heap)
        self._kept[kind] = surprise, -number, printed
        heapq.heappush(self._heap, (surprise, -number, kind))

    def _drop_replaced(self) -> None:
        """Remove lines from the heap's top for which a more surprising one of their kind came."""
        while self._heap and self._kept[self._heap[0][2]][1] != self._heap[0][1]:
            heapq.heappop(self._heap)

    def printed(self) -> list[str]:
        """The lines, the most surprising first."""
        return [line for _, _, line in sorted(self._kept.values(), reverse=True)]
