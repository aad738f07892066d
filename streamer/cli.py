"""The command line: ``w2v-stream`` and its commands. stdout carries only what was asked for."""

from __future__ import annotations

import io
import os
import sys

import click

from streamer.checks.validation import validate
from streamer.cluster.command import cluster
from streamer.commands.analogy import analogy
from streamer.commands.anneal import anneal
from streamer.commands.drift import drift
from streamer.commands.evaluate import evaluate
from streamer.commands.export import export
from streamer.commands.inspect import inspect
from streamer.commands.map import map_words
from streamer.commands.neighbors import neighbors
from streamer.commands.run import run
from streamer.commands.score import score
from streamer.commands.serve import serve
from streamer.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILURE, ConfigurationError
from w2v_online import __version__
from w2v_online.errors import W2VError

GROUPS: dict[str, list[click.Command]] = {
    "Learn": [run, cluster, anneal, validate],
    "Ask": [neighbors, analogy, score, drift, map_words, evaluate, inspect],
    "Serve": [serve, export],
}
"""Every command, under its heading in the help."""


class DefaultToRun(click.Group):
    """A group whose command is ``run`` unless the first word names another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front of options that no command stands before."""
        if not args or (args[0].startswith("-") and args[0] not in ("--help", "-h", "--version")):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, each with its whole summary."""
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(str(c.name), c.get_short_help_str(200)) for c in commands])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; UsageError for one that was renamed."""
        if cmd_name == "settle":
            raise click.UsageError("settle is now called anneal, and --looks --passes", ctx)
        return super().get_command(ctx, cmd_name)


@click.group(cls=DefaultToRun, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="w2v-stream", message="%(prog)s %(version)s")
def main() -> None:
    """Learn word vectors from an endless stream of text.

    Without a command, "run" is meant: some-command | w2v-stream
    """


for _commands in GROUPS.values():
    for _command in _commands:
        main.add_command(_command)


def entry_point() -> None:
    """Run the command line; every expected error is one line on stderr and an exit code."""
    code = EXIT_DONE
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Words may be in any script; a terminal that lacks it still gets an answer.
        sys.stdout.reconfigure(errors="backslashreplace")
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
