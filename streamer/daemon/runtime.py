"""A run from its settings to its exit code, as ``run`` and ``cluster`` have it in common.

Knows what surrounds learning: signals, log, folder of snapshots, HTTP and systemd, progress,
reload. What is learned, and how, is told by a function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from streamer.checkpoints.folder import SnapshotFolder
from streamer.config.settings import RunSettings
from streamer.config.types import Interval
from streamer.daemon.reload import Reload
from streamer.daemon.service import Service
from streamer.daemon.signals import Signals, Stopped
from streamer.errors import EXIT_DONE, EXIT_FAILURE
from streamer.sources.registry import KINDS
from streamer.telemetry.log import LogLevel, make_log
from streamer.telemetry.observer import Observed
from streamer.telemetry.progress import Progress
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import url_of
from w2v_online.snapshots.retention import Retention

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from streamer.checkpoints.quality_probe import QualityProbe


class Checkpoints(Protocol):
    """What writes checkpoints on a schedule."""

    def is_recent(self) -> bool:
        """Whether checkpoints are written as often as they should be."""

    def unsaved_words(self) -> int:
        """Words that were learned since the last one, and would be lost in a crash."""

    def unsaved_seconds(self) -> float:
        """Seconds since all that was learned was on disk."""

    def change(self, every: Interval, keep: Retention, vectors_every: Interval | None) -> None:
        """Follow another schedule from now on."""


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    is_saved: bool
    """Whether all that was learned is on disk."""
    figures: dict[str, Any] = field(default_factory=dict)
    """For the last event of the log."""
    has_learned: bool = True
    """Whether there was anything to learn, in this run or before."""


class Runtime:
    """What surrounds learning; a context manager.

    Raises ConfigurationError if the settings or the environment are wrong.
    """

    def __init__(self, settings: RunSettings, signals: Signals, log: Any, reload: Reload) -> None:
        self.settings = settings
        self.signals = signals
        self.log = log
        connections = KINDS[settings.source].connections(settings)
        self.kafka_config = connections.get("kafka", {})
        """What alerts in Kafka connect with; empty where the source is not Kafka."""
        location = settings.snapshot_dir
        if not url_of(location) and not reader.folders(Path(location)):
            KINDS[settings.source].refuse(settings)
        self.quality_probe = _quality_probe(settings)
        self.folder = SnapshotFolder(settings.snapshot_dir)
        if not self.folder.is_locked:
            log.warning("folder_not_locked", path=str(self.folder.path))
        self.progress = Progress(settings, log)
        self._service = Service(settings, self.folder.path, log)
        self._reload = reload
        self._checkpoints: Checkpoints | None = None
        self._is_ending = False

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._service.close()

    def began(
        self,
        observed: Observed,
        metrics: Callable[[], Collector],
        checkpoints: Checkpoints,
    ) -> None:
        """Everything is in place, and the loop begins; ``metrics`` makes what is scraped."""
        self._checkpoints = checkpoints
        self.signals.unsaved = lambda: {
            "words": checkpoints.unsaved_words(),
            "seconds": round(checkpoints.unsaved_seconds()),
        }
        self._service.began(observed, metrics, checkpoints.is_recent)

    def turned(self) -> None:
        """The loop has turned: says so, and reloads the configuration if that was asked for."""
        self._service.beat(self.progress)
        if self.signals.take_reload_request() and self._checkpoints is not None:
            self._service.reloading()
            self._reload.apply(self._checkpoints.change)
            self._service.reloaded()

    def waits(self) -> bool:
        """The loop waits for something outside, and does not hang; whether it is to stop."""
        if self._is_ending:
            self.still_ending()
        else:
            self._service.beat(self.progress)
        return self.signals.stop

    def ending(self) -> None:
        """The loop is over."""
        self._is_ending = True
        self._service.ending()

    def still_ending(self) -> None:
        """The loop is over, and what comes after it takes long."""
        self._service.still_ending(self.progress)


def _quality_probe(settings: RunSettings) -> QualityProbe | None:
    if settings.probe is None:
        return None
    # Imported here: evaluation is needed with --probe only.
    from streamer.checkpoints.quality_probe import QualityProbe

    return QualityProbe(settings.probe)


def live(
    settings: RunSettings,
    reread: Callable[[], RunSettings],
    learn: Callable[[Runtime], Outcome],
) -> int:
    """Live from the settings to the exit code, which is returned.

    ``reread`` gives the settings as they are when SIGHUP comes. ``learn`` does what the run is for;
    until it calls ``signals.defer`` a signal ends it at once.
    """
    level = LogLevel(settings.log_level)
    log = make_log(settings.log_format, level)
    signals = Signals(make_log(settings.log_format, level, is_urgent=True))
    try:
        with Runtime(settings, signals, log, Reload(settings, reread, level, log)) as runtime:
            outcome = learn(runtime)
    except Stopped:
        log.info("stopped", reason="signal", note="before anything was read")
        return EXIT_DONE
    log.info(
        "stopped",
        reason="signal" if signals.stop else "end of input",
        words_per_second=round(runtime.progress.words_per_second),
        **outcome.figures,
    )
    if outcome.is_saved:
        return EXIT_DONE if outcome.has_learned else EXIT_FAILURE
    log.error(
        "incomplete",
        note="the final snapshot failed: everything learned since the previous one is lost",
    )
    return EXIT_FAILURE
