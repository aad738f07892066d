"""``w2v-stream drift``: the words whose meaning moved most, or what one word went through."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from streamer.commands.arguments import json_option, picture_file, refuse_given, topn_option
from streamer.commands.lookup import spelled
from streamer.commands.pictures.files import write_picture
from streamer.commands.pictures.picture import Picture
from streamer.commands.tables import echo_json, echo_rows
from w2v_online import load_vectors
from w2v_online.analysis import changes, layout
from w2v_online.analysis import drift as drifting
from w2v_online.config import CHANGING_MIN_COUNT
from w2v_online.errors import ExportError
from w2v_online.reading.vectors import WordVectors
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import url_of

_RANKING = ("topn", "min_count", "min_relative")
"""Options that say which words are shown."""

_DRAWN_PATHS = 20
"""Most words whose way a picture shows."""

_BAR_CELLS = 12
"""Of the curve of a word's history, on a terminal."""


@click.command()
@click.argument("old", metavar="OLD", type=click.Path(path_type=Path))
@click.argument("new", metavar="[NEW]", type=click.Path(path_type=Path), required=False)
@topn_option(50, "Words to print.")
@click.option(
    "--min-count",
    type=click.IntRange(min=0),
    help="Minimum occurrences of a word in NEW: "
    f"{drifting.MIN_COUNT} unless given; with OLD alone {CHANGING_MIN_COUNT:,}.",
)
@click.option(
    "--min-relative",
    type=click.FloatRange(min=0),
    default=drifting.NOTABLE,
    show_default=True,
    help="Show words that moved at least this many times as far as words of similar frequency.",
)
@click.option("--word", help="Follow this word through all snapshots of the folder OLD.")
@click.option("--output", type=picture_file, help="Also draw it: FILE.html or FILE.png.")
@json_option
def drift(
    old: Path,
    new: Path | None,
    topn: int,
    min_count: int | None,
    min_relative: float,
    word: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print the words whose meaning moved most from OLD to NEW, or what one word went through.

    OLD and NEW are snapshots, folders of snapshots (the newest counts) or word2vec files. Words
    are ranked by how far they moved (one minus the cosine) compared with words of similar
    frequency. Words that moved less than 0.05, or less than --min-relative times as far as words of
    similar frequency, are left out.

    With OLD alone, print the words that are changing in that snapshot: those with a change score of
    2.5 or more. The score tells how far a vector is from its running average; about 1 is usual.
    """
    if word is not None:
        refuse_given("--word follows a word through one folder", "new", "output", *_RANKING)
        if url_of(old):
            raise click.UsageError("--word follows a word through a folder on this machine")
        newest = load_vectors(old)
        _print_history(drifting.history(old, spelled(newest, word) or word), as_json)
        return
    if new is None:
        refuse_given("with OLD alone nothing is compared", "output", "min_relative")
        least = CHANGING_MIN_COUNT if min_count is None else min_count
        _print_changing(load_vectors(old), topn, least, as_json)
        return
    _refuse_missing(old, new)
    before, after = load_vectors(old), load_vectors(new)
    least = drifting.MIN_COUNT if min_count is None else min_count
    try:
        movements = drifting.drift(
            before, after, topn=topn, min_count=least, min_relative=min_relative
        )
    except ValueError as error:
        raise ExportError(str(error)) from error
    if not movements:
        click.echo(
            f"No word moved by {drifting.FLOOR} or more (one minus the cosine) and "
            f"{min_relative:g} times as far as words of similar frequency.",
            err=True,
        )
    elif output is not None:
        _draw_paths(before, after, movements[:_DRAWN_PATHS], output)
    if as_json:
        echo_json([asdict(movement) for movement in movements])
        return
    _print_movements(movements)


def _refuse_missing(*paths: Path) -> None:
    """What a pattern of the shell leaves as it is, because there are fewer snapshots."""
    for path in paths:
        kept = [] if url_of(path) or reader.exists(path) else reader.folders(path.parent)
        if kept:
            names = ", ".join(folder.name for folder in kept[:5])
            raise click.UsageError(
                f"there is no snapshot {path}; {path.parent} has {len(kept)}: {names}"
            )


def _print_movements(movements: list[drifting.Movement]) -> None:
    if sys.stdout.isatty():
        echo_rows(
            [
                (
                    m.word,
                    f"{m.relative:.1f}",
                    f"{m.moved:.3f}",
                    f"{m.old_count:,.0f}",
                    f"{m.new_count:,.0f}",
                    " ".join(m.lost),
                    " ".join(m.gained),
                )
                for m in movements
            ],
            (
                "word", "x usual", "moved (1 - cosine)", "count before", "count now",
                "neighbors lost", "neighbors gained",
            ),
        )  # fmt: skip
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
        ]
    )


def _print_changing(vectors: WordVectors, topn: int, min_count: int, as_json: bool) -> None:
    found = changes.changing(vectors, topn=topn, min_count=min_count)
    if not found:
        click.echo(
            f"No word with {min_count} occurrences or more is changing (score below "
            f"{changes.THRESHOLD:g}).",
            err=True,
        )
    if as_json:
        echo_json([asdict(change) for change in found])
        return
    echo_rows(
        [(c.word, f"{c.score:.2f}", f"{c.count:.0f}", " ".join(c.neighbors)) for c in found],
        ("word", "change score", "count", "neighbors"),
    )


def _print_history(moments: list[drifting.Moment], as_json: bool) -> None:
    if as_json:
        echo_json([asdict(moment) for moment in moments])
        return
    is_terminal = sys.stdout.isatty()
    most = max(moment.moved_in_all for moment in moments)
    rows = [
        (
            moment.snapshot,
            f"{moment.words:,}" if is_terminal else str(moment.words),
            f"{moment.count:,.0f}" if is_terminal else f"{moment.count:.0f}",
            "" if moment.moved != moment.moved else f"{moment.moved:.3f}",
            f"{moment.moved_in_all:.3f}",
            *([_bar(moment.moved_in_all / most if most else 0.0)] if is_terminal else []),
            " ".join(moment.neighbors),
        )
        for moment in moments
    ]
    echo_rows(rows, ("snapshot", "words read", "count", "moved", "since first", "", "neighbors"))


def _bar(share: float) -> str:
    return "█" * round(_BAR_CELLS * share)


def _draw_paths(
    before: WordVectors, after: WordVectors, movements: list[drifting.Movement], output: Path
) -> None:
    paths = layout.paths(before.table, after.table, movements)
    moved = {movement.word: f"moved {movement.moved:.3f}" for movement in movements}
    details = [moved.get(word, "neighbor") for word in paths.layout.words]
    title = f"{before.path.name} to {after.path.name}: what moved most"
    write_picture(Picture(title, paths.layout, details, paths.starts), output)
    click.echo(f"{len(movements)} words to {output}", err=True)
