"""Alerts of one kind are one message: the first is sent, and how many followed it."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from streamer.alerts.alert import Alert, utc

MAX_KINDS = 10_000
"""Kinds that are remembered at most; the one that began first is ended for a new one."""

MAX_KIND_CHARACTERS = 300

_VARYING = re.compile(
    r"""
    \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b  # a UUID
    | \b0x[0-9a-f]+\b
    | \b(?=[a-f]*[0-9])[0-9a-f]{6,}\b                # hexadecimal with a digit
    | [0-9]+
    """,
    re.IGNORECASE | re.VERBOSE,
)


def kind_of(text: str) -> str:
    """The text with numbers and hexadecimal identifiers masked, cut to a few hundred characters."""
    return _VARYING.sub("#", text[: 4 * MAX_KIND_CHARACTERS])[:MAX_KIND_CHARACTERS]


def kind_id(kind: str) -> str:
    """16 hexadecimal digits that stand for a kind where its text must not be told."""
    return hashlib.sha256(kind.encode()).hexdigest()[:16]


@dataclass
class _Open:
    """A kind whose window is open."""

    alert: Alert
    until: float
    followers: int = 0
    last: str = ""


class Kinds:
    """Lets the first alert of a kind pass and counts the rest until ``window_seconds`` are over."""

    def __init__(self, window_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self.suppressed = 0
        """Alerts that were counted into another one."""

    def add(self, alert: Alert, now: float) -> Iterator[Alert]:
        """What is to be sent because of ``alert``, at the Unix time ``now``."""
        yield from self.ended(now)
        known = self._open.get(alert.kind)
        if known is not None:
            known.followers += 1
            known.last = alert.time
            self.suppressed += 1
            return
        if self._window_seconds > 0:
            if len(self._open) >= MAX_KINDS:
                _, oldest = self._open.popitem(last=False)
                yield from _summary(oldest)
            self._open[alert.kind] = _Open(alert, now + self._window_seconds)
        yield alert

    def ended(self, now: float) -> Iterator[Alert]:
        """Summaries of the kinds whose window is over and that came more than once."""
        while self._open:
            kind, oldest = next(iter(self._open.items()))
            if oldest.until > now:
                return
            del self._open[kind]
            yield from _summary(oldest)

    def state(self) -> list[dict[str, Any]]:
        """The open windows, oldest first, for a checkpoint."""
        return [asdict(known) | {"alert": known.alert.as_state()} for known in self._open.values()]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Take over what a checkpoint holds."""
        for known in state:
            alert = Alert(**known["alert"])
            self._open[alert.kind] = _Open(**{**known, "alert": alert})

    def end_all(self) -> Iterator[Alert]:
        """Summaries of all kinds, at the end of the stream."""
        for known in self._open.values():
            yield from _summary(known)
        self._open.clear()


def _summary(known: _Open) -> Iterator[Alert]:
    """The first alert again, with how many there were; it keeps its id, to replace the first."""
    if known.followers:
        yield replace(
            known.alert,
            count=1 + known.followers,
            first=known.alert.first or known.alert.time,
            last=known.last or utc(known.until),
        )
