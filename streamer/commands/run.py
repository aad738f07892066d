"""``w2v-stream run``: learn from a stream."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from streamer.config.options import SettingsCommand, load_settings, print_config_option
from streamer.config.print_config import config_text
from streamer.errors import EXIT_DONE
from streamer.uncollected import uncollected

EXAMPLES = (
    ("w2v-stream run corpus.txt --snapshot-dir vectors", "Learn a file."),
    ("tail -F app.log | w2v-stream run --tokenizer log", "Learn whatever a command prints."),
    (
        "w2v-stream run --kafka-bootstrap-servers HOST:9092 --kafka-topic posts --http 8787",
        "Learn a Kafka topic, with a web page at http://localhost:8787/.",
    ),
)

EVERYDAY = (
    "follow",
    "kafka_bootstrap_servers",
    "kafka_topic",
    "json_field",
    "tokenizer",
    "lowercase",
    "vector_size",
    "window",
    "min_count",
    "replay",
    "threads",
    "snapshot_dir",
    "snapshot_every",
    "keep",
    "http",
)
"""The fifteen options that a first run may need."""


@click.pass_context
def _run(ctx: click.Context, /, print_config: bool, **_options: Any) -> None:
    settings = load_settings(ctx)
    if print_config:
        click.echo(config_text(settings, ctx))
        return
    # Imported here: the query commands need neither Numba nor the learner.
    with uncollected():
        from streamer.daemon import run as daemon

    command = ctx.command
    assert isinstance(command, SettingsCommand)  # noqa: S101 for mypy: it is made below
    code = daemon.run(settings, command.reread)
    if code == EXIT_DONE and sys.stderr.isatty():
        _say_what_next(settings.snapshot_dir)
    ctx.exit(code)


def _say_what_next(folder: str) -> None:
    """What can be done with the vectors, for whoever has just learned some at a terminal."""
    name = shlex.quote(folder)
    click.echo("Next:", err=True)
    for command, purpose in (
        (f"w2v-stream neighbors {name} WORD", "similar words"),
        (f"w2v-stream map {name} --output map.html", "a map of the vocabulary"),
        (f"w2v-stream serve {name}", "a web page for both"),
    ):
        click.echo(f"  {command:<48}  {purpose}", err=True)


run = SettingsCommand(
    "run",
    callback=_run,
    text="Learn from text and write snapshots until it ends.\n\nFILE is text, plain or "
    "compressed, or a quoted pattern such as 'logs/*.log'. Without FILE, --path, --kafka-topic or "
    "--redis-stream, text comes from standard input. Ctrl-C writes a last snapshot and ends; the "
    "next run with the same --snapshot-dir continues from it.",
    examples=EXAMPLES,
    everyday=EVERYDAY,
    extra=[print_config_option()],
)
