"""The settings as options: flags, environment, TOML file and help, all from the declaration.

click reads each field of :class:`streamer.config.settings.RunSettings`, or of a class derived from
it, from its flag, then from
``W2V_STREAM_<OPTION>``, then from the file given by ``--config``, then takes the default, and
pydantic checks it. A field that holds several values is a flag that can be repeated, with commas
in the environment and a list or a table in the file.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

import click
from click.core import ParameterSource
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from streamer.config.settings import Interval, RunSettings, holds_secret
from streamer.errors import ConfigurationError, nearest

ENVIRONMENT_PREFIX = "W2V_STREAM_"

RENAMED = {"settle": "anneal"}
"""Options by their former names, which still work: flags, variables and keys, with a note."""

_TABLES = {"kafka": "kafka_config"}
"""Tables of the configuration file and the options that hold them."""


Settings = type[RunSettings]
"""The class whose fields are a command's options."""


def _default_text(field: FieldInfo) -> str | None:
    """The default as a user would type it; None for an option that is off unless given."""
    return None if field.default is None else str(field.default)


def _option(name: str, field: FieldInfo) -> click.Option:
    flag = "--" + name.replace("_", "-")
    is_flag = field.annotation is bool
    if _is_multiple(field):
        return click.Option(
            [flag, name],
            multiple=True,
            show_envvar=True,
            envvar=_variable(name),
            type=_CommaText(),
            metavar=_extra(field).get("metavar", "TEXT"),
            help=field.description,
            callback=_refuse_secret_keys if get_origin(field.annotation) is dict else None,
        )
    choices = get_args(field.annotation) if not is_flag else ()
    metavar = "|".join(choices) if choices and all(isinstance(c, str) for c in choices) else None
    return click.Option(
        [f"{flag}/--{_extra(field).get('off', 'no-' + flag[2:])}" if is_flag else flag, name],
        is_flag=is_flag,
        default=field.default if is_flag else _default_text(field),
        show_default=True,
        show_envvar=True,
        envvar=_variable(name),
        type=bool if is_flag else str,
        metavar=_extra(field).get("metavar")
        or metavar
        or (None if is_flag else _METAVARS.get(field.annotation, "TEXT")),
        help=field.description,
        callback=_refuse_as_flag if _is_secret(field) else None,
    )


class _CommaText(click.types.StringParamType):
    """Text of which an environment variable can hold several, with commas between them."""

    envvar_list_splitter = ","


def _extra(field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def section_of(field: FieldInfo) -> str:
    """The heading that an option stands under."""
    return str(_extra(field).get("section", "model"))


def _is_multiple(field: FieldInfo) -> bool:
    return get_origin(field.annotation) in (tuple, dict)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _refuse_as_flag(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """A secret among the arguments of a process is seen by everyone on the machine."""
    name = str(param.name)
    if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
        raise click.UsageError(
            f"a secret must not be a flag: set {ENVIRONMENT_PREFIX}{name.upper()} "
            "or give a file of its own",
            ctx,
        )
    return value


def _refuse_secret_keys(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    if ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE:
        for pair in value:
            key = pair.partition("=")[0]
            if holds_secret(key):
                raise click.UsageError(
                    f"{key} must not be a flag: put it into the configuration file", ctx
                )
    return value


_METAVARS: dict[Any, str] = {
    int: "INTEGER",
    float: "NUMBER",
    Path: "FOLDER",
    Path | None: "FILE",
    Interval: "SPAN",
}


class SettingsCommand(click.Command):
    """A command whose options are the fields of ``settings``, grouped in its help."""

    def __init__(
        self,
        name: str,
        callback: Callable[..., Any],
        text: str,
        extra: Sequence[click.Option] = (),
        settings: Settings = RunSettings,
    ) -> None:
        self.settings = settings
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
        options = [_option(field, info) for field, info in settings.model_fields.items()]
        self._arguments: list[str] = []
        super().__init__(name, params=[config, *extra, *options], callback=callback, help=text)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and remember what: :meth:`reread` does it again."""
        self._arguments = list(args)
        _rename_variables()
        return super().parse_args(ctx, [_current_flag(arg) for arg in args])

    def reread(self) -> RunSettings:
        """The settings of the same flags with the configuration file as it is now."""
        return load_settings(self.make_context(self.name, list(self._arguments)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their sections' headings."""
        sections: dict[str, list[tuple[str, str]]] = {"configuration": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            field = self.settings.model_fields.get(param.name or "")
            name = section_of(field) if field else ""
            if record:
                sections.setdefault(name if field else "configuration", []).append(record)
        for name, records in sections.items():
            with formatter.section(name.capitalize()):
                formatter.write_dl(records)


def print_config_option() -> click.Option:
    """``--print-config``: show the settings instead of acting on them."""
    return click.Option(
        ["--print-config"],
        is_flag=True,
        help="Print every option and where its value comes from, as TOML, and exit.",
    )


def _variable(name: str) -> str:
    """The environment variable of an option."""
    return ENVIRONMENT_PREFIX + name.upper()


def _current_flag(arg: str) -> str:
    """An argument, with the present name of a flag that was renamed."""
    flag, separator, value = arg.partition("=")
    for old, new in RENAMED.items():
        if flag == "--" + old.replace("_", "-"):
            renamed = "--" + new.replace("_", "-")
            _note_renamed(flag, renamed)
            return renamed + separator + value
    return arg


def _rename_variables() -> None:
    """Give environment variables of renamed options their present names."""
    for old, new in RENAMED.items():
        if _variable(old) in os.environ and _variable(new) not in os.environ:
            os.environ[_variable(new)] = os.environ.pop(_variable(old))
            _note_renamed(_variable(old), _variable(new))


def _note_renamed(old: str, new: str) -> None:
    click.echo(f"w2v-stream: note: {old} is now called {new}", err=True)


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
    fields = _settings_of(ctx).model_fields
    settings = {}
    for key, entry in document.items():
        name = _TABLES.get(key, key.replace("-", "_"))
        if name in RENAMED:
            name = RENAMED[name]
            _note_renamed(f"{value}: {key}", name.replace("_", "-"))
        if name in settings:
            raise ConfigurationError(f"{value}: {name.replace('_', '-')} is set twice")
        if name not in fields:
            raise ConfigurationError(f"{value}: unknown key {key!r}{nearest(name, list(fields))}")
        settings[name] = _file_value(f"{value}: {key}", fields[name], entry)
    ctx.default_map = settings
    ctx.meta["config_file"] = value


def _settings_of(ctx: click.Context) -> Settings:
    assert isinstance(ctx.command, SettingsCommand)  # noqa: S101 for mypy: no other has --config
    return ctx.command.settings


def _file_value(where: str, field: FieldInfo, entry: Any) -> Any:
    """A value of the file as click takes it: text, a truth value, or a list of texts."""
    if isinstance(entry, dict) and get_origin(field.annotation) is dict:
        entry = [f"{key}={text}" for key, text in entry.items()]
    elif not isinstance(entry, list) and _is_multiple(field):
        entry = [entry]
    if isinstance(entry, dict) or (isinstance(entry, list) and not _is_multiple(field)):
        raise ConfigurationError(f"{where} must be a single value")
    if isinstance(entry, list):
        return [str(part) for part in entry]
    return entry if isinstance(entry, bool) else str(entry)


def _check_environment(settings: Settings) -> None:
    known = [_variable(name) for name in ["config", *settings.model_fields]]
    for key in os.environ:
        if key.startswith(ENVIRONMENT_PREFIX) and key not in known:
            raise ConfigurationError(f"unknown environment variable {key}{nearest(key, known)}")


def load_settings(ctx: click.Context, settings: Settings | None = None) -> RunSettings:
    """The settings of this call, in its command's class unless another with some of its fields is
    wanted; UsageError for a wrong flag, else ConfigurationError.
    """
    _check_environment(_settings_of(ctx))
    settings = settings or _settings_of(ctx)
    try:
        return settings.model_validate({name: ctx.params[name] for name in settings.model_fields})
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        name = str(first["loc"][0]) if first["loc"] else ""
        if not name:
            raise ConfigurationError(message) from error
        message = message[0].lower() + message[1:]
        if name != "kafka_config" and not _is_secret(settings.model_fields[name]):
            message += f", not {_shown(first['input'])!r}"
        source = ctx.get_parameter_source(name)
        if source is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')}: {message}", ctx) from error
        if source is ParameterSource.ENVIRONMENT:
            raise ConfigurationError(f"{_variable(name)}: {message}") from error
        raise ConfigurationError(f"{ctx.meta.get('config_file')}: {name}: {message}") from error


def _shown(value: Any) -> str:
    """A value as it was given."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
