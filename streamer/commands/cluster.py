"""``w2v-stream cluster``: learn in several workers on Ray."""

from __future__ import annotations

from typing import Any

import click

from streamer.config.cluster_settings import ClusterSettings
from streamer.config.options import SettingsCommand, load_settings, print_config_option
from streamer.config.print_config import config_text


@click.pass_context
def _cluster(ctx: click.Context, /, print_config: bool, **_options: Any) -> None:
    settings = load_settings(ctx)
    assert isinstance(settings, ClusterSettings)  # noqa: S101 for mypy: this command has them
    if print_config:
        click.echo(config_text(settings, ctx))
        return
    # Imported here: help needs neither Numba nor Ray.
    from streamer.cluster.launch import run

    assert isinstance(ctx.command, SettingsCommand)  # noqa: S101 for mypy: it is made below
    ctx.exit(run(settings, ctx.command.reread))


cluster = SettingsCommand(
    "cluster",
    callback=_cluster,
    text="Learn one model with several workers on a Ray cluster.\n\nFILE is text, plain or "
    "compressed, or a quoted pattern; workers share files, or the partitions of Kafka topics.",
    examples=(
        (
            "w2v-stream cluster --workers 4 --ray-address auto 'logs/*.log' --snapshot-dir /shared",
            "Learn files in four workers of the Ray cluster that this machine belongs to.",
        ),
    ),
    everyday=(
        "workers",
        "shards",
        "ray_address",
        "sync_every",
        "join_after",
        "worker_timeout",
        "follow",
        "kafka_bootstrap_servers",
        "kafka_topic",
        "snapshot_dir",
        "snapshot_every",
    ),
    extra=[print_config_option()],
    settings=ClusterSettings,
)
