"""Types of settings: spans of the stream, lists, numbers, pairs and moments, from text as given."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer

from streamer.config.address import Address, parse_address

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Interval:
    """A span of the stream: so many seconds or so many words, exactly one of them set."""

    seconds: float | None = None
    words: int | None = None

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.words}words"
        for unit, seconds in reversed(_SECONDS.items()):
            if self.seconds % seconds == 0:
                return f"{self.seconds / seconds:.15g}{unit}"
        return f"{self.seconds:.15g}s"


def parse_interval(value: object) -> object:
    """``30s``, ``5m``, ``1h``, ``1d`` or ``1000000words`` as an :class:`Interval`."""
    if not isinstance(value, str):
        return value
    words = re.fullmatch(r"([1-9][0-9_]*)\s*words?", value)
    if words:
        return Interval(words=int(words[1]))
    span = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])", value)
    if not span or float(span[1]) == 0:
        raise ValueError("expected a span such as 30s, 5m, 1h or 1000000words")
    return Interval(seconds=float(span[1]) * _SECONDS[span[2]])


Span = Annotated[Interval, BeforeValidator(parse_interval), PlainSerializer(str)]
"""An interval as an option."""


def split_values(value: object) -> object:
    """Values given one by one or with commas between them as a tuple of values."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        return value
    return tuple(part.strip() for entry in value for part in str(entry).split(",") if part.strip())


Values = Annotated[tuple[str, ...], BeforeValidator(split_values)]
"""Several values of one option."""


def as_values(value: object) -> object:
    """One value or several as a tuple; commas are part of them."""
    return (value,) if isinstance(value, str) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(as_values)]
"""Several files or patterns: their names may have commas."""


_WEBHOOK = re.compile(r"(https?:/*)([^/?#\\]*@)?([^/?#\\]*)([/?#\\].+)?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"([\w.-]*|\[[\da-f:.]*\])(:\d*)?", re.IGNORECASE)


def _without_paths(values: tuple[str, ...]) -> tuple[str, ...]:
    """Whoever knows the path of a webhook can post there: it is masked, and so are credentials."""

    def masked(match: re.Match[str]) -> str:
        scheme, user, host, path = match.groups()
        host = host if _HOST.fullmatch(host) else "**********"  # a password with a / in it, maybe
        return f"{scheme}{'**********@' if user else ''}{host}{'/**********' if path else ''}"

    return tuple(_WEBHOOK.sub(masked, value) for value in values)


Targets = Annotated[tuple[str, ...], BeforeValidator(as_values), PlainSerializer(_without_paths)]
"""Several places that something is sent to; paths and credentials of webhooks are masked when
dumped."""


def parse_pairs(value: object) -> object:
    """``KEY=VALUE`` pairs as a dictionary."""
    if not isinstance(value, list | tuple):
        return value
    pairs = {}
    for entry in value:
        key, equals, text = str(entry).partition("=")
        if not equals:
            raise ValueError("expected KEY=VALUE")
        pairs[key.strip()] = text.strip()
    return pairs


def parse_numbers(value: object) -> object:
    """``0``, ``2`` and ``4-7`` as the numbers that they name, in order."""
    texts = split_values(value)
    if not isinstance(texts, tuple):
        return value
    numbers: set[int] = set()
    for text in texts:
        found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", text)
        if not found:
            raise ValueError("expected numbers and ranges such as 0,2,4-7")
        numbers |= set(range(int(found[1]), int(found[2] or found[1]) + 1))
    return tuple(sorted(numbers))


Numbers = Annotated[tuple[int, ...], BeforeValidator(parse_numbers)]


def holds_secret(key: str) -> bool:
    """Whether a key of something's own settings names a secret, by its name."""
    return any(part in key.lower() for part in ("password", "secret", "token"))


def _masked(pairs: dict[str, str]) -> dict[str, str]:
    return {key: "**********" if holds_secret(key) else pairs[key] for key in pairs}


Pairs = Annotated[dict[str, str], BeforeValidator(parse_pairs), PlainSerializer(_masked)]
"""Keys and values of something that has its own settings; secrets are masked when dumped."""


StartTime = Literal["earliest", "latest"] | datetime
"""Where a partition begins."""


def parse_start(value: object) -> object:
    """``earliest``, ``latest`` or a time in ISO 8601, in UTC unless it says otherwise."""
    if not isinstance(value, str) or value in ("earliest", "latest"):
        return value
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("expected earliest, latest or a time such as 2026-01-31T12:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


Start = Annotated[StartTime, BeforeValidator(parse_start)]
"""A start as an option."""


def text_or_none(value: object) -> str | None:
    """A value as text, for dumps; None stays None."""
    return None if value is None else str(value)


MaybeSpan = Annotated[
    Interval | None, BeforeValidator(parse_interval), PlainSerializer(text_or_none)
]
"""An interval as an option that is off unless given."""

MaybeAddress = Annotated[
    Address | None, BeforeValidator(parse_address), PlainSerializer(text_or_none)
]
"""Where to listen, as an option that is off unless given."""
