"""``w2v-stream analogy``: the word that is to C as B is to A."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import json_option, snapshot_argument, topn_option
from streamer.commands.tables import answer_rows, echo_json, echo_rows
from w2v_online import load_vectors


@click.command()
@snapshot_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@topn_option(10, "Answers to print.")
@json_option
def analogy(snapshot: Path, a: str, b: str, c: str, topn: int, as_json: bool) -> None:
    """Answer "A is to B as C is to ?", best answer first."""
    answers = load_vectors(snapshot).analogy(a, b, c, topn)
    if as_json:
        echo_json([{"word": word, "cosine": cosine} for word, cosine in answers])
        return
    echo_rows(answer_rows(answers))
