"""What the manifest of a snapshot holds besides the learner's own entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from w2v_online.learning.learner import OnlineWord2Vec

if TYPE_CHECKING:
    from streamer.checkpoints.quality_probe import QualityProbe


class Entries:
    """Entries of all snapshots that one process writes.

    The position of ``source_name`` changes; the other ``positions``, those of the snapshot that
    was resumed from, stay as they are. ``text`` says how text was prepared, ``alerts`` what is
    known of records' surprise; ``muted`` returns the kinds of alerts that are muted, which can
    change without another record.
    """

    def __init__(
        self,
        source_name: str,
        positions: dict[str, Any] | None = None,
        text: dict[str, Any] | None = None,
        quality_probe: QualityProbe | None = None,
        alerts: Callable[[], dict[str, Any]] | None = None,
        muted: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._source_name = source_name
        self._positions = dict(positions or {})
        self._text = text
        self._quality_probe = quality_probe
        self._alerts = alerts
        self.muted = muted

    def continuation(self, position: dict[str, Any], counters: dict[str, int]) -> dict[str, Any]:
        """Entries that are needed to resume."""
        positions = {**self._positions, self._source_name: position}
        entries: dict[str, Any] = {"positions": positions, "counters": counters}
        return entries if self._alerts is None else {**entries, "alerts": self._alerts()}

    def description(self, learner: OnlineWord2Vec, log: Any) -> dict[str, Any]:
        """Entries that snapshots of vectors only have, too; the quality is measured now."""
        description: dict[str, Any] = {} if self._text is None else {"text": self._text}
        if self._quality_probe is not None:
            description["probe"] = self._quality_probe.ask(learner)
            log.info("quality_probe", **description["probe"])
        return description
