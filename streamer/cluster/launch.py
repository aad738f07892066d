"""Starts a cluster: finds the checkpoint and the pieces, connects to Ray, makes the driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamer.checkpoints.agreement import changed_options
from streamer.checkpoints.folder import SnapshotFolder
from streamer.cluster.mark import Mark
from streamer.cluster.network import connected
from streamer.config.cluster_settings import ClusterSettings
from streamer.config.settings import RunSettings
from streamer.daemon import build
from streamer.daemon.runtime import Outcome, Runtime, live
from streamer.sources.choice import shared_kind_of
from w2v_online.learning.state import check_continues
from w2v_online.snapshots.reader import Snapshot


def run(settings: ClusterSettings, reread: Callable[[], RunSettings]) -> int:
    """Learn until the stream ends or a signal comes; return the exit code.

    ``reread`` gives the settings as they are now, for when SIGHUP comes.
    """
    return live(settings, reread, lambda runtime: _learn(_absolute(settings), runtime))


def _absolute(settings: ClusterSettings) -> ClusterSettings:
    """The settings as workers can use them, which have other working directories."""
    here = {"snapshot_dir": str(Path(settings.snapshot_dir).absolute())}
    absolute: ClusterSettings = shared_kind_of(settings).absolute(settings.model_copy(update=here))
    return absolute


def _learn(settings: ClusterSettings, runtime: Runtime) -> Outcome:
    signals, log, progress = runtime.signals, runtime.log, runtime.progress
    mark = find_mark(settings, runtime.folder, log)
    signals.defer()
    pieces = shared_kind_of(settings).pieces(settings, lambda: signals.stop, log)
    try:
        with connected(settings.ray_address, log), progress:
            # Imported here: these import Ray, which reads the environment that is set by now.
            from streamer.cluster.crew import Crew
            from streamer.cluster.driver import Driver
            from streamer.cluster.view import ClusterMetrics, ClusterView

            signals.arm()  # Ray has put a handler of its own there
            crew = Crew(settings, lambda: signals.stop, log)
            driver = Driver(settings, mark, crew, pieces, runtime)
            view = ClusterView(settings, progress.counters, driver)
            is_saved = driver.run(lambda: runtime.began(view, lambda: ClusterMetrics(view), driver))
    finally:
        pieces.close()
    return Outcome(
        is_saved, {"words": driver.words, "rollbacks": driver.rollbacks, **driver.figures()}
    )


def find_mark(settings: ClusterSettings, folder: SnapshotFolder, log: Any) -> Mark:
    """The checkpoint to go on from, or the beginning of the stream."""
    identity = build.warm_tokenizer(settings, log).identity

    def check(saved: Snapshot) -> Mark:
        check_continues(saved, settings.learner_config, identity)
        saved.verify()
        return Mark.of(saved)

    found = folder.find(settings.resume, check, log)
    if found is None:
        return Mark()
    saved, mark = found
    changed = changed_options(saved.manifest, settings, saved.path)
    if changed:
        log.warning("options_changed", options=changed)
    log.info("resumed", snapshot=str(saved.path), **saved.manifest["totals"])
    return mark
