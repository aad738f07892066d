"""Arguments and options that several commands take, declared once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from streamer.config.address import Address, parse_address
from w2v_online.snapshots import reader
from w2v_online.snapshots.remote import url_of

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

snapshot_argument = click.argument("snapshot", type=click.Path(path_type=Path))


class _PictureFile(click.Path):
    """A file whose name says what kind of picture it is to be."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse other endings before anything is computed."""
        path = Path(str(super().convert(value, param, ctx)))
        if path.suffix not in (".html", ".png"):
            self.fail(f"{path} ends in neither .html nor .png", param, ctx)
        return path


picture_file = _PictureFile(dir_okay=False, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def address_of(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Address | None:
    """A callback of click for an option that is an address; BadParameter if it is none."""
    try:
        address = parse_address(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    assert address is None or isinstance(address, Address)  # noqa: S101 for mypy: text was given
    return address


def require_folder(path: Path) -> None:
    """UsageError for --follow on what no newer snapshot comes to: a file, a URL, one snapshot."""
    if url_of(path) or reader.is_file(path) or reader.exists(path / reader.MANIFEST):
        raise click.UsageError(
            f"--follow needs a folder that snapshots are written to on this machine, not {path}"
        )


def refuse_given(reason: str, *names: str) -> None:
    """UsageError if one of these parameters was given on the command line."""
    ctx = click.get_current_context()
    for param in ctx.command.params:
        is_given = ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
        if param.name in names and is_given:
            given = param.opts[0] if isinstance(param, click.Option) else str(param.name).upper()
            raise click.UsageError(f"{reason}: give no {given}")


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


infer_option = click.option(
    "--infer",
    is_flag=True,
    help="Infer vectors of unknown words from their spelling. Where the model was learned without "
    "--subwords, character n-grams are first fitted to its vectors, once.",
)


def tokenizer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--tokenizer`` and its options, where a snapshot does not tell enough."""
    own = click.option(
        "--tokenizer",
        metavar="MODULE:FUNCTION",
        help="Needed if text was split by a function of your own, which is only run if named.",
    )
    options = click.option(
        "--tokenizer-option",
        "tokenizer_options",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_pairs,
        help="Option of the tokenizer, for snapshots that do not record it.",
    )
    return own(options(command))


@dataclass(frozen=True)
class TextOptions:
    """How lines become tokens; None, empty: as the snapshot says."""

    lowercase: bool | None
    json_fields: tuple[str, ...]
    tokenizer: str | None
    tokenizer_options: dict[str, str]


def text_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that the command gets as ``text``, which is a :class:`TextOptions`."""

    @wraps(command)
    def with_text(**given: Any) -> Any:
        own = {field.name: given.pop(field.name) for field in fields(TextOptions)}
        return command(**given, text=TextOptions(**own))

    lowercase = click.option(
        "--lowercase/--no-lowercase",
        default=None,
        help="Turn text into lower case. By default as in training.",
    )
    json_fields = click.option(
        "--json-field",
        "json_fields",
        multiple=True,
        metavar="PATH",
        callback=_fields,
        help="Lines are JSON: take these fields' texts. By default as in training.",
    )
    return lowercase(json_fields(tokenizer_options(with_text)))


def _fields(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> Any:
    """Commas separate fields, as in the option of run."""
    return tuple(field for value in values for text in value.split(",") if (field := text.strip()))


def _pairs(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in values:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE")
        pairs[key] = value
    return pairs
