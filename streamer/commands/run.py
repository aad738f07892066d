"""``w2v-stream run``: learn from a stream."""

from __future__ import annotations

from typing import Any

import click

from streamer.config.options import SettingsCommand, load_settings, print_config_option
from streamer.config.print_config import config_text


@click.pass_context
def _run(ctx: click.Context, /, print_config: bool, **_options: Any) -> None:
    settings = load_settings(ctx)
    if print_config:
        click.echo(config_text(settings, ctx))
        return
    # Imported here: the query commands need neither Numba nor the learner.
    from streamer.daemon import run as daemon

    command = ctx.command
    assert isinstance(command, SettingsCommand)  # noqa: S101 for mypy: it is made below
    ctx.exit(daemon.run(settings, command.reread))


run = SettingsCommand(
    "run",
    callback=_run,
    text="Learn from a stream and write snapshots until it ends or a signal comes.",
    extra=[print_config_option()],
)
