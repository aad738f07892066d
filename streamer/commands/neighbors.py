"""``w2v-stream neighbors``: the words nearest to some words."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import json_option, restrict_option, snapshot_argument, topn_option
from streamer.commands.tables import answer_rows, echo_json, echo_rows
from w2v_online import load_vectors


@click.command()
@snapshot_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@topn_option(10, "Answers to print.")
@restrict_option(None, "Look only at so many most frequent words.")
@json_option
def neighbors(
    snapshot: Path, words: tuple[str, ...], topn: int, restrict_vocab: int | None, as_json: bool
) -> None:
    """Print the words nearest to each WORD, by cosine.

    SNAPSHOT is a snapshot's folder, or a folder of snapshots (then its newest complete one), or a
    word2vec file.
    """
    vectors = load_vectors(snapshot)
    answers = {
        word: vectors.most_similar(word, topn=topn, restrict_vocab=restrict_vocab) for word in words
    }
    if as_json:
        echo_json({w: [{"word": n, "cosine": c} for n, c in a] for w, a in answers.items()})
        return
    for i, (word, nearest) in enumerate(answers.items()):
        if len(answers) > 1:
            click.echo(("\n" if i else "") + word)
        echo_rows(answer_rows(nearest))
