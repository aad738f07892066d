"""``w2v-stream completion``: a script that completes commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands and options in your shell.

    \b
    bash:  echo 'eval "$(w2v-stream completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(w2v-stream completion zsh)"' >> ~/.zshrc
    fish:  w2v-stream completion fish > ~/.config/fish/completions/w2v-stream.fish
    """  # noqa: D301 click's mark for lines that stay as they are
    program = ctx.find_root()
    make = get_completion_class(shell)
    assert make is not None  # noqa: S101 for mypy: click knows these shells
    script = make(program.command, {}, "w2v-stream", "_W2V_STREAM_COMPLETE")
    click.echo(script.source())
