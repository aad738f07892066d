"""``w2v-stream predict``: the word in the middle of a context."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import json_option, snapshot_argument, topn_option
from streamer.commands.tables import echo_json, echo_rows
from w2v_online import load_vectors


@click.command()
@snapshot_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@topn_option(10, "Answers to print.")
@json_option
def predict(snapshot: Path, words: tuple[str, ...], topn: int, as_json: bool) -> None:
    """Print the words that the model expects among the words of a context, with probabilities.

    Full and annealed snapshots hold the output vectors that this needs; snapshots of vectors alone
    do not. Negative sampling has no probabilities: there, the softmax of the output is printed.
    SNAPSHOT is a snapshot or a folder of snapshots.
    """
    vectors = load_vectors(snapshot)
    for word in words:
        vectors.get_index(word)  # an unknown one is an error, with near spellings
    answers = vectors.predict(words, topn)
    if as_json:
        echo_json([{"word": word, "probability": p} for word, p in answers])
        return
    echo_rows([(f"{p:.4f}", word) for word, p in answers])
