"""The command line: ``w2v-stream`` and its commands. stdout carries only what was asked for."""

from __future__ import annotations

import io
import resource
import sys
import warnings
from collections.abc import Container
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from streamer import standard_streams
from streamer.errors import (
    EXIT_CONFIG,
    EXIT_DONE,
    EXIT_FAILURE,
    ConfigurationError,
    FlagError,
    nearest,
)
from streamer.uncollected import uncollected
from w2v_online import __version__
from w2v_online.errors import W2VError

PROGRAM = "w2v-stream"

GROUPS = {
    "Learn": {
        "run": "commands.run:run",
        "cluster": "commands.cluster:cluster",
        "anneal": "commands.anneal:anneal",
        "validate": "checks.validation:validate",
    },
    "Ask": {
        "neighbors": "commands.neighbors:neighbors",
        "analogy": "commands.analogy:analogy",
        "predict": "commands.predict:predict",
        "embed": "commands.embed:embed",
        "score": "commands.score:score",
        "drift": "commands.drift:drift",
        "changes": "commands.changes:changes",
        "map": "commands.map:map_words",
        "evaluate": "commands.evaluate:evaluate",
        "inspect": "commands.inspect:inspect",
    },
    "Serve": {
        "serve": "commands.serve:serve",
        "publish": "commands.publish:publish",
        "export": "commands.export:export",
    },
    "Set up": {
        "warmup": "commands.warmup:warmup",
        "completion": "commands.completion:completion",
    },
}
"""Every command under its heading in the help, and where it is; imported when it is used."""

COMMANDS = {name: place for commands in GROUPS.values() for name, place in commands.items()}


def _means_run(args: list[str], commands: Container[str]) -> bool:
    """Whether options or a file come first, where a command should be."""
    if not args:
        return True
    if args[0].startswith("-"):
        return args[0] not in ("--help", "-h", "--version")
    return args[0] not in commands and Path(args[0]).is_file()


class DefaultToRun(click.Group):
    """A group whose command is ``run`` unless the first word names another."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        with uncollected():
            command: click.Command = getattr(import_module(f"streamer.{module}"), name)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``run`` in front of options and files that no command stands before."""
        if not ctx.resilient_parsing and _means_run(args, COMMANDS):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; UsageError names the one that may be meant."""
        if args[0] == "settle":
            raise click.UsageError("settle is now called anneal, and --looks --passes", ctx)
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            hint = nearest(args[0], list(COMMANDS))
            raise click.UsageError(f"there is no command or file {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, each with its whole summary."""
        for heading, commands in GROUPS.items():
            found = [(name, self.get_command(ctx, name)) for name in commands]
            with formatter.section(heading):
                formatter.write_dl([(name, c.get_short_help_str(200)) for name, c in found if c])


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


def entry_point() -> None:
    """Run the command line; every expected error is a line on stderr and an exit code."""
    code = EXIT_DONE
    standard_streams.fill_closed()
    warnings.formatwarning = lambda message, *_args, **_kwargs: f"{PROGRAM}: warning: {message}\n"
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Words may be in any script; a terminal that lacks it still gets an answer.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = main.main(prog_name=PROGRAM, standalone_mode=False) or EXIT_DONE
        sys.stdout.flush()
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
        standard_streams.discard_output()  # its reader has left
        code = EXIT_FAILURE
    except MemoryError:
        _fail(_OUT_OF_MEMORY, EXIT_FAILURE)
    except (OSError, ImportError) as error:
        if isinstance(error, OSError) and standard_streams.is_of_output(error):
            standard_streams.discard_output()
            _fail(f"standard output cannot be written: {error.strerror}", EXIT_FAILURE)
        if not _lacks_memory(error):
            raise
        _fail(_OUT_OF_MEMORY, EXIT_FAILURE)
    standard_streams.settle_errors()
    sys.exit(code)


_OUT_OF_MEMORY = (
    "out of memory; lower --max-vocab-size or --vector-size, or raise the limit of the process "
    "(ulimit -v) or of its container"
)


def _lacks_memory(error: Exception) -> bool:
    """Whether a library could not be loaded where the process's memory is limited."""
    is_limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return is_limited and getattr(error, "errno", None) is None


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
    standard_streams.say(f"{PROGRAM}: error: {message}")
    standard_streams.settle_errors()
    sys.exit(code)
