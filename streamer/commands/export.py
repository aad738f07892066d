"""``w2v-stream export``: vectors as a file for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import snapshot_argument
from w2v_online import load_vectors
from w2v_online.analysis import export as exporting


@click.command("export")
@snapshot_argument
@click.option(
    "--format",
    "file_format",
    type=click.Choice(exporting.FORMAT_NAMES),
    default="word2vec-text",
    show_default=True,
    help="gensim: KeyedVectors; npz and safetensors: arrays vectors, counts, words.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="File to write.",
)
def export(snapshot: Path, file_format: str, output: Path) -> None:
    """Write vectors as a file for other programs, words in the order of their counts.

    SNAPSHOT is a snapshot, a folder of snapshots or a word2vec file.
    """
    table = load_vectors(snapshot).table
    left_out = exporting.write(table, file_format, output)
    message = f"{len(table) - left_out:,} words to {output}"
    if left_out:
        message += f"; {left_out:,} left out that {file_format} cannot hold, with spaces or NUL"
    click.echo(message, err=True)
