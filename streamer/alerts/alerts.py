"""From surprises to alerts: p-values, the rule, kinds, a rate limit, and the targets.

Data goes one way: surprises of records in the order of the stream come in, and what passes goes to
every target. Knows nothing of models, of sources or of the web page.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from streamer.alerts.alert import Alert, alert_id, utc
from streamer.alerts.kinds import Kinds, kind_id, kind_of
from streamer.alerts.rule import Rule
from streamer.alerts.targets.base import Target
from streamer.alerts.usual import UsualLines
from streamer.alerts.values import UnusualValue, Values
from w2v_online.learning.distribution import ABOUT, SurpriseDistribution, about_of
from w2v_online.learning.surprise import Measure

DEFAULT_MEASURE = Measure("pm4", "both")

WARM_UP_RECORDS = 10_000
"""Records of a new model before its first alert: until then everything is surprising."""

LATEST = 100
"""Alerts that are kept for monitoring."""

SHOWN = 20
"""Alerts that the page shows."""

MAX_MUTED = 1000
"""Kinds that can be muted."""

_MEMORY_RECORDS = 1000.0
"""Records after which the recent mean of surprise has forgotten about two thirds."""

P_VALUES = (0.5, 0.1, 0.01, 0.001, 0.0001)
"""P-values whose surprise is reported."""

MAX_WORDS = 5
"""Words that an alert names."""

MAX_USUAL = 2
"""Usual records that an alert names."""


@dataclass(frozen=True)
class Record:
    """What an alert says of a record."""

    text: bytes
    position: Mapping[str, str | int]
    words: Sequence[tuple[str, float]]
    """Its most surprising words, with their surprise in nats, the most surprising first."""


@dataclass(frozen=True)
class Limits:
    """What keeps alerts few."""

    warm_up_records: int = WARM_UP_RECORDS
    window_seconds: float = 600.0
    """Time in which records of one kind are one alert; 0: each is one."""
    per_minute: int = 60
    """Alerts sent in a minute at most; the rest is counted."""


class Alerts:
    """Sends alerts of records that were less expected than nearly all before them."""

    def __init__(
        self,
        rule: Rule,
        targets: Sequence[Target],
        limits: Limits,
        *,
        measure: Measure = DEFAULT_MEASURE,
        has_text: bool = True,
        has_values: bool = False,
        log: Any = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._rule = rule
        self.targets = targets
        """Where alerts go, for monitoring, too."""
        self._limits = limits
        self.measure = measure
        """What surprises are of; those of another measure are not compared with them."""
        self._has_text = has_text
        self._log = log
        self._clock = clock
        self._kinds = Kinds(limits.window_seconds)
        self._usual = UsualLines()
        self._values = Values() if has_values else None
        self._sent_at: deque[float] = deque()
        self._muted: dict[str, str] = {}
        self.distribution = SurpriseDistribution()
        self.latest: deque[Alert] = deque(maxlen=LATEST)
        """The newest alerts, for monitoring."""
        self.muted = 0
        """Records worth an alert whose kind is muted."""
        self.recent_surprise = math.nan
        """Mean surprise of the last thousand records or so, in nats."""
        self.scored = 0
        """Records that this process has scored."""
        self.raised = 0
        """Records that were worth an alert."""
        self.limited = 0
        """Alerts that the rate limit held back."""

    @property
    def suppressed(self) -> int:
        """Alerts that were counted into another one of their kind."""
        return self._kinds.suppressed

    @property
    def sent(self) -> int:
        """Alerts that have arrived at a target, all targets together."""
        return sum(target.sent for target in self.targets)

    @property
    def dropped(self) -> int:
        """Alerts that a target gave up, all targets together."""
        return sum(target.dropped for target in self.targets)

    def consider(
        self,
        surprises: NDArray[np.float64],
        record_at: Callable[[int], Record],
        text_at: Callable[[int], bytes] | None = None,
    ) -> None:
        """Take the surprises of the next records, in nats; nan where a record has none.

        ``record_at(i)`` describes the i-th of them; it is asked of the few that are worth an alert.
        ``text_at(i)`` is its text alone, asked of some usual ones.
        """
        before = self.distribution.records
        self.scored += len(surprises)
        self._average(surprises)
        p_values = self.distribution.p_values(surprises)
        unusual: dict[int, UnusualValue] = {}
        if self._values is not None and text_at is not None:
            unusual = self._judge_values(self._values, p_values, text_at)
        self._rule.count(len(surprises))
        is_unexpected = (p_values <= self._rule.largest_p) & np.isfinite(surprises)
        is_unexpected &= before + np.arange(len(surprises)) >= self._limits.warm_up_records
        if before < self._limits.warm_up_records <= self.distribution.records and self._log:
            self._log.info("alerts_began", records=self.distribution.records)
        if self._has_text and text_at is not None:
            self._usual.take(before, p_values, lambda i: _readable(text_at(i)))
        now = self._clock()
        for i in np.flatnonzero(is_unexpected).tolist():
            self.raised += 1
            record, value = record_at(i), unusual.get(i)
            alert = self._alert(record, float(surprises[i]), float(p_values[i]), now, value)
            if kind_id(alert.kind) in self._muted:
                self.muted += 1
                continue
            self._send(self._kinds.add(alert, now), now)
        self._send(self._kinds.ended(now), now)

    def _judge_values(
        self, values: Values, p_values: NDArray[np.float64], text_at: Callable[[int], bytes]
    ) -> dict[int, UnusualValue]:
        """Let p-values be of words and numbers together; returns the unusual numbers by record.

        Where numbers are judged it is twice the smaller one (Bonferroni), so that what is below a
        p-value is still at most such a share.
        """
        unusual = {}
        for i in range(len(p_values)):
            p, value = values.judge(_readable(text_at(i)))
            if math.isfinite(p):
                p_values[i] = min(1.0, 2.0 * min(p, p_values[i]))
            if value is not None:
                unusual[i] = value
        return unusual

    def _average(self, surprises: NDArray[np.float64]) -> None:
        known = surprises[np.isfinite(surprises)]
        if not len(known):
            return
        mean = float(known.mean())
        old = mean if math.isnan(self.recent_surprise) else self.recent_surprise
        kept = math.exp(-len(known) / _MEMORY_RECORDS)
        self.recent_surprise = kept * old + (1.0 - kept) * mean

    def mute(self, kind: str, is_muted: bool) -> bool:
        """Send no more alerts of a kind, or send them again, from now on; it is given by its id.

        False if no such kind is known. May be called from another thread.
        """
        if not is_muted:
            return self._muted.pop(kind, None) is not None
        for alert in list(self.latest):
            if kind_id(alert.kind) == kind and len(self._muted) < MAX_MUTED:
                self._muted[kind] = alert.kind
                return True
        return False

    def muted_kinds(self) -> frozenset[str]:
        """The ids of the muted kinds."""
        return frozenset(self._muted)

    def shown(self) -> dict[str, Any]:
        """The newest alerts, that first, and the muted kinds; may be asked from another thread."""
        alerts = list(self.latest)[: -SHOWN - 1 : -1]
        muted = list(self._muted.items())
        return {
            "latest": [alert.as_dict() | {"kind_id": kind_id(alert.kind)} for alert in alerts],
            "muted": [
                {"kind_id": key, "kind": kind if self._has_text else None} for key, kind in muted
            ],
        }

    def _alert(
        self, record: Record, surprise: float, p: float, now: float, value: UnusualValue | None
    ) -> Alert:
        text = _readable(record.text)
        kind = kind_of(text)
        words = [*record.words[:MAX_WORDS]]
        if value is not None:
            words = [(value.text, -math.log(value.p)), *words][:MAX_WORDS]
        return Alert(
            id=alert_id(record.position, record.text),
            time=utc(now),
            position=record.position,
            surprise=round(surprise, 4),
            p=p,
            words=[(word, round(nats, 3)) for word, nats in words],
            values=[] if value is None else [value.as_dict()],
            kind=kind,
            text=text if self._has_text else None,
        )

    def _send(self, alerts: Iterable[Alert], now: float) -> None:
        for alert in alerts:
            if kind_id(alert.kind) in self._muted:  # since its first alert was sent
                continue
            while self._sent_at and self._sent_at[0] <= now - 60.0:
                self._sent_at.popleft()
            if len(self._sent_at) >= self._limits.per_minute:
                self.limited += 1
                continue
            self._sent_at.append(now)
            # Looked for now, not for each record that is only counted.
            alert = replace(alert, usual=self._usual.nearest(alert.kind, MAX_USUAL))
            self.latest.append(alert)
            for target in self.targets:
                target.send(alert)

    def settle(self) -> bool:
        """Wait until no alert of what was considered can be lost; False if the process stops."""
        settled = [target.settle() for target in self.targets]  # each, also after one that did not
        return all(settled)

    def end(self) -> None:
        """The stream is over: say how many followed the alerts whose window is still open."""
        self._send(self._kinds.end_all(), self._clock())

    def close(self) -> None:
        """Close every target."""
        for target in self.targets:
            target.close()

    def figures(self) -> dict[str, int]:
        """Counts of this process, for the log."""
        return {"alerts_sent": self.sent, "alerts_suppressed": self.suppressed}

    def describe(self) -> dict[str, Any]:
        """What a manifest says: the records that p-values are shares of, and surprises by p."""
        return {
            "by": self.measure.by,
            "of": self.measure.of,
            "records": self.distribution.records,
            "surprise_at": {f"p={p:g}": round(value, 3) for p, value in self.surprises().items()},
        }

    def surprises(self) -> dict[float, float]:
        """The least surprise in nats, by p-value, as far as there are enough records."""
        found = {p: self.distribution.surprise_at(p) for p in P_VALUES}
        return {p: value for p, value in found.items() if math.isfinite(value)}

    def state(self) -> dict[str, NDArray[Any]]:
        """Arrays that a checkpoint holds: surprises, open windows, and where targets are."""
        about = {
            "measure": self.measure.as_dict(),
            "kinds": self._kinds.state(),
            "muted": self._muted,
            "usual": self._usual.state(),
            "values": [] if self._values is None else self._values.state(),
            "targets": {target.name: target.state() for target in self.targets},
        }
        return {ABOUT: np.frombuffer(orjson.dumps(about), np.uint8), **self.distribution.state()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what a checkpoint holds, ``{}`` if there is none; call it once, at the start.

        Surprises of another measure are forgotten, so a new warm-up begins.
        """
        about = about_of(state)
        places = about.get("targets", {})
        for target in self.targets:
            target.restore(places.get(target.name, {}))
        if not about:
            return
        self._kinds.restore(about["kinds"])
        self._muted = dict(about.get("muted", {}))
        self._usual.restore(about.get("usual", []))
        if self._values is not None:
            self._values.restore(about.get("values", []))
        if about["measure"] == self.measure.as_dict():
            self.distribution.restore(state)
        elif self._log:
            self._log.warning(
                "alert_measure_changed",
                was=_options(Measure(**about["measure"])),
                now=_options(self.measure),
            )


def _readable(text: bytes) -> str:
    """A record as people read it."""
    return text.decode(errors="replace").rstrip("\n")


def _options(measure: Measure) -> str:
    """As a user types it."""
    return f"--alert-by {measure.by} --alert-of {measure.of}"
