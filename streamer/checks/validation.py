"""``w2v-stream validate``: the configuration and what it needs, looked at before a start.

Each check looks at one thing, changes nothing, and yields findings. A finding is a failure where
``run`` would stop or could not go on as configured, and a warning where it may come to that. Beside
a daemon with the same configuration its folder and port are found in use. A configuration that says
anything of a cluster is looked at as one for ``cluster``.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from streamer.checkpoints.agreement import changed_options
from streamer.checkpoints.folder import SnapshotFolder, check_free
from streamer.checks.cluster import ray_answers, workers_fit
from streamer.checks.memory import BASE_BYTES, SMALLER, fits_in_memory, mib
from streamer.config.cluster_settings import ClusterSettings
from streamer.config.options import SettingsCommand, load_settings
from streamer.config.settings import RunSettings
from streamer.errors import EXIT_CONFIG, EXIT_DONE
from streamer.finding import Finding
from streamer.sources.registry import KINDS
from streamer.telemetry.log import LogLevel, make_log
from w2v_online.config import LearnerConfig
from w2v_online.errors import W2VError
from w2v_online.snapshots import reader
from w2v_online.snapshots.reader import Snapshot
from w2v_online.snapshots.remote import RemoteFolder, local_folder, url_of


def findings(settings: RunSettings) -> Iterator[Finding]:
    """All checks; those that may wait for an answer come last."""
    checks: list[Callable[[Any], Iterator[Finding]]]
    checks = [_files, _tokenizer, _snapshots, _alerts, _http]
    if isinstance(settings, ClusterSettings):
        checks += [workers_fit, _disk, _source, ray_answers]
    else:
        checks += [_memory, _disk, _source]
    for check in checks:
        try:
            yield from check(settings)
        except W2VError as error:
            yield Finding("failure", check.__name__.strip("_"), str(error))


def _files(settings: RunSettings) -> Iterator[Finding]:
    """The files that options name."""
    if settings.probe is not None:
        from streamer.checkpoints.quality_probe import QualityProbe

        QualityProbe(settings.probe)
        yield Finding("ok", "probe", f"{settings.probe} holds questions")


def _alerts(settings: RunSettings) -> Iterator[Finding]:
    """Targets of alerts, and options that make them worse than they could be."""
    from streamer.alerts.targets.registry import check_target

    for target in settings.alerts:
        check_target(target, has_kafka=settings.source == "kafka")
        yield Finding("ok", "alerts", f"{target.split('://')[0]} is a target")
    if settings.alerts and not settings.boundaries:
        told = "add --boundaries: what begins and ends a record tells most of what is unusual"
        yield Finding("warning", "alerts", told)
    if settings.alerts and settings.sample:
        told = "add --sample 0: words that are left out in training are not expected later"
        yield Finding("warning", "alerts", told)


def _http(settings: RunSettings) -> Iterator[Finding]:
    """Whether something else listens already where the HTTP server is to."""
    if settings.http is None:
        return
    # Imported here: a configuration without HTTP need not load the server.
    from streamer.daemon.service import read_token
    from streamer.http.server import HttpServer

    read_token(settings.http_token, settings.http_token_file)
    HttpServer(settings.http, _quiet_log()).close()
    yield Finding("ok", "http", f"{settings.http} is free")


def _quiet_log() -> Any:
    return make_log("text", LogLevel("error"))


def _tokenizer_identity(settings: RunSettings) -> str:
    # Imported here: tokenizers need Numba, which query commands do without.
    from streamer.tokenizers.registry import tokenizer_of

    return tokenizer_of(settings).identity


def _tokenizer(settings: RunSettings) -> Iterator[Finding]:
    yield Finding("ok", "tokenizer", _tokenizer_identity(settings))


def _snapshots(settings: RunSettings) -> Iterator[Finding]:
    """The folder, and whether what lies in it can be continued."""
    url = url_of(settings.snapshot_dir)
    folder = local_folder(url, "write") if url else Path(settings.snapshot_dir)
    existing = _existing(folder)
    yield _either(
        existing.is_dir() and os.access(existing, os.W_OK | os.X_OK),
        "snapshot-dir",
        f"{folder} can be written",
        f"cannot be written: choose another than {folder}",
    )
    if url:
        remote = RemoteFolder(url)
        remote.check()
        names = remote.names()
        yield Finding("ok", "snapshot-dir", f"{url} answers and holds {len(names)} snapshot(s)")
        if not reader.folders(folder):
            if not names:
                yield from _warm_start(settings)
            return  # what is there is copied here by a start
    check_free(folder)
    yield from _resume(settings, folder)


def _resume(settings: RunSettings, folder: Path) -> Iterator[Finding]:
    from w2v_online.learning.state import check_continues

    wanted = _tokenizer_identity(settings)

    def accept(saved: Snapshot) -> str:
        check_continues(saved, settings.learner_config, wanted)
        return changed_options(saved.manifest, settings, saved.path)

    found = SnapshotFolder(str(folder), is_held=True).find(settings.resume, accept, _quiet_log())
    if found is None:
        yield from _warm_start(settings)
        return
    saved, changed = found
    if changed:
        yield Finding("warning", "resume", f"other options than in {saved.path}: {changed}")
    yield Finding("ok", "resume", f"{saved.path} can be continued")


def _warm_start(settings: RunSettings) -> Iterator[Finding]:
    """What a new model starts from; one that is continued does not need it."""
    if settings.init is None:
        return
    from streamer.daemon.warm_start import read_start

    words = len(read_start(settings.init, settings.learner_config))
    yield Finding("ok", "init", f"{settings.init} holds {words:,} words")


@functools.cache  # asked for memory and for disk
def _ceiling(config: LearnerConfig) -> int | None:
    """Bytes of a learner with a full vocabulary, None if the system does not let it have them."""
    from w2v_online.learning.learner import OnlineWord2Vec

    try:
        return OnlineWord2Vec(config).max_bytes
    except (MemoryError, OSError):
        return None


def _memory(settings: RunSettings) -> Iterator[Finding]:
    """What a full vocabulary would take, against what the machine has."""
    ceiling = _ceiling(settings.learner_config)
    if ceiling is None:
        told = "for a full vocabulary it cannot be reserved"
        yield Finding("failure", "memory", f"{told}; {SMALLER}")
        return
    needed = ceiling + BASE_BYTES
    yield fits_in_memory(needed, f"up to {mib(needed)} needed")


def _disk(settings: RunSettings) -> Iterator[Finding]:
    """What snapshots of a full vocabulary would take."""
    ceiling = _ceiling(settings.learner_config)
    if ceiling is None:
        return  # said of memory
    url = url_of(settings.snapshot_dir)
    folder = local_folder(url, "write") if url else Path(settings.snapshot_dir)
    free = shutil.disk_usage(_existing(folder)).free
    kept = settings.keep + settings.keep_hourly + settings.keep_daily
    if settings.vectors_every is not None or settings.anneal_passes:
        kept += settings.keep_vectors  # each less than half as large
    if settings.anneal_every is not None:
        kept += settings.keep_vectors
    told = f"a snapshot takes up to {mib(ceiling)}, {mib(free)} are free for it"
    if free < 2 * ceiling:
        yield Finding("failure", "disk", f"{told}, and twice as much is needed while writing")
    elif free < (kept + 2) * ceiling:
        yield Finding("warning", "disk", f"{told}, and {kept} are kept")
    else:
        yield Finding("ok", "disk", told)


def _source(settings: RunSettings) -> Iterator[Finding]:
    """What the source has to say, without reading anything."""
    yield from KINDS[settings.source].findings(settings, _quiet_log())


def _either(holds: bool, what: str, good: str, bad: str) -> Finding:
    return Finding("ok", what, good) if holds else Finding("failure", what, bad)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists already."""
    folder = folder.absolute()
    while not reader.exists(folder):
        folder = folder.parent
    return folder


_OF_CLUSTERS = ClusterSettings.model_fields.keys() - RunSettings.model_fields.keys()


@click.pass_context
def _validate(ctx: click.Context, /, cluster: bool, **_options: Any) -> None:
    given = {
        name for name in ctx.params if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    is_cluster = cluster or bool(_OF_CLUSTERS & given)
    code = EXIT_DONE
    for finding in findings(load_settings(ctx, ClusterSettings if is_cluster else RunSettings)):
        click.echo(f"{finding.level:<8} {finding.what}: {finding.message}")
        if finding.level == "failure":
            code = EXIT_CONFIG
    ctx.exit(code)


validate = SettingsCommand(
    "validate",
    callback=_validate,
    text="Check a configuration and everything it needs, without starting.\n\nTakes the options "
    "of run, or of cluster, and looks at files, snapshots, memory, disk, brokers, topics and "
    "credentials. Exit code 78 if anything is wrong.",
    examples=(("w2v-stream validate --config /etc/w2v-stream.toml", "Check a file of options."),),
    extra=[
        click.Option(
            ["--cluster"],
            is_flag=True,
            help="Check as cluster would, even if no option of cluster is given.",
        )
    ],
    settings=ClusterSettings,
)
