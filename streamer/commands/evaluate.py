"""``w2v-stream evaluate``: vectors scored on word similarity and analogies."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import click

from streamer.commands.arguments import json_option, restrict_option, snapshot_argument
from streamer.commands.tables import echo_json, echo_rows
from w2v_online import load_vectors
from w2v_online.analysis import evaluation


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
@restrict_option(evaluation.RESTRICT_VOCAB, "For analogies: use only the N most frequent words.")
@click.option("--case-sensitive", is_flag=True, help="Match case.")
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

    Into a pipe, it prints a sentence for each file and, for analogies, a line for each section:
    name, questions known, share of correct answers by 3CosAdd and by 3CosMul, separated by tabs.
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
    if sys.stdout.isatty():
        _print_tables(pairs, questions)
    else:
        _print_lines(pairs, questions)


def _print_tables(
    pairs: dict[str, evaluation.SimilarityScore], questions: dict[str, evaluation.AnalogyScore]
) -> None:
    if pairs:
        echo_rows(
            [
                (
                    Path(file).name,
                    f"{score.pairs:,} of {score.pairs + score.unknown_pairs:,}",
                    f"{score.spearman:.3f}",
                    f"{score.pearson:.3f}",
                )
                for file, score in pairs.items()
            ],
            ("word similarity", "pairs known", "Spearman", "Pearson"),
        )
    for i, (file, answers) in enumerate(questions.items()):
        if pairs or i:
            click.echo()
        known = answers.total.questions
        asked = known + answers.unknown_questions
        echo_rows(
            [
                (
                    s.name,
                    f"{s.questions:,}",
                    *(f"{100 * value:.1f}" for value in s.accuracy.values()),
                )
                for s in [*answers.sections, answers.total]
            ],
            ("section", "questions", *(f"{method}, % correct" for method in answers.total.correct)),
            title=f"Analogies: {Path(file).name}, {known:,} of {asked:,} questions known",
        )


def _print_lines(
    pairs: dict[str, evaluation.SimilarityScore], questions: dict[str, evaluation.AnalogyScore]
) -> None:
    """A sentence for each file; analogies follow as lines of values between tabs."""
    for file, score in pairs.items():
        click.echo(
            f"{file}: Spearman {score.spearman:.4f}, Pearson {score.pearson:.4f}, "
            f"{score.pairs} of {score.pairs + score.unknown_pairs} pairs known"
        )
    for file, answers in questions.items():
        asked = answers.total.questions + answers.unknown_questions
        click.echo(f"{file}: {answers.total.questions} of {asked} questions known")
        for section in [*answers.sections, answers.total]:
            shares = [f"{value:.4f}" for value in section.accuracy.values()]
            echo_rows([(section.name, str(section.questions), *shares)])


def _analogy_document(score: evaluation.AnalogyScore) -> dict[str, object]:
    def section(part: evaluation.SectionScore) -> dict[str, object]:
        return {**asdict(part), "accuracy": part.accuracy}

    return {
        "total": section(score.total),
        "unknown_questions": score.unknown_questions,
        "sections": [section(part) for part in score.sections],
    }
