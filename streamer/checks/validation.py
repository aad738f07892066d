"""``w2v-stream validate``: the configuration and what it needs, looked at before a start.

Each check looks at one thing, changes nothing, and yields findings. It may run beside a daemon
with the same configuration. A finding is a failure where ``run`` would stop or could not go on as
configured, and a warning where it may come to that. A configuration that says anything of a cluster
is looked at as one for ``cluster``.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from glob import glob
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from streamer.checks.cluster import ray_answers, workers_fit
from streamer.checks.finding import BASE_BYTES, SMALLER, Finding, fits_in_memory, mib
from streamer.config.cluster_settings import ClusterSettings
from streamer.config.options import SettingsCommand, load_settings
from streamer.config.settings import RunSettings
from streamer.errors import EXIT_CONFIG, EXIT_DONE
from streamer.telemetry.log import LogLevel, make_log
from w2v_online.config import LearnerConfig
from w2v_online.errors import W2VError
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import RemoteFolder, local_folder, url_of

CONNECT_SECONDS = 10.0


def findings(settings: RunSettings) -> Iterator[Finding]:
    """All checks, in the order in which a start would meet them."""
    checks: list[Callable[[Any], Iterator[Finding]]] = [_files, _source, _tokenizer, _snapshots]
    if isinstance(settings, ClusterSettings):
        checks += [workers_fit, _disk, _kafka, ray_answers]
    else:
        checks += [_memory, _disk, _kafka]
    for check in checks:
        try:
            yield from check(settings)
        except W2VError as error:
            yield Finding("failure", check.__name__.strip("_"), str(error))


def _files(settings: RunSettings) -> Iterator[Finding]:
    """The files that options name."""
    if settings.init is not None:
        readable = settings.init.is_file() and os.access(settings.init, os.R_OK)
        yield _either(readable, "init", f"{settings.init} can be read", "cannot be read")
    if settings.probe is not None:
        from streamer.checkpoints.quality_probe import QualityProbe

        QualityProbe(settings.probe)
        yield Finding("ok", "probe", f"{settings.probe} holds questions")


def _source(settings: RunSettings) -> Iterator[Finding]:
    if settings.source != "file":
        return
    paths = [
        file
        for pattern in settings.path
        for file in sorted(glob(pattern)) or [pattern]  # noqa: PTH207 as the source does
    ]
    unreadable = [path for path in paths if not os.access(path, os.R_OK)]
    if not unreadable:
        yield Finding("ok", "path", f"{len(paths)} file(s) can be read")
    elif settings.follow and not Path(unreadable[0]).exists():
        yield Finding("warning", "path", f"{unreadable[0]} does not exist yet; run waits for it")
    else:
        yield Finding("failure", "path", f"{unreadable[0]} cannot be read")


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
        names = RemoteFolder(url).names()
        yield Finding("ok", "snapshot-dir", f"{url} answers and holds {len(names)} snapshot(s)")
    if settings.resume == "never":
        return
    newest = reader.newest_whole(folder)
    if newest is None:
        if settings.resume == "require" and not (url and names):
            yield Finding("failure", "resume", f"{folder} holds no intact snapshot to go on from")
        return
    from w2v_online.learning.state import check_continues

    saved = LearnerConfig.model_validate(newest.manifest["config"])
    tokenizer = str(newest.manifest["tokenizer"])
    wanted = _tokenizer_identity(settings)
    check_continues(newest.path, saved, settings.learner_config, tokenizer, wanted)
    yield Finding("ok", "resume", f"{newest.path} can be continued")


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
    told = f"a snapshot takes up to {mib(ceiling)}, {mib(free)} are free for it"
    if free < 2 * ceiling:
        yield Finding("failure", "disk", f"{told}, and twice as much is needed while writing")
    elif free < (kept + 2) * ceiling:
        yield Finding("warning", "disk", f"{told}, and {kept} are kept")
    else:
        yield Finding("ok", "disk", told)


def _kafka(settings: RunSettings) -> Iterator[Finding]:
    """Settings, TLS files, credentials, brokers and topics, without joining the group."""
    if settings.source != "kafka":
        return
    from kafka.errors import KafkaError

    from streamer.sources.kafka.clientlog import ClientLog, reason_of
    from streamer.sources.kafka.config import consumer_config
    from streamer.sources.kafka.connection import connect, unreachable

    config = consumer_config(settings) | {"group_id": None}
    config["bootstrap_timeout_ms"] = int(1000 * CONNECT_SECONDS)
    try:
        consumer = connect(
            config, settings.kafka_topic, ClientLog(make_log("text", LogLevel("error")))
        )
    except KafkaError as error:
        details = ", ".join(f"{key} {text}" for key, text in unreachable(config).items())
        yield Finding("failure", "kafka", f"no answer, {details}: {reason_of(error)}")
        return
    try:
        yield Finding("ok", "kafka", f"{','.join(config['bootstrap_servers'])} answers")
        yield from _kafka_topics(settings, consumer)
    except KafkaError as error:
        yield Finding("failure", "kafka", reason_of(error))
    finally:
        consumer.close()


def _kafka_topics(settings: RunSettings, consumer: Any) -> Iterator[Finding]:
    for topic in settings.kafka_topic:
        partitions = consumer.partitions_for_topic(topic) or set()
        missing = sorted(set(settings.kafka_partitions) - partitions)
        if not partitions:
            yield Finding("failure", "kafka-topic", f"topic {topic} does not exist")
        elif missing:
            yield Finding("failure", "kafka-partitions", f"topic {topic} has no {missing}")
        else:
            yield Finding("ok", "kafka-topic", f"topic {topic} has {len(partitions)} partition(s)")


def _either(holds: bool, what: str, good: str, bad: str) -> Finding:
    return Finding("ok", what, good) if holds else Finding("failure", what, bad)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists already."""
    folder = folder.absolute()
    while not folder.exists():
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
