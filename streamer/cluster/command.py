"""``w2v-stream cluster``: the command, and what is made before the driver drives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.cluster.settings import ClusterSettings
from streamer.config.options import SettingsCommand, load_settings, print_config_option
from streamer.config.print_config import config_text
from streamer.errors import EXIT_DONE, EXIT_FAILURE

if TYPE_CHECKING:
    from streamer.checkpoints.folder import SnapshotFolder
    from streamer.cluster.mark import Mark
    from streamer.config.settings import RunSettings


@click.pass_context
def _cluster(ctx: click.Context, /, print_config: bool, **_options: Any) -> None:
    settings = load_settings(ctx)
    assert isinstance(settings, ClusterSettings)  # noqa: S101 for mypy: this command has them
    if print_config:
        click.echo(config_text(settings, ctx))
        return
    assert isinstance(ctx.command, SettingsCommand)  # noqa: S101 for mypy: it is made below
    ctx.exit(run(settings, ctx.command.reread))


def run(settings: ClusterSettings, reread: Callable[[], RunSettings]) -> int:
    """Learn until the stream ends or a signal comes; return the exit code.

    ``reread`` gives the settings as they are now, for when SIGHUP comes.
    """
    # Imported here: whoever only asks for help needs neither Numba nor Ray.
    from streamer.checkpoints.folder import SnapshotFolder
    from streamer.checkpoints.quality_probe import QualityProbe
    from streamer.cluster.network import connected
    from streamer.cluster.pieces import open_pieces
    from streamer.daemon import build
    from streamer.daemon.reload import Reload
    from streamer.daemon.service import Service
    from streamer.daemon.signals import Signals
    from streamer.telemetry.log import LogLevel, make_log
    from streamer.telemetry.progress import Progress

    signals = Signals()
    level = LogLevel(settings.log_level)
    log = make_log(settings.log_format, level)
    reload = Reload(settings, reread, level, log)
    # Workers have other working directories.
    settings = settings.model_copy(
        update={
            "snapshot_dir": str(Path(settings.snapshot_dir).absolute()),
            "path": tuple(str(Path(path).absolute()) for path in settings.path),
        }
    )
    config = build.kafka_config(settings)
    if settings.probe:
        QualityProbe(settings.probe)
    folder = SnapshotFolder(settings.snapshot_dir)
    mark = find_mark(settings, folder, log)
    service = Service(settings, folder.path, log)
    pieces = open_pieces(settings, config, mark.positions, lambda: signals.stop, log)
    try:
        with connected(settings.ray_address, log), Progress(settings, log) as progress:
            from streamer.cluster.crew import Crew
            from streamer.cluster.driver import Driver
            from streamer.cluster.metrics import ClusterMetrics, ClusterView

            signals.arm()  # Ray has put a handler of its own there
            crew = Crew(settings, lambda: signals.stop, log)
            driver = Driver(settings, mark, crew, pieces, progress, signals, service, reload, log)
            view = ClusterView(settings, progress.counters, driver)
            complete = driver.run(
                lambda: service.began(view, lambda: ClusterMetrics(view), driver.is_recent)
            )
    finally:
        pieces.close()
        service.close()
    log.info(
        "stopped",
        reason="signal" if signals.stop else "end of input",
        words_per_second=round(progress.words_per_second),
        words=driver.words,
        rollbacks=driver.rollbacks,
        **driver.figures(),
    )
    if not complete:
        log.error("incomplete", reason="what was learned since the last snapshot is not on disk")
        return EXIT_FAILURE
    return EXIT_DONE


def find_mark(settings: ClusterSettings, folder: SnapshotFolder, log: Any) -> Mark:
    """The checkpoint to go on from, or the beginning of the stream."""
    from streamer.cluster.mark import Mark
    from streamer.daemon import build
    from w2v_online.config import LearnerConfig
    from w2v_online.learning.learner import check_continues
    from w2v_online.snapshots.reader import Snapshot

    identity = build.warm_tokenizer(settings, log).identity

    def check(saved: Snapshot) -> Mark:
        config = LearnerConfig.model_validate(saved.manifest["config"])
        saved_identity = str(saved.manifest["tokenizer"])
        check_continues(saved.path, config, settings.learner_config, saved_identity, identity)
        saved.verify()
        return Mark.of(saved)

    found = folder.find(settings.resume, check, log)
    if found is None:
        return Mark()
    saved, mark = found
    log.info("resumed", snapshot=str(saved.path), **saved.manifest["totals"])
    return mark


cluster = SettingsCommand(
    "cluster",
    callback=_cluster,
    text="Learn from files or Kafka in several workers on a Ray cluster, with one model.",
    extra=[print_config_option()],
    settings=ClusterSettings,
)
