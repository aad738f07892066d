"""The commands that show many words at once: drift and map."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from streamer.commands.arguments import json_option, snapshot_argument, topn_option
from streamer.commands.pictures import Picture, read_layout, write_picture
from streamer.commands.tables import echo_json, echo_rows
from w2v_online import load_vectors
from w2v_online.analysis import drift as drifting
from w2v_online.analysis import layout
from w2v_online.errors import ExportError
from w2v_online.reading.vectors import WordVectors

_DRAWN_PATHS = 20
"""Most words whose way a picture shows."""

picture_option = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="[NEW]", type=click.Path(path_type=Path), required=False)
@topn_option(50, "Words to print.")
@click.option(
    "--min-count",
    type=click.IntRange(min=0),
    default=drifting.MIN_COUNT,
    show_default=True,
    help="Consider words that NEW has counted so often.",
)
@click.option("--word", help="Follow this word through all snapshots of the folder OLD.")
@click.option("--output", type=picture_option, help="Also draw it: FILE.html or FILE.png.")
@json_option
def drift(
    old: Path,
    new: Path | None,
    topn: int,
    min_count: int,
    word: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print the words whose meaning moved most from OLD to NEW, or what one word went through.

    OLD and NEW are snapshots, folders of snapshots (the newest counts) or word2vec files. Words
    are ranked by what they moved (one minus the cosine) in relation to words seen as often.
    """
    if word is not None:
        if new is not None or output is not None:
            raise click.UsageError(
                "--word follows a word through one folder: give no NEW, no --output"
            )
        _print_history(drifting.history(old, word), as_json)
        return
    if new is None:
        raise click.UsageError("give OLD and NEW, or a folder and --word WORD")
    before, after = load_vectors(old), load_vectors(new)
    try:
        movements = drifting.drift(before, after, topn=topn, min_count=min_count)
    except ValueError as error:
        raise ExportError(str(error)) from error
    if output is not None:
        _draw_paths(before, after, movements[:_DRAWN_PATHS], output)
    if as_json:
        echo_json([asdict(movement) for movement in movements])
        return
    echo_rows(
        [
            (
                m.word,
                f"{m.relative:.2f}",
                f"{m.moved:.3f}",
                f"{m.old_count:.0f}",
                f"{m.new_count:.0f}",
                " ".join(m.old_neighbors),
                " ".join(m.new_neighbors),
            )
            for m in movements
        ],
        ("word", "relative", "moved", "count before", "now", "neighbors before", "now"),
    )


def _print_history(moments: list[drifting.Moment], as_json: bool) -> None:
    if as_json:
        echo_json([asdict(moment) for moment in moments])
        return
    echo_rows(
        [
            (
                moment.snapshot,
                str(moment.words),
                f"{moment.count:.0f}",
                "" if moment.moved != moment.moved else f"{moment.moved:.3f}",
                f"{moment.moved_in_all:.3f}",
                " ".join(moment.neighbors),
            )
            for moment in moments
        ],
        ("snapshot", "words", "count", "moved", "in all", "neighbors"),
    )


def _draw_paths(
    before: WordVectors, after: WordVectors, movements: list[drifting.Movement], output: Path
) -> None:
    paths = layout.paths(before.table, after.table, movements)
    moved = {movement.word: f"moved {movement.moved:.3f}" for movement in movements}
    details = [moved.get(word, "neighbor") for word in paths.layout.words]
    title = f"{before.path.name} to {after.path.name}: what moved most"
    write_picture(Picture(title, paths.layout, details, paths.starts), output)
    click.echo(f"{len(movements)} words to {output}", err=True)


@click.command("map")
@snapshot_argument
@click.option("--output", type=picture_option, required=True, help="FILE.html or FILE.png.")
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
    default="pca",
    show_default=True,
    help="umap needs umap-learn.",
)
def map_command(snapshot: Path, output: Path, words: int, method: str) -> None:
    """Draw the most frequent words in two dimensions; in HTML to zoom into.

    If there is a map at --output already, the new one is laid over it: what has not moved stays
    where it was. SNAPSHOT is a snapshot, a folder of snapshots or a word2vec file.
    """
    vectors = load_vectors(snapshot)
    previous = read_layout(output)
    try:
        laid_out = layout.lay_out(vectors.table, words, method=method, previous=previous)
    except ValueError as error:
        raise ExportError(str(error)) from error
    except ImportError as error:
        raise ExportError("--method umap needs umap-learn: pip install umap-learn") from error
    details = [f"count {count:,.0f}" for count in vectors.counts[: len(laid_out.words)].tolist()]
    title = f"{vectors.path.name}: the {len(laid_out.words):,} most frequent words"
    write_picture(Picture(title, laid_out, details), output)
    click.echo(f"{len(laid_out.words):,} words to {output}", err=True)


VIEWS = [drift, map_command]
