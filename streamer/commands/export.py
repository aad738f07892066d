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
    type=click.Choice(list(exporting.FORMATS)),
    help="By default chosen by the ending of FILE, word2vec-text if that is unknown. Word2vec "
    "formats write the counts to FILE.vocab. npz and safetensors hold the arrays vectors, counts "
    "and words, parquet and arrow the columns id, word, count and vector; projector is a folder "
    "for TensorBoard's embedding projector, and gensim a KeyedVectors. fasttext (a binary model) "
    "and gensim-fasttext (a FastTextKeyedVectors) also have the n-grams of a model with "
    "--subwords, a vector for each of --bucket.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="File to write, or folder of --format projector.",
)
def export(snapshot: Path, file_format: str | None, output: Path) -> None:
    """Write vectors as a file for other programs, words in the order of their counts.

    SNAPSHOT is a snapshot, a folder of snapshots, or a word2vec or fastText file. Words that a
    format cannot hold are left out and counted.
    """
    if str(output) == "-":
        raise click.UsageError("--output: name a file; /dev/stdout is standard output")
    chosen = file_format or exporting.format_of(output)
    vectors = load_vectors(snapshot)
    written = exporting.write(vectors.table, chosen, output, vectors.subwords)
    click.echo(f"{written.words:,} words to {' and '.join(map(str, written.files))}", err=True)
    for reason, count in written.left_out.items():
        click.echo(f"{count:,} words with {reason} left out: {chosen} cannot hold them", err=True)
