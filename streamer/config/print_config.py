"""The settings as they are, and where each came from: what ``--print-config`` prints.

The output is a configuration file: given to ``--config`` it means the same, except for secrets,
which are masked and therefore commented out.
"""

from __future__ import annotations

import json
from typing import Any

import click
from click.core import ParameterSource
from pydantic import SecretStr

from streamer.config.fields import section_of, variable_of
from streamer.config.settings import RunSettings


def config_text(settings: RunSettings, ctx: click.Context) -> str:
    """Every setting in TOML, a line each, with its origin as a comment."""
    sections: dict[str, list[str]] = {}
    shown = settings.model_dump(mode="json")
    for name, field in type(settings).model_fields.items():
        line = f"{_entry(name, shown[name], getattr(settings, name))}  # {_origin(name, ctx)}"
        sections.setdefault(section_of(field), []).append(line)
    return "\n\n".join("\n".join([f"# {section}", *lines]) for section, lines in sections.items())


def _entry(name: str, shown: Any, value: Any) -> str:
    key = name.replace("_", "-")
    if shown is None:
        return f"#{key} ="
    entry = f"{key} = {_toml(shown)}"
    return f"#{entry}" if _is_masked(shown, value) else entry


def _is_masked(shown: Any, value: Any) -> bool:
    """Whether a value is shown otherwise than it is, also one of several: of webhooks, the path."""
    if isinstance(value, tuple):
        value = list(value)
    return isinstance(value, SecretStr) or (isinstance(value, list | dict) and shown != value)


def _toml(value: Any) -> str:
    """A value as TOML writes it; its basic strings are JSON's."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_toml(k)} = {_toml(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _origin(name: str, ctx: click.Context) -> str:
    if name == "path" and ctx.params["files"]:
        return "argument"
    source = ctx.get_parameter_source(name)
    if source is ParameterSource.COMMANDLINE:
        return "flag"
    if source is ParameterSource.ENVIRONMENT:
        return f"environment {variable_of(name)}"
    if source is ParameterSource.DEFAULT_MAP:
        return f"file {ctx.meta['config_file']}"
    return "follows from the other options" if name == "source" else "default"
