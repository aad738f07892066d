"""``w2v-stream run``: learn from a stream."""

from __future__ import annotations

from typing import Any

import click

from streamer.config.options import SettingsCommand, load_settings, print_config_option
from streamer.config.print_config import config_text

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
    from streamer.daemon import run as daemon

    command = ctx.command
    assert isinstance(command, SettingsCommand)  # noqa: S101 for mypy: it is made below
    ctx.exit(daemon.run(settings, command.reread))


run = SettingsCommand(
    "run",
    callback=_run,
    text="Learn from text and write snapshots until it ends.\n\nFILE is text, plain or "
    "compressed, or a quoted pattern such as 'logs/*.log'. Without FILE, --path or --kafka-topic, "
    "text comes from standard input. Ctrl-C writes a last snapshot and ends; the next run with "
    "the same --snapshot-dir continues from it.",
    examples=EXAMPLES,
    everyday=EVERYDAY,
    extra=[print_config_option()],
)
