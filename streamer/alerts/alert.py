"""An alert: one record that was more surprising than nearly all before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import orjson


@dataclass(frozen=True)
class Alert:
    """What a target is told of one record."""

    id: str
    """The same whenever the same record is read again, see :func:`alert_id`."""
    time: str
    """When the record was scored, ISO 8601 in UTC."""
    position: Mapping[str, str | int]
    """Where the record stands: file and line, or topic, partition and offset."""
    surprise: float
    """In nats, by the rule that ``--alert-by`` names."""
    p: float
    """Share of recent records that were at least as surprising."""
    words: Sequence[tuple[str, float]]
    """The words that surprised most, with their surprise in nats."""
    kind: str
    """The text with what varies masked: records of one kind are one message."""
    values: Sequence[Mapping[str, Any]] = ()
    """Numbers that are rare in their place, see :mod:`streamer.alerts.values`."""
    text: str | None = None
    """The record, None with ``--alert-text off``."""
    usual: Sequence[str] = ()
    """Usual records of the stream that share most words with it."""
    count: int = 1
    """Records of this kind that the alert stands for."""
    first: str = ""
    """When the first of them was scored."""
    last: str = ""
    """When the last of them was scored."""

    def as_dict(self) -> dict[str, Any]:
        """The alert as JSON has it."""
        alert = asdict(self) | {
            "position": dict(self.position),
            "usual": list(self.usual),
            "words": [{"word": word, "surprise": surprise} for word, surprise in self.words],
            "values": list(self.values),
            "first": self.first or self.time,
            "last": self.last or self.time,
        }
        if not self.values:
            del alert["values"]
        if self.text is None:
            for name in ("text", "kind", "words", "usual", "values"):
                alert.pop(name, None)
        return alert

    def as_state(self) -> dict[str, Any]:
        """All of it, for a checkpoint; ``Alert(**state)`` is the same again."""
        return asdict(self) | {"position": dict(self.position), "values": list(self.values)}

    def as_json(self) -> bytes:
        """One line of JSON, without its line feed."""
        return orjson.dumps(self.as_dict())

    @property
    def summary(self) -> str:
        """One sentence for a person."""
        shown = {key: value for key, value in self.position.items() if key not in _UNREADABLE}
        where = " ".join(f"{key} {value}" for key, value in shown.items())
        times = f" ({self.count} times)" if self.count > 1 else ""
        text = self.text if self.text is not None else "a record"
        values = "".join(
            f", {value['value']} is usually {value['usual'][0]:g} to {value['usual'][1]:g}"
            for value in self.values
            if self.text is not None
        )
        return f"Unexpected{times}: {text} [{where}, p = {self.p:.2g}{values}]"


_UNREADABLE = ("inode", "byte")
"""What of a position is for programs."""


def alert_id(position: Mapping[str, str | int], text: bytes) -> str:
    """16 hexadecimal digits made from where a record stands and what it says.

    Neither the number of a line, which may not be known after a restart, nor the name of a file
    with an inode, which rotation changes, goes in. The inode is that of the file in which the
    text was first read, also where it is read again in a copy.
    """
    left_out = ("line", "file") if "inode" in position else ("line",) * ("byte" in position)
    kept = {key: value for key, value in position.items() if key not in left_out}
    digest = hashlib.sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS))
    digest.update(b"\0" + text)
    return digest.hexdigest()[:16]


def utc(seconds: float) -> str:
    """A Unix time in ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
