"""The commands that ask a snapshot: neighbors, analogy, evaluate, export, inspect.

They need neither the learner nor Numba.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from streamer.commands.arguments import json_option, restrict_option, snapshot_argument, topn_option
from streamer.commands.tables import echo_json, echo_rows
from w2v_online import load_vectors
from w2v_online.analysis import evaluation, export
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import local_path


def _answer_rows(answers: list[tuple[str, float]]) -> list[tuple[str, str]]:
    return [(f"{cosine:.4f}", word) for word, cosine in answers]


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
        echo_rows(_answer_rows(nearest))


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
    echo_rows(_answer_rows(answers))


class _ManyFiles(click.Command):
    """A command whose file options take several values once SNAPSHOT has been given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the option in front of each further value."""
        options = [param for param in self.params if isinstance(param, click.Option)]
        takes_value = {flag for option in options if not option.is_flag for flag in option.opts}
        takes_many = {flag for option in options if option.multiple for flag in option.opts}
        repeated: list[str] = []
        option, previous, has_snapshot = "", "", False
        for arg in args:
            if arg.startswith("-"):
                option = arg if arg in takes_many else ""
            elif previous not in takes_value:
                if option and has_snapshot:
                    repeated.append(option)
                has_snapshot = True
            repeated.append(arg)
            previous = arg
        return super().parse_args(ctx, repeated)


_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=_ManyFiles)
@snapshot_argument
@click.option(
    "--similarity",
    type=_file,
    multiple=True,
    metavar="FILE...",
    help="Word pairs with a judgement: WordSim-353, SimLex-999, MEN, ...",
)
@click.option(
    "--analogies",
    type=_file,
    multiple=True,
    metavar="FILE...",
    help="Questions of four words, in sections: questions-words.txt.",
)
@restrict_option(
    evaluation.RESTRICT_VOCAB, "Of analogies: ask only about so many most frequent words."
)
@click.option("--case-sensitive", is_flag=True, help="Tell Word from word.")
@json_option
def evaluate(
    snapshot: Path,
    similarity: tuple[Path, ...],
    analogies: tuple[Path, ...],
    restrict_vocab: int,
    case_sensitive: bool,
    as_json: bool,
) -> None:
    """Score vectors on word similarity and analogies, as gensim does.

    SNAPSHOT is a snapshot, a folder of snapshots or a word2vec file.
    """
    if not similarity and not analogies:
        raise click.UsageError("give test sets with --similarity FILE or --analogies FILE")
    vectors = load_vectors(snapshot)
    folded = not case_sensitive
    pairs = {
        str(file): evaluation.evaluate_word_pairs(vectors, file, case_insensitive=folded)
        for file in similarity
    }
    questions = {
        str(file): evaluation.evaluate_word_analogies(
            vectors, file, restrict_vocab=restrict_vocab, case_insensitive=folded
        )
        for file in analogies
    }
    if as_json:
        echo_json(
            {
                "path": str(vectors.path),
                "similarity": {file: asdict(score) for file, score in pairs.items()},
                "analogies": {file: _analogy_document(score) for file, score in questions.items()},
            }
        )
        return
    for file, score in pairs.items():
        asked = score.pairs + score.unknown_pairs
        click.echo(
            f"{file}: Spearman {score.spearman:.4f}, Pearson {score.pearson:.4f}, "
            f"{score.pairs} of {asked} pairs known"
        )
    for file, answers in questions.items():
        asked = answers.total.questions + answers.unknown_questions
        click.echo(f"{file}: {answers.total.questions} of {asked} questions known")
        echo_rows(
            [
                (s.name, str(s.questions), *(f"{value:.2%}" for value in s.accuracy.values()))
                for s in [*answers.sections, answers.total]
            ],
            ("section", "questions", *answers.total.correct),
        )


def _analogy_document(score: evaluation.AnalogyScore) -> dict[str, object]:
    def section(part: evaluation.SectionScore) -> dict[str, object]:
        return {**asdict(part), "accuracy": part.accuracy}

    return {
        "total": section(score.total),
        "unknown_questions": score.unknown_questions,
        "sections": [section(part) for part in score.sections],
    }


@click.command("export")
@snapshot_argument
@click.option(
    "--format",
    "file_format",
    type=click.Choice(export.FORMAT_NAMES),
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
def export_command(snapshot: Path, file_format: str, output: Path) -> None:
    """Write vectors as a file for other programs, words in the order of their counts.

    SNAPSHOT is a snapshot, a folder of snapshots or a word2vec file.
    """
    table = load_vectors(snapshot).table
    left_out = export.write(table, file_format, output)
    message = f"{len(table) - left_out:,} words to {output}"
    if left_out:
        message += f"; {left_out:,} left out that {file_format} cannot hold, with spaces or NUL"
    click.echo(message, err=True)


@click.command()
@click.argument("path", metavar="SNAPSHOT", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Compare every file's checksum with the manifest.")
@json_option
def inspect(path: Path, verify: bool, as_json: bool) -> None:
    """Print what a snapshot holds: totals, settings, positions, files."""
    opened = reader.read(local_path(path))
    if verify:
        opened.verify()
    vectors = load_vectors(opened.path)
    manifest = opened.manifest
    if as_json:
        echo_json({"path": str(opened.path), "verified": verify, **manifest})
        return
    click.echo(f"{opened.path}  (format {manifest['format_version']}, {manifest['created']})")
    sizes = sum(entry["bytes"] for entry in manifest["files"].values())
    click.echo(
        f"{len(manifest['files'])} files, {sizes:,} bytes"
        + (", checksums verified" if verify else "")
    )
    for section in ("totals", "counters", "positions", "probe", "settled", "config"):
        if section not in manifest:
            continue
        click.echo(section)
        for key, value in manifest[section].items():
            shown = f"{value:,}" if section != "config" and isinstance(value, int) else value
            click.echo(f"  {key:<22}{shown}")
    click.echo(f"tokenizer  {manifest.get('tokenizer')}")
    click.echo("most frequent words")
    for word, count in zip(vectors.words[:10], vectors.counts[:10], strict=True):
        click.echo(f"  {count:>12,}  {word}")


QUERIES = [neighbors, analogy, evaluate, export_command, inspect]
