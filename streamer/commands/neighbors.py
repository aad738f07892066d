"""``w2v-stream neighbors``: the words nearest to some words."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.commands.arguments import (
    infer_option,
    json_option,
    restrict_option,
    snapshot_argument,
    topn_option,
)
from streamer.commands.lookup import find_all, infer_missing
from streamer.commands.tables import ANSWER_HEADINGS, answer_rows, echo_json, echo_rows
from streamer.errors import EXIT_FAILURE
from w2v_online import load_vectors


@click.command()
@snapshot_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@topn_option(10, "Answers to print.")
@restrict_option(None, "Consider only the N most frequent words.")
@infer_option
@json_option
@click.pass_context
def neighbors(
    ctx: click.Context,
    snapshot: Path,
    words: tuple[str, ...],
    topn: int,
    restrict_vocab: int | None,
    infer: bool,
    as_json: bool,
) -> None:
    """Print the words most similar to each WORD.

    SNAPSHOT is the folder of a snapshot, a folder of snapshots (its newest complete one), or a
    word2vec file. A word that occurs in another case only is found too. Exit code 1 if a WORD has
    no vector; the others are still answered. Where the model was learned with --subwords, or with
    --infer, a WORD without a vector gets one inferred from its spelling, and stderr says so.
    """
    vectors = load_vectors(snapshot)
    found = find_all(vectors, words)
    answers = {
        word: vectors.most_similar(word, topn=topn, restrict_vocab=restrict_vocab)
        for word in found.values()
    }
    missing = infer_missing(vectors, words, found) if infer or vectors.has_subwords else {}
    for word, vector in missing.items():
        answers[word] = vectors.most_similar(vector, topn=topn, restrict_vocab=restrict_vocab)
    if as_json:
        echo_json({w: [{"word": n, "cosine": c} for n, c in a] for w, a in answers.items()})
    else:
        for i, (word, nearest) in enumerate(answers.items()):
            if len(words) > 1:
                click.echo(("\n" if i else "") + word)
            echo_rows(answer_rows(nearest, vectors), ANSWER_HEADINGS)
    if len(answers) < len(set(found.values()) | (set(words) - found.keys())):
        ctx.exit(EXIT_FAILURE)
