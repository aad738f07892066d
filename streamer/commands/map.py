"""``w2v-stream map``: the most frequent words in two dimensions."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import picture_file, snapshot_argument
from streamer.commands.pictures.files import read_layout, write_picture
from streamer.commands.pictures.picture import Picture
from w2v_online import load_vectors
from w2v_online.analysis import layout
from w2v_online.analysis.clusters import clusters
from w2v_online.analysis.content_words import content_words
from w2v_online.errors import ExportError


@click.command("map")
@snapshot_argument
@click.option("--output", type=picture_file, required=True, help="FILE.html or FILE.png.")
@click.option(
    "--words",
    type=click.IntRange(min=3, max=20_000),
    default=1000,
    show_default=True,
    help="Most frequent words to show.",
)
@click.option(
    "--method",
    type=click.Choice(layout.METHODS),
    default=None,
    help="tsne keeps neighbourhoods and needs w2v-stream[map]; pca is fast. Default: tsne if "
    "it is installed.",
)
def map_words(snapshot: Path, output: Path, words: int, method: str | None) -> None:
    """Draw a map of the vocabulary as HTML or PNG.

    Words used alike lie together; function words are left out.

    If there is a map at --output already, the new one is laid over it: what has not moved stays
    where it was. SNAPSHOT is a snapshot, a folder of snapshots or a word2vec file.
    """
    vectors = load_vectors(snapshot)
    previous = read_layout(output)
    try:
        laid_out = layout.lay_out(
            vectors.table,
            content_words(vectors.table, words),
            method=method or layout.default_method(),
            previous=previous,
        )
    except ValueError as error:
        raise ExportError(str(error)) from error
    except ImportError as error:
        raise ExportError("--method tsne needs: pip install 'w2v-stream[map]'") from error
    rows = [vectors.table.row(word) for word in laid_out.words]
    details = [f"occurs {count:,.0f} times" for count in vectors.counts[rows].tolist()]
    title = f"{len(laid_out.words):,} words of {vectors.path.name}"
    found = clusters(vectors.table, laid_out.words, laid_out.positions)
    write_picture(Picture(title, laid_out, details, clusters=found), output)
    click.echo(f"{len(laid_out.words):,} words to {output}", err=True)
