"""What commands print on stdout: aligned columns for people, tab-separated lines for a pipe, JSON.

Control characters in words are shown as escapes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from streamer.controls import shown
from w2v_online.reading.vectors import WordVectors

_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(\.[0-9]+)?%?")


def echo_json(document: Any) -> None:
    """Print a document as indented JSON; numbers that are not finite become null.

    Bytes that are not UTF-8, in words of a vector file, become lone surrogates as escapes.
    """
    import orjson

    try:
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:
        text = json.dumps(document, indent=2)
    click.echo(for_stdout(text))


def for_stdout(document: str) -> str:
    """JSON as standard output can hold it: with escapes, where its encoding is not UTF-8."""
    encoding = (sys.stdout.encoding or "utf-8").lower().replace("-", "")
    if document.isascii() or encoding == "utf8":
        return document
    is_line = document.endswith("\n")
    return json.dumps(json.loads(document), indent=None if is_line else 2) + "\n" * is_line


def echo_rows(
    rows: Iterable[Sequence[str]], headings: Sequence[str] = (), *, title: str = ""
) -> None:
    """Print rows of text; on a terminal as a table with ``headings`` and a ``title``.

    There, columns of numbers are set to the right, and long texts are wrapped within theirs.
    """
    lines = [[shown(field) for field in row] for row in rows]
    if not sys.stdout.isatty():
        for line in lines:
            click.echo("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if title:
        click.secho(title, bold=True)
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        show_header=bool(headings),
    )
    columns = list(zip(*lines, strict=True))
    for i, column in enumerate(columns):
        is_numbers = all(_NUMBER.fullmatch(field) for field in column if field)
        table.add_column(
            Text(headings[i] if headings else ""),
            justify="right" if is_numbers else "left",
            overflow="fold",
        )
    for line in lines:
        table.add_row(*map(Text, line))
    Console(file=sys.stdout).print(table)


ANSWER_HEADINGS = ("cosine", "word", "count")
"""Of :func:`answer_rows`."""


def answer_rows(
    answers: Iterable[tuple[str, float]], vectors: WordVectors
) -> list[tuple[str, str, str]]:
    """Words with their cosines and how often each occurred, if that is known, as rows."""
    counts, row = vectors.counts, vectors.table.row
    is_known = bool(counts.any())
    return [
        (f"{cosine:.4f}", word, f"{counts[row(word)]:.0f}" if is_known else "")
        for word, cosine in answers
    ]
