"""``w2v-stream publish``: keeps a store of vectors in step with a model."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from streamer.commands.arguments import address_of, require_folder
from streamer.config.address import Address
from streamer.config.options import settings_options, some_settings
from streamer.errors import EXIT_DONE, ConfigurationError
from streamer.publishing.report import FOLDER, Report
from streamer.publishing.report import read as read_report
from streamer.publishing.state import StateError
from streamer.sources.kafka.settings import KafkaSettings
from w2v_online import load_vectors
from w2v_online.errors import SnapshotError
from w2v_online.reading.vectors import WordVectors
from w2v_online.snapshots import reader

_POLL_SECONDS = 0.5
_RETRY_SECONDS = (1.0, 60.0)
"""Pause after a failure: doubled from the first to the last."""

_KAFKA = ("kafka_username", "kafka_password", "kafka_password_file", "kafka_config")
"""Settings of ``run`` that are options here, too."""


@click.command()
@click.argument("snapshot_dir", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "url",
    required=True,
    metavar="URL",
    help="kafka://HOST:PORT/TOPIC, postgresql://USER@HOST/DATABASE?table=NAME, "
    "qdrant+http://HOST:PORT/COLLECTION or lancedb://FOLDER?table=NAME.",
)
@click.option("--follow", is_flag=True, help="Go on with every new snapshot until SIGTERM.")
@click.option(
    "--threshold",
    type=click.FloatRange(-1.0, 1.0),
    default=0.999,
    show_default=True,
    help="Send a word again if the cosine with the vector that was sent is below this.",
)
@click.option("--full", is_flag=True, help="Start over: send every word.")
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it is recorded what was sent, for one store. By default below SNAPSHOT_DIR.",
)
@click.option(
    "--metrics",
    callback=address_of,
    metavar="HOST:PORT",
    help="Serve metrics for Prometheus there; off unless given.",
)
@click.pass_context
def publish(
    ctx: click.Context,
    /,
    snapshot_dir: Path,
    url: str,
    follow: bool,
    threshold: float,
    full: bool,
    state_dir: Path | None,
    metrics: Address | None,
    **_kafka: object,
) -> None:
    """Bring a vector store up to date: send new and moved words, delete those that are gone.

    SNAPSHOT_DIR is a folder of snapshots, or one snapshot. Afterwards the store holds exactly the
    snapshot's words, each vector within --threshold of the model's. The command records what it
    sends, so the next run corrects the store even if this one is killed or misses snapshots, or if
    the model is started from nothing. A store that is found empty is sent everything again. Only
    one process at a time may publish to a store.

    Kafka with TLS or SASL takes the options of run; passwords come from W2V_STREAM_KAFKA_PASSWORD,
    PGPASSWORD and QDRANT_API_KEY, or from --kafka-password-file, and are never logged.
    """
    from streamer.publishing.ledger import Ledger
    from streamer.publishing.store import Access, open_store, target_of, without_password

    if follow:
        require_folder(snapshot_dir)
    log = _log()
    access = Access(some_settings(ctx, KafkaSettings, *_KAFKA), log)
    vectors = load_vectors(snapshot_dir)
    folder = state_dir or _state_folder(vectors, without_password(url))
    stopping = threading.Event()
    if follow:  # else a signal ends it at once, and the next run sends the rest
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
    ledger = Ledger(folder, vectors.vector_size, to=target_of(url), is_new=full)
    report = read_report(folder, without_password(url))
    if report.to != without_password(url):
        report = Report(without_password(url))  # the folder was another store's before
    if metrics:
        _serve_metrics(metrics, report, lambda: reader.newest_name(snapshot_dir))
    store: Any = None
    pause = _RETRY_SECONDS[0]
    published = ""
    while True:
        try:
            if store is None:
                store = open_store(url, vectors.vector_size, access)
            if vectors.path.name != published:
                _publish_one(vectors, store, ledger, threshold, report, log)
                report.write(folder)
                published = vectors.path.name
            pause = _RETRY_SECONDS[0]
        except _failures() as error:
            report.failed(str(error))
            with suppress(StateError):  # what failed is logged, or ends the command
                report.write(folder)
            if not follow:
                raise
            log.warning("publish_failed", reason=str(error), retry_seconds=pause)
            if store is not None:
                _close(store)
                store = None
            stopping.wait(pause)
            pause = min(2 * pause, _RETRY_SECONDS[1])
        if not follow or stopping.is_set():
            break
        stopping.wait(_POLL_SECONDS)
        try:
            if reader.newest_name(snapshot_dir) not in ("", vectors.path.name):
                vectors = load_vectors(snapshot_dir)
        except SnapshotError as error:
            log.warning("snapshot_unreadable", reason=str(error))
    if store is not None:
        _close(store)
    ledger.close()
    ctx.exit(EXIT_DONE)


publish.params += settings_options(KafkaSettings, *_KAFKA)


def _failures() -> tuple[type[Exception], ...]:
    from streamer.publishing.store import StoreError

    return (StoreError, StateError, SnapshotError)


def _close(store: Any) -> None:
    try:
        store.close()
    except Exception:  # noqa: S110, what cannot be closed is given up
        pass


def _publish_one(
    vectors: WordVectors,
    store: Any,
    ledger: Any,
    threshold: float,
    report: Report,
    log: Any,
) -> None:
    from streamer.publishing.publisher import publish as send

    began = time.monotonic()
    sent = send(
        vectors.table,
        vectors.path.name,
        store,
        ledger,
        threshold,
        tell_lost=lambda words: log.warning("store_empty", to=report.to, words=words),
    )
    report.upserted += sent.upserted
    report.deleted += sent.deleted
    report.sent_bytes += sent.sent_bytes
    report.succeeded(vectors.path.name, len(ledger.words))
    log.info(
        "published",
        snapshot=vectors.path.name,
        to=report.to,
        upserted=sent.upserted,
        deleted=sent.deleted,
        words=len(ledger.words),
        left_out=sent.left_out,
        sent_bytes=sent.sent_bytes,
        seconds=round(time.monotonic() - began, 3),
    )


def _state_folder(vectors: WordVectors, shown_url: str) -> Path:
    return vectors.path.parent / FOLDER / hashlib.sha256(shown_url.encode()).hexdigest()[:16]


def _log() -> Any:
    from streamer.telemetry.log import LogLevel, make_log

    return make_log("text", LogLevel("info"))


def _serve_metrics(address: Address, report: Report, newest: Callable[[], str]) -> None:
    from prometheus_client import CollectorRegistry, start_http_server

    from streamer.publishing.metrics import StoreMetrics

    registry = CollectorRegistry()
    registry.register(StoreMetrics(lambda: [report], newest))
    try:
        start_http_server(address.port, address.host, registry)
    except OSError as error:
        raise ConfigurationError(
            f"--metrics {address}: cannot listen there: {error.strerror or error}"
        ) from error
