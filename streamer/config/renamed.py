"""Options by their former names, which still work: flags, variables and keys, with a note."""

from __future__ import annotations

import os

import click

from streamer.config.fields import flag_of, variable_of

RENAMED = {"settle": "anneal"}
"""Present names by former ones."""


def current_flag(arg: str) -> str:
    """An argument, with the present name of a flag that was renamed."""
    flag, separator, value = arg.partition("=")
    for old, new in RENAMED.items():
        if flag == flag_of(old):
            note_renamed(flag, flag_of(new))
            return flag_of(new) + separator + value
    return arg


def rename_variables() -> None:
    """Give environment variables of renamed options their present names."""
    for old, new in RENAMED.items():
        if variable_of(old) in os.environ and variable_of(new) not in os.environ:
            os.environ[variable_of(new)] = os.environ.pop(variable_of(old))
            note_renamed(variable_of(old), variable_of(new))


def note_renamed(old: str, new: str) -> None:
    """Tell users of a former name the present one."""
    click.echo(f"w2v-stream: note: {old} is now called {new}", err=True)
