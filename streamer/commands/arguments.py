"""Arguments and options that several commands take, declared once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

snapshot_argument = click.argument("snapshot", type=click.Path(path_type=Path))
picture_file = click.Path(dir_okay=False, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def topn_option(default: int, text: str) -> Decorator:
    """``--topn``: how many to print."""
    return click.option(
        "--topn", type=click.IntRange(min=1), default=default, show_default=True, help=text
    )


def restrict_option(default: int | None, text: str) -> Decorator:
    """``--restrict-vocab``: how many of the most frequent words are considered."""
    return click.option(
        "--restrict-vocab",
        type=click.IntRange(min=1),
        default=default,
        show_default=default is not None,
        help=text,
    )
