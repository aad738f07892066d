"""The command line: ``w2v-stream`` and its commands. stdout carries only what was asked for."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Container
from pathlib import Path
from typing import NoReturn

import click

from streamer.checks.validation import validate
from streamer.commands.analogy import analogy
from streamer.commands.anneal import anneal
from streamer.commands.changes import changes
from streamer.commands.cluster import cluster
from streamer.commands.completion import completion
from streamer.commands.drift import drift
from streamer.commands.embed import embed
from streamer.commands.evaluate import evaluate
from streamer.commands.export import export
from streamer.commands.inspect import inspect
from streamer.commands.map import map_words
from streamer.commands.neighbors import neighbors
from streamer.commands.predict import predict
from streamer.commands.publish import publish
from streamer.commands.run import run
from streamer.commands.score import score
from streamer.commands.serve import serve
from streamer.commands.warmup import warmup
from streamer.config.messages import FlagError
from streamer.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILURE, ConfigurationError, nearest
from w2v_online import __version__
from w2v_online.errors import W2VError

PROGRAM = "w2v-stream"

GROUPS: dict[str, list[click.Command]] = {
    "Learn": [run, cluster, anneal, validate],
    "Ask": [
        neighbors,
        analogy,
        predict,
        embed,
        score,
        drift,
        changes,
        map_words,
        evaluate,
        inspect,
    ],
    "Serve": [serve, publish, export],
    "Set up": [warmup, completion],
}
"""Every command, under its heading in the help."""


def _means_run(args: list[str], commands: Container[str]) -> bool:
    """Whether options or a file come first, where a command should be."""
    if not args:
        return True
    if args[0].startswith("-"):
        return args[0] not in ("--help", "-h", "--version")
    return args[0] not in commands and Path(args[0]).is_file()


class DefaultToRun(click.Group):
    """A group whose command is ``run`` unless the first word names another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front of options and files that no command stands before."""
        if not ctx.resilient_parsing and _means_run(args, self.commands):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; UsageError names the one that may be meant."""
        if args[0] == "settle":
            raise click.UsageError("settle is now called anneal, and --looks --passes", ctx)
        if args[0] not in self.commands and not ctx.resilient_parsing:
            hint = nearest(args[0], list(self.commands))
            raise click.UsageError(f"there is no command or file {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, each with its whole summary."""
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(str(c.name), c.get_short_help_str(200)) for c in commands])


@click.group(
    cls=DefaultToRun,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="w2v-stream COMMAND --help shows the options of a command.",
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def main() -> None:
    """Learn word vectors online, in a single pass over a stream of text.

    Without COMMAND, run is meant: some-command | w2v-stream
    """


for _commands in GROUPS.values():
    for _command in _commands:
        main.add_command(_command)


def entry_point() -> None:
    """Run the command line; every expected error is a line on stderr and an exit code."""
    code = EXIT_DONE
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Words may be in any script; a terminal that lacks it still gets an answer.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main.main(prog_name=PROGRAM, standalone_mode=False) or EXIT_DONE
    except ConfigurationError as error:
        _fail(str(error), EXIT_CONFIG)
    except W2VError as error:
        _fail(str(error), EXIT_FAILURE)
    except click.UsageError as error:
        _fail(_usage_message(error), error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted", 130)
    except BrokenPipeError:
        # The reader of stdout has left; do not let the interpreter complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILURE
    except MemoryError:
        _fail(
            "out of memory; lower --max-vocab-size or --vector-size, or raise the limit of the "
            "process (ulimit -v) or of its container",
            EXIT_FAILURE,
        )
    sys.exit(code)


def _usage_message(error: click.UsageError) -> str:
    """What is wrong with the arguments and, where that says more, how the command is used."""
    if type(error) is click.BadParameter and error.param is not None:
        return f"{error.param.opts[0]}: {error.message.rstrip('.')}"
    message = error.format_message().rstrip(".")
    if isinstance(error, FlagError) or error.ctx is None:
        return message
    path = error.ctx.command_path
    usage = error.ctx.command.collect_usage_pieces(error.ctx)
    return f"{message}\nUsage: {path} {' '.join(usage)}\nTry '{path} --help'."


def _fail(message: str, code: int) -> NoReturn:
    print(f"{PROGRAM}: error: {message}", file=sys.stderr)
    sys.exit(code)
