"""The help of a command with many options: those of every day, or all under their headings.

An option is shown with its default as the value, so that nothing needs to be said of defaults and
environment variables beside each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click
from pydantic.fields import FieldInfo

from streamer.config.fields import choices_of, extra_of, flag_of, is_multiple, section_of

Fields = dict[str, FieldInfo]

_LEGEND = """\
Values shown are the defaults; where there are several, the first.

Each option is also an environment variable, such as W2V_STREAM_WINDOW=5, and a key of the file \
given by --config. Flags override variables, and variables the file."""

_COLUMN = 38
"""Widest first column."""


def write_examples(formatter: click.HelpFormatter, examples: Sequence[tuple[str, str]]) -> None:
    """Commands that can be typed, each with what it does."""
    if not examples:
        return
    with formatter.section("Examples"):
        for command, purpose in examples:
            formatter.write(f"{'':{formatter.current_indent}}{command}\n")
            formatter.write(f"{'':{formatter.current_indent + 4}}{purpose}\n")


def write_everyday(
    formatter: click.HelpFormatter,
    fields: Fields,
    everyday: Sequence[str],
    others: Sequence[tuple[str, str]],
) -> None:
    """The options of every day, then those that are no settings."""
    rows = [(shown(name, fields[name]), fields[name].description or "") for name in everyday]
    if rows:
        with formatter.section("Options"):
            formatter.write_dl(rows, col_max=_COLUMN)
    with formatter.section("More"):
        formatter.write_dl(list(others), col_max=_COLUMN)
    _write_legend(formatter)


def write_all(
    formatter: click.HelpFormatter, fields: Fields, others: Sequence[tuple[str, str]]
) -> None:
    """All options, under their headings."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for name, field in fields.items():
        row = (shown(name, field), field.description or "")
        sections.setdefault(section_of(field), []).append(row)
    for heading, rows in sections.items():
        with formatter.section(heading.capitalize()):
            formatter.write_dl(rows, col_max=_COLUMN)
    with formatter.section("More"):
        formatter.write_dl(list(others), col_max=_COLUMN)
    _write_legend(formatter)


def _write_legend(formatter: click.HelpFormatter) -> None:
    formatter.write_paragraph()
    formatter.write_text(_LEGEND)


def shown(name: str, field: FieldInfo) -> str:
    """An option as it is typed, with its default as the value: ``--window 5``."""
    flag, extra = flag_of(name), extra_of(field)
    if field.annotation is bool:
        off = flag_of(str(extra.get("off", f"no_{name}")))
        if "off" not in extra and not field.default:
            return flag
        return "|".join([flag, off] if field.default else [off, flag])
    if extra.get("is_inferred") or "|" in extra.get("metavar", ""):
        return f"{flag} {extra.get('metavar') or '|'.join(choices_of(field))}"
    if choices := choices_of(field):
        return f"{flag} {'|'.join(choices)}"
    default = _default(field)
    return f"{flag} {default or extra.get('metavar') or metavar_of(field)}"


def _default(field: FieldInfo) -> str:
    if is_multiple(field) or field.default is None:
        return ""
    return str(field.default)


def metavar_of(field: FieldInfo) -> str:
    """What stands for a value that has no default."""
    kinds: Any = field.annotation
    names = {int: "N", float: "NUMBER"}
    return str(extra_of(field).get("metavar") or names.get(kinds) or "FILE")
