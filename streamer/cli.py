"""The command line: ``w2v-stream`` and its commands. stdout carries only what was asked for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from streamer.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILURE, ConfigurationError
from streamer.settings import SettingsCommand, load_settings
from w2v_online import __version__, load_vectors, snapshot
from w2v_online.errors import W2VError


class DefaultToRun(click.Group):
    """A group whose command is ``run`` unless the first word names another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front of options that no command stands before."""
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=DefaultToRun, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="w2v-stream", message="%(prog)s %(version)s")
def main() -> None:
    """Learn word vectors from an endless stream of text.

    Without a command, "run" is meant: some-command | w2v-stream
    """


@click.pass_context
def _run(ctx: click.Context, /, **_options: Any) -> None:
    settings = load_settings(ctx)
    # Imported here: the query commands need neither Numba nor the learner.
    from streamer import daemon

    ctx.exit(daemon.run(settings))


main.add_command(
    SettingsCommand(
        "run",
        callback=_run,
        text="Learn from a stream and write snapshots until it ends or a signal comes.",
    )
)

_snapshot_argument = click.argument("snapshot", type=click.Path(path_type=Path))
_topn_option = click.option(
    "--topn", type=click.IntRange(min=1), default=10, show_default=True, help="Answers to print."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _print_json(document: Any) -> None:
    import orjson

    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def _print_answers(answers: list[tuple[str, float]]) -> None:
    for word, cosine in answers:
        click.echo(f"{cosine:.4f}\t{word}")


@main.command()
@_snapshot_argument
@click.argument("words", metavar="WORD...", nargs=-1, required=True)
@_topn_option
@_json_option
def neighbors(snapshot: Path, words: tuple[str, ...], topn: int, as_json: bool) -> None:
    """Print the words nearest to each WORD, by cosine.

    SNAPSHOT is a snapshot's folder, or a folder of snapshots: then its newest complete one.
    """
    vectors = load_vectors(snapshot)
    answers = {word: vectors.most_similar(word, topn) for word in words}
    if as_json:
        _print_json({w: [{"word": n, "cosine": c} for n, c in a] for w, a in answers.items()})
        return
    for i, (word, nearest) in enumerate(answers.items()):
        if len(answers) > 1:
            click.echo(("\n" if i else "") + word)
        _print_answers(nearest)


@main.command()
@_snapshot_argument
@click.argument("a")
@click.argument("b")
@click.argument("c")
@_topn_option
@_json_option
def analogy(snapshot: Path, a: str, b: str, c: str, topn: int, as_json: bool) -> None:
    """Answer "A is to B as C is to ?", best answer first."""
    answers = load_vectors(snapshot).analogy(a, b, c, topn)
    if as_json:
        _print_json([{"word": word, "cosine": cosine} for word, cosine in answers])
        return
    _print_answers(answers)


@main.command()
@click.argument("path", metavar="SNAPSHOT", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Compare every file's checksum with the manifest.")
@_json_option
def inspect(path: Path, verify: bool, as_json: bool) -> None:
    """Print what a snapshot holds: totals, settings, positions, files."""
    opened = snapshot.read(path)
    if verify:
        opened.verify()
    vectors = load_vectors(opened.path)
    manifest = opened.manifest
    if as_json:
        _print_json({"path": str(opened.path), "verified": verify, **manifest})
        return
    click.echo(f"{opened.path}  (format {manifest['format_version']}, {manifest['created']})")
    sizes = sum(entry["bytes"] for entry in manifest["files"].values())
    click.echo(
        f"{len(manifest['files'])} files, {sizes:,} bytes"
        + (", checksums verified" if verify else "")
    )
    for section in ("totals", "counters", "positions", "config"):
        click.echo(section)
        for key, value in manifest.get(section, {}).items():
            shown = f"{value:,}" if section != "config" and isinstance(value, int) else value
            click.echo(f"  {key:<22}{shown}")
    click.echo(f"tokenizer  {manifest.get('tokenizer')}")
    click.echo("most frequent words")
    for word, count in zip(vectors.words[:10], vectors.counts[:10], strict=True):
        click.echo(f"  {count:>12,}  {word}")


def entry_point() -> None:
    """Run the command line; every expected error is one line on stderr and an exit code."""
    code = EXIT_DONE
    try:
        code = main.main(standalone_mode=False) or EXIT_DONE
    except ConfigurationError as error:
        _fail(str(error), EXIT_CONFIG)
    except W2VError as error:
        _fail(str(error), EXIT_FAILURE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of stdout has left; do not let the interpreter complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILURE
    except MemoryError:
        _fail("out of memory; lower --max-vocab-size or --vector-size", EXIT_FAILURE)
    sys.exit(code)


def _fail(message: str, code: int) -> None:
    print(f"w2v-stream: error: {message}", file=sys.stderr)
    sys.exit(code)
