"""The command line: ``w2v-stream`` and its commands. stdout carries only what was asked for."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import click

from streamer.checks.validation import validate
from streamer.cluster.command import cluster
from streamer.commands.anneal import settle
from streamer.commands.queries import QUERIES
from streamer.commands.score import score
from streamer.commands.serve import serve
from streamer.commands.views import VIEWS
from streamer.config.options import SettingsCommand, load_settings
from streamer.config.print_config import config_text
from streamer.errors import EXIT_CONFIG, EXIT_DONE, EXIT_FAILURE, ConfigurationError
from w2v_online import __version__
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
def _run(ctx: click.Context, /, print_config: bool, **_options: Any) -> None:
    settings = load_settings(ctx)
    if print_config:
        click.echo(config_text(settings, ctx))
        return
    # Imported here: the query commands need neither Numba nor the learner.
    from streamer.daemon import run as daemon

    command = ctx.command
    assert isinstance(command, SettingsCommand)  # noqa: S101 for mypy: it is made below
    ctx.exit(daemon.run(settings, command.reread))


main.add_command(
    SettingsCommand(
        "run",
        callback=_run,
        text="Learn from a stream and write snapshots until it ends or a signal comes.",
        extra=[
            click.Option(
                ["--print-config"],
                is_flag=True,
                help="Print every option, with where it comes from, as TOML, and do nothing else.",
            )
        ],
    )
)

for _command in [validate, score, *QUERIES, *VIEWS, settle, serve, cluster]:
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
