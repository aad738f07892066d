"""The settings of ``run``: one declaration for flags, environment, configuration file and help.

Each field of :class:`RunSettings` is an option; click reads it from the flag, then from
``W2V_STREAM_<OPTION>``, then from the TOML file, then takes the default, and pydantic checks it.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import click
from click.core import ParameterSource
from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, model_validator

from streamer.errors import ConfigurationError
from w2v_online.config import LearnerConfig

ENVIRONMENT_PREFIX = "W2V_STREAM_"

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Interval:
    """A span of the stream: so many seconds or so many words, exactly one of them set."""

    seconds: float | None = None
    words: int | None = None

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.words}words"
        for unit, seconds in reversed(_SECONDS.items()):
            if self.seconds % seconds == 0:
                return f"{self.seconds / seconds:g}{unit}"
        return f"{self.seconds:g}s"


def parse_interval(value: object) -> object:
    """``30s``, ``5m``, ``1h``, ``1d`` or ``1000000words`` as an :class:`Interval`."""
    if not isinstance(value, str):
        return value
    words = re.fullmatch(r"([1-9][0-9_]*)\s*words?", value)
    if words:
        return Interval(words=int(words[1]))
    span = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])", value)
    if not span or float(span[1]) == 0:
        raise ValueError("expected a span such as 30s, 5m, 1h or 1000000words")
    return Interval(seconds=float(span[1]) * _SECONDS[span[2]])


def _section(name: str) -> dict[str, Any]:
    return {"section": name}


class RunSettings(LearnerConfig):
    """Everything ``w2v-stream run`` can be told."""

    source: Literal["stdin", "file"] = Field(
        "stdin", description="Where records come from.", json_schema_extra=_section("source")
    )
    path: str = Field(
        "",
        description="Source file: a file, plain or gzip, or a pattern such as 'logs/*.log'.",
        json_schema_extra=_section("source"),
    )
    follow: bool = Field(
        False,
        description="Source file: wait for more, across rotation and truncation.",
        json_schema_extra=_section("source"),
    )
    stdin_skip_known: bool = Field(
        False,
        description="Source stdin: the same text comes again; go on behind what was learned.",
        json_schema_extra=_section("source"),
    )
    tokenizer: Literal["whitespace"] = Field(
        "whitespace",
        description="What splits a record into tokens; whitespace is ASCII's.",
        json_schema_extra=_section("text"),
    )
    lowercase: bool = Field(
        False, description="Turn text into lower case first.", json_schema_extra=_section("text")
    )
    max_line_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=1 << 30,
        description="Longer lines are cut at a token's end into several records.",
        json_schema_extra=_section("text"),
    )
    snapshot_dir: Path = Field(
        Path("snapshots"),
        description="Folder that snapshots are written to.",
        json_schema_extra=_section("snapshots"),
    )
    snapshot_every: Annotated[Interval, BeforeValidator(parse_interval), PlainSerializer(str)] = (
        Field(
            Interval(seconds=300.0),
            description="How often to write one: 30s, 5m, 1h or 1000000words.",
            json_schema_extra=_section("snapshots"),
        )
    )
    keep: int = Field(
        5,
        ge=1,
        description="Snapshots kept; older ones go.",
        json_schema_extra=_section("snapshots"),
    )
    resume: Literal["auto", "require", "never"] = Field(
        "auto",
        description="Go on from the newest snapshot: if there is one, or else stop, or start anew.",
        json_schema_extra=_section("snapshots"),
    )
    init: Path | None = Field(
        None,
        description="Word2vec file to start from when there is nothing to resume.",
        json_schema_extra=_section("snapshots"),
    )
    probe: Path | None = Field(
        None,
        description="Word pairs or analogies that each snapshot is scored on.",
        json_schema_extra=_section("snapshots"),
    )
    progress: Literal["auto", "on", "off"] = Field(
        "auto",
        description="A live line on stderr; auto: if that is a terminal.",
        json_schema_extra=_section("service"),
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="One event a line.", json_schema_extra=_section("service")
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged.", json_schema_extra=_section("service")
    )

    @model_validator(mode="after")
    def _check_lengths(self) -> RunSettings:
        if self.max_line_bytes <= self.max_token_bytes:
            raise ValueError("max_line_bytes must be greater than max_token_bytes")
        return self

    @model_validator(mode="after")
    def _check_source(self) -> RunSettings:
        is_file = self.source == "file"
        if is_file != bool(self.path):
            raise ValueError("source file needs a path, and only that source takes one")
        if self.follow and not is_file:
            raise ValueError("follow is for source file")
        if self.stdin_skip_known and self.source != "stdin":
            raise ValueError("stdin_skip_known is for source stdin")
        return self

    @property
    def learner_config(self) -> LearnerConfig:
        """The part that the learner is told."""
        return LearnerConfig(**{name: getattr(self, name) for name in LearnerConfig.model_fields})


def _default_text(name: str) -> str | None:
    """The default as a user would type it; None for an option that is off unless given."""
    default = RunSettings.model_fields[name].default
    return None if default is None else str(default)


def _option(name: str) -> click.Option:
    field = RunSettings.model_fields[name]
    flag = "--" + name.replace("_", "-")
    is_flag = field.annotation is bool
    choices = get_args(field.annotation) if not is_flag else ()
    metavar = "|".join(choices) if choices and all(isinstance(c, str) for c in choices) else None
    return click.Option(
        [f"{flag}/--no-{flag[2:]}" if is_flag else flag, name],
        is_flag=is_flag,
        default=field.default if is_flag else _default_text(name),
        show_default=True,
        show_envvar=True,
        envvar=ENVIRONMENT_PREFIX + name.upper(),
        type=bool if is_flag else str,
        metavar=metavar or (None if is_flag else _METAVARS.get(field.annotation, "TEXT")),
        help=field.description,
    )


_METAVARS: dict[Any, str] = {
    int: "INTEGER",
    float: "NUMBER",
    Path: "FOLDER",
    Path | None: "FILE",
    Interval: "SPAN",
}


class SettingsCommand(click.Command):
    """A command whose options are the fields of :class:`RunSettings`, grouped in its help."""

    def __init__(self, name: str, callback: Callable[..., Any], text: str) -> None:
        config = click.Option(
            ["--config"],
            type=click.Path(dir_okay=False),
            envvar=ENVIRONMENT_PREFIX + "CONFIG",
            metavar="FILE",
            help="TOML file with any of these options as keys.",
            is_eager=True,
            expose_value=False,
            callback=_read_config_file,
        )
        options = [_option(field) for field in RunSettings.model_fields]
        super().__init__(name, params=[config, *options], callback=callback, help=text)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their sections' headings."""
        sections: dict[str, list[tuple[str, str]]] = {"configuration": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            field = RunSettings.model_fields.get(param.name or "")
            extra = field.json_schema_extra if field else None
            name = str(extra["section"]) if isinstance(extra, dict) else "model"
            if record:
                sections.setdefault(name if field else "configuration", []).append(record)
        for name, records in sections.items():
            with formatter.section(name.capitalize()):
                formatter.write_dl(records)


def _nearest(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"; did you mean {close[0]}?" if close else ""


def _read_config_file(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    """Make a TOML file's keys click's default map; unknown keys stop the start."""
    if value is None:
        return
    try:
        document = tomllib.loads(Path(value).read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{value} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{value} is not valid TOML: {error}") from error
    known = list(RunSettings.model_fields)
    settings = {}
    for key, entry in document.items():
        name = key.replace("-", "_")
        if name not in known:
            raise ConfigurationError(f"{value}: unknown key {key!r}{_nearest(name, known)}")
        if isinstance(entry, dict | list):
            raise ConfigurationError(f"{value}: {key} must be a single value")
        settings[name] = entry if isinstance(entry, bool) else str(entry)
    ctx.default_map = settings
    ctx.meta["config_file"] = value


def _check_environment() -> None:
    known = [ENVIRONMENT_PREFIX + name.upper() for name in ["config", *RunSettings.model_fields]]
    for key in os.environ:
        if key.startswith(ENVIRONMENT_PREFIX) and key not in known:
            raise ConfigurationError(f"unknown environment variable {key}{_nearest(key, known)}")


def load_settings(ctx: click.Context) -> RunSettings:
    """The settings of this call; UsageError for a wrong flag, else ConfigurationError."""
    _check_environment()
    try:
        return RunSettings.model_validate(ctx.params)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        name = str(first["loc"][0]) if first["loc"] else ""
        if not name:
            raise ConfigurationError(message) from error
        message = message[0].lower() + message[1:] + f", not {str(first['input'])!r}"
        source = ctx.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')}: {message}", ctx) from error
        if source is ParameterSource.ENVIRONMENT:
            raise ConfigurationError(f"{ENVIRONMENT_PREFIX}{name.upper()}: {message}") from error
        raise ConfigurationError(f"{ctx.meta.get('config_file')}: {name}: {message}") from error
