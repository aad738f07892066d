"""Numbers in records: how unusual each is among the earlier ones in its place.

A place is the n-th of what varies in a kind of record, such as the duration in "job # took # ms",
whether the job is called 17 or 7f3a9c. For each, the last numbers are counted in bins whose width
is a share of the number, as in DDSketch (Masson et al. 2019).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, OrderedDict
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any

from ddsketch.mapping import LogarithmicMapping

from streamer.alerts.kinds import MAX_KIND_CHARACTERS

MAX_KINDS = 500
"""Kinds of records whose numbers are kept; the one that was seen last longest ago goes first."""

MAX_NUMBERS = 6
"""Numbers of a record that are judged, from its beginning."""

MAX_MASKS = 32
"""What varies in a record is looked at from its beginning, so many at most."""

LEAST_NUMBERS = 500
"""Earlier numbers in a place before one is judged."""

MEMORY_NUMBERS = 100_000
"""Numbers in a place after which all counts are halved."""

_RELATIVE_ERROR = 0.05
_GREATEST = 1e18
_SHIFT = 1000
"""Makes the mapping's keys positive, so that a sign can tell negative numbers."""

_BLOCK_SHARE = 64
_LEAST_BLOCK = 16
"""Numbers are compared with those before their block: one in so many of them, or so few."""

_RECENT_NUMBERS = 200.0
"""Shares of recent numbers forget about two thirds after so many."""

_EXTREME_P = 0.02
_MOST_EXTREME = 0.05
"""A place where more than such a share of recent numbers was extreme is not judged."""

_MOST_RISING = 0.3
"""Nor one where such a share more of them rose than fell, or the reverse, as a counter does."""

_TOLD_P = 0.01
"""Numbers with a greater p-value are not told."""

_NUMBER = r"""
    (?<![\w./-]) (?<!\d[:,])            # not inside a word, a date, a time or a path
    -?\d+(?:\.\d+)?
    (?=[a-zA-Zµ%]{0,3}(?:[\s,;)\]}"']|$))  # a unit may follow
"""

_VARYING = re.compile(
    rf"""(?=[-0-9a-fA-F])(?:            # fast to see that nothing begins here
    \b[0-9a-fA-F]{{8}}(?:-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}\b  # a UUID
    | \b0[xX][0-9a-fA-F]+\b
    | \b(?![0-9]+[a-zA-Z]\b) (?=[0-9]*[a-fA-F]) (?=[a-fA-F]*[0-9]) [0-9a-fA-F]{{6,}}\b
    | (?P<number>{_NUMBER})
    | [0-9]+)
    """,
    re.VERBOSE,
)
"""What is masked in a kind, as in :mod:`streamer.alerts.kinds`, but a number is one mask with its
sign and fraction. Six digits and letters up to f are an identifier; digits and a unit are not."""

_mapping = LogarithmicMapping(_RELATIVE_ERROR)


@dataclass(frozen=True)
class UnusualValue:
    """A number that is rare in its place."""

    text: str
    p: float
    """Twice the share of earlier numbers at least as great, or of those at most as great."""
    low: float
    high: float
    """Between these were 98 of 100 earlier numbers, within five percent."""

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"value": self.text, "p": self.p, "usual": [self.low, self.high]}


class Values:
    """Judges each record's numbers, and remembers them, in the order of the stream."""

    def __init__(self) -> None:
        self._kinds: OrderedDict[str, dict[int, _Place]] = OrderedDict()

    def judge(self, text: str) -> tuple[float, UnusualValue | None]:
        """The p-value of a record's numbers together, nan if none is judged, and the worst one."""
        found = _numbers(text)
        if not found:
            return float("nan"), None
        judged: list[tuple[float, str, _Place]] = []
        places = self._places(_kind(text))
        for n, number in found:
            place = places.get(n) or places.setdefault(n, _Place())
            value = min(max(float(number), -_GREATEST), _GREATEST)
            if place.is_judged:
                judged.append((place.p_value(value), number, place))
            place.add(value)
        if not judged:
            return float("nan"), None
        p, number, place = min(judged, key=lambda entry: entry[0])
        p = min(1.0, p * len(judged))
        return p, UnusualValue(number, p, *place.usual()) if p <= _TOLD_P else None

    def _places(self, kind: str) -> dict[int, _Place]:
        places = self._kinds.setdefault(kind, {})
        self._kinds.move_to_end(kind)
        if len(self._kinds) > MAX_KINDS:
            self._kinds.popitem(last=False)
        return places

    def state(self) -> list[Any]:
        """What a checkpoint holds."""
        return [
            [kind, [[n, place.state()] for n, place in places.items()]]
            for kind, places in self._kinds.items()
        ]

    def restore(self, state: list[Any]) -> None:
        """Take over what a checkpoint holds."""
        for kind, places in state:
            if all(isinstance(place, list) for place in places):  # else they were counted otherwise
                self._kinds[kind] = {n: _Place.restored(**place) for n, place in places}


def _numbers(text: str) -> list[tuple[int, str]]:
    """The first numbers of a record, each with which of its masks it is."""
    masks = islice(_VARYING.finditer(text), MAX_MASKS)
    numbers = ((n, match["number"]) for n, match in enumerate(masks) if match["number"])
    return list(islice(numbers, MAX_NUMBERS))


def _kind(text: str) -> str:
    """The text with masks, cut as :func:`streamer.alerts.kinds.kind_of` does it."""
    return _VARYING.sub("#", text[: 4 * MAX_KIND_CHARACTERS])[:MAX_KIND_CHARACTERS]


class _Place:
    """The numbers in one place, by their keys."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._recent: list[int] = []
        self._last = 0.0
        self._extreme = self._rising = 0.0
        self._tabulate()

    def _tabulate(self) -> None:
        self._keys = sorted(self._counts)
        counts = [self._counts[key] for key in self._keys]
        self._below = [0, *accumulate(counts)]
        self._total = self._below[-1]

    @property
    def is_judged(self) -> bool:
        """Whether there are enough numbers, and new ones are like the old ones."""
        return (
            self._total >= LEAST_NUMBERS
            and self._extreme <= _MOST_EXTREME
            and abs(self._rising) <= _MOST_RISING
        )

    def p_value(self, number: float) -> float:
        """Of both tails."""
        key = _key(number)
        at_most = self._below[bisect_right(self._keys, key)]
        at_least = self._total - self._below[bisect_left(self._keys, key)]
        return min(1.0, 2.0 * (min(at_most, at_least) + 1) / (self._total + 1))

    def add(self, number: float) -> None:
        """Remember a number."""
        rises = (number > self._last) - (number < self._last)
        self._rising += (rises - self._rising) / _RECENT_NUMBERS
        self._last = number
        if self._total >= LEAST_NUMBERS:
            is_extreme = self.p_value(number) <= _EXTREME_P
            self._extreme += (is_extreme - self._extreme) / _RECENT_NUMBERS
        self._recent.append(_key(number))
        if len(self._recent) < max(_LEAST_BLOCK, self._total // _BLOCK_SHARE):
            return
        self._counts.update(self._recent)
        self._recent = []
        if self._total >= MEMORY_NUMBERS:
            halves = ((key, count // 2) for key, count in self._counts.items())
            self._counts = Counter({key: count for key, count in halves if count})
        self._tabulate()

    def usual(self) -> tuple[float, float]:
        """The least and greatest of 98 of 100 numbers."""
        places = (bisect_right(self._below, share * self._total) - 1 for share in (0.01, 0.99))
        low, high = (_number(self._keys[min(place, len(self._keys) - 1)]) for place in places)
        return low, high

    def state(self) -> dict[str, Any]:
        """All that :meth:`restored` takes."""
        counts = [[key, self._counts[key]] for key in self._keys]
        return {
            "counts": counts,
            "recent": self._recent,
            "last": self._last,
            "extreme": self._extreme,
            "rising": self._rising,
        }

    @classmethod
    def restored(
        cls,
        counts: list[list[int]],
        recent: list[int],
        last: float,
        extreme: float,
        rising: float,
    ) -> _Place:
        """A place with a saved state."""
        place = cls()
        for key, count in counts:
            place._counts[key] = count
        place._recent, place._last = list(recent), last
        place._extreme, place._rising = extreme, rising
        place._tabulate()
        return place


def _key(number: float) -> int:
    """The bin of a number; a greater number has the same or a greater one."""
    size = abs(number)
    if size == 0.0:
        return 0
    key = _SHIFT + int(_mapping.key(max(size, 1.0 / _GREATEST)))
    return key if number > 0 else -key


def _number(key: int) -> float:
    """A number in a bin, to three digits."""
    if key == 0:
        return 0.0
    size = float(f"{_mapping.value(abs(key) - _SHIFT):.3g}")
    return size if key > 0 else -size
