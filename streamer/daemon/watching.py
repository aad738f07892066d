"""Makes what ``--alerts`` asks for, as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamer.config.alert_at import parse_alert_at
from streamer.daemon.runtime import Runtime
from w2v_online.learning.learner import OnlineWord2Vec

if TYPE_CHECKING:
    from streamer.alerts.watching import Watching


def open_watching(runtime: Runtime, learner: OnlineWord2Vec) -> Watching | None:
    """What ``--alerts`` asks for, at the learner's checkpoint; None if it asks for nothing."""
    settings = runtime.settings
    if not settings.alerts:
        return None
    # Imported here: a run without alerts need not load them.
    from streamer.alerts.alerts import Alerts, Limits
    from streamer.alerts.rule import Rule
    from streamer.alerts.targets.registry import open_target
    from streamer.alerts.watching import Watching
    from w2v_online.learning.surprise import Measure

    targets = [
        open_target(text, runtime.kafka_config, runtime.log, runtime.waits)
        for text in settings.alerts
    ]
    alerts = Alerts(
        Rule(parse_alert_at(settings.alert_at)),
        targets,
        Limits(settings.alert_warm_up, settings.alert_window_seconds, settings.alert_limit),
        measure=Measure(settings.alert_by, settings.alert_of),
        has_text=settings.alert_text == "on",
        has_values=settings.alert_values,
        log=runtime.log,
    )
    alerts.restore(learner.alert_state)
    return Watching(learner, alerts)
