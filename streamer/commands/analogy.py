"""``w2v-stream analogy``: the word that is to C as B is to A."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import json_option, snapshot_argument, topn_option
from streamer.commands.lookup import find_all
from streamer.commands.tables import ANSWER_HEADINGS, answer_rows, echo_json, echo_rows
from streamer.errors import EXIT_FAILURE
from w2v_online import load_vectors


@click.command()
@snapshot_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@topn_option(10, "Answers to print.")
@json_option
@click.pass_context
def analogy(
    ctx: click.Context, snapshot: Path, a: str, b: str, c: str, topn: int, as_json: bool
) -> None:
    """Solve "A is to B as C is to ?".

    SNAPSHOT is the folder of a snapshot, a folder of snapshots (its newest complete one), or a
    word2vec file. A word that occurs in another case only is found too.
    """
    vectors = load_vectors(snapshot)
    found = find_all(vectors, (a, b, c))
    if len(found) < len({a, b, c}):
        ctx.exit(EXIT_FAILURE)
    answers = vectors.analogy(found[a], found[b], found[c], topn)
    if as_json:
        echo_json([{"word": word, "cosine": cosine} for word, cosine in answers])
        return
    echo_rows(answer_rows(answers, vectors), ANSWER_HEADINGS)
