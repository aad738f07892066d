"""The command ``serve``: page and questions for a folder of snapshots, without a daemon."""

from __future__ import annotations

import math
import os
import select
import signal
import time
from datetime import datetime
from pathlib import Path
from types import FrameType

import click
from pydantic import SecretStr

from streamer.commands.arguments import address_of, tokenizer_options
from streamer.config.address import Address
from streamer.config.fields import variable_of
from streamer.daemon.signals import wake_up_descriptor
from streamer.problems import NO_SNAPSHOT
from streamer.telemetry.health import Health
from streamer.telemetry.status import Concern, Status, spell_seconds
from w2v_online import __version__
from w2v_online.errors import SnapshotError
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import url_of


class Folder:
    """A folder of snapshots that another process writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._newest: reader.Snapshot | None = None

    def status(self) -> Status:
        """The state that the page shows: what the newest snapshot is."""
        try:
            newest = self._open()
        except SnapshotError as error:
            advice = "Give the folder that a daemon writes to, or wait for its first snapshot."
            return Status("no snapshot", f"{error}.", warnings=[Concern(f"{error}.", advice)])
        totals = newest.manifest.get("totals", {})
        age = _age_seconds(str(newest.manifest.get("created", "")))
        written = "" if math.isnan(age) else f"; the newest was written {spell_seconds(age)} ago"
        return Status(
            phase="showing snapshots",
            source=f"Shows the snapshots in {self._folder}{written}.",
            words=totals.get("words"),
            vocabulary=totals.get("vocabulary"),
            snapshot_age=None if math.isnan(age) else age,
        )

    def has_snapshot(self) -> bool:
        """Whether there is one to show."""
        try:
            self._open()
        except SnapshotError:
            return False
        return True

    def _open(self) -> reader.Snapshot:
        name = reader.newest_name(self._folder)
        if self._newest is None or name not in ("", self._newest.path.name):
            self._newest = reader.read(self._folder)
        return self._newest


def _age_seconds(created: str) -> float:
    try:
        return max(0.0, time.time() - datetime.fromisoformat(created).timestamp())
    except ValueError:
        return math.nan


def _listen_for_end() -> int:
    """What becomes readable with SIGINT or SIGTERM; another one ends the process at once."""
    ends = (signal.SIGINT, signal.SIGTERM)

    def stop(_number: int, _frame: FrameType | None) -> None:
        for end in ends:
            signal.signal(end, signal.SIG_DFL)

    told = wake_up_descriptor()
    for end in ends:
        signal.signal(end, stop)
    return told


def _on_this_machine(_ctx: click.Context, _param: click.Parameter, path: Path) -> Path:
    if url := url_of(path):
        raise click.BadParameter(
            f"{url}: serve reads a folder on this machine; copy the snapshots there first, or give "
            "--http to the run that writes them"
        )
    if not reader.is_folder(path):
        raise click.BadParameter(f"there is no folder {path}")
    return path


@click.command()
@click.argument("snapshot_dir", callback=_on_this_machine, type=click.Path(path_type=Path))
@click.option(
    "--http",
    callback=address_of,
    default="127.0.0.1:8787",
    show_default=True,
    envvar=variable_of("http"),
    show_envvar=True,
    metavar="HOST:PORT",
    help="Where to serve; a port alone is one of this machine.",
)
@click.option(
    "--http-token-file",
    type=click.Path(path_type=Path),
    envvar=variable_of("http_token_file"),
    show_envvar=True,
    metavar="FILE",
    help="File with a bearer token that requests must bring; or set W2V_STREAM_HTTP_TOKEN.",
)
@tokenizer_options
def serve(
    snapshot_dir: Path,
    http: Address,
    http_token_file: Path | None,
    tokenizer: str | None,
    tokenizer_options: dict[str, str],
) -> None:
    """Serve the live page and the API for a folder of snapshots, without a daemon.

    SNAPSHOT_DIR may be one that a daemon writes to: new snapshots are shown as they come. Ends
    with SIGTERM or SIGINT.
    """
    # Imported here: the other commands need no server.
    from streamer.daemon.service import read_token
    from streamer.http.site import Site
    from streamer.telemetry.log import LogLevel, make_log
    from streamer.telemetry.metrics import make_registry

    end_is_told = _listen_for_end()
    folder, health = Folder(snapshot_dir), Health()
    health.began({NO_SNAPSHOT: lambda: not folder.has_snapshot()}, has_loop=False)
    secret = os.environ.get(variable_of("http_token"))
    site = Site(
        http,
        snapshot_dir,
        registry=make_registry(health),
        health=health,
        status=folder.status,
        token=read_token(SecretStr(secret) if secret else None, http_token_file),
        version=__version__,
        log=make_log("text", LogLevel("info")),
        tokenizer={"tokenizer": tokenizer, "tokenizer_options": tokenizer_options},
    )
    click.echo(f"http://{site.address}/", err=True)
    select.select([end_is_told], [], [])
    site.close()
