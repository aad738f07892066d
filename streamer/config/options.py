"""The settings as options: flags, environment and TOML file, all from the declaration.

click reads each field of :class:`streamer.config.settings.RunSettings`, or of a class derived from
it, from its flag, then from ``W2V_STREAM_<OPTION>``, then from the file given by ``--config``, then
takes the default, and pydantic checks it. A field that holds several values is a flag that can be
repeated, with commas in the environment and a list or a table in the file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_origin

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from streamer.config import help as help_text
from streamer.config.fields import (
    ENVIRONMENT_PREFIX,
    choices_of,
    extra_of,
    flag_of,
    is_multiple,
    is_secret,
    variable_of,
)
from streamer.config.file import read_config_file
from streamer.config.messages import what_is_expected
from streamer.config.renamed import current_flag, rename_variables
from streamer.config.settings import RunSettings
from streamer.config.types import holds_secret
from streamer.errors import ConfigurationError, FlagError, nearest

Model = TypeVar("Model", bound=BaseModel)

Settings = type[RunSettings]
"""The class whose fields are a command's options."""


class SettingsCommand(click.Command):
    """A command whose options are the fields of ``settings``, and whose arguments are files.

    ``--help`` shows ``examples``, as pairs of a command and its purpose, and the options
    ``everyday``; ``--help-all`` shows every option.
    """

    def __init__(
        self,
        name: str,
        callback: Callable[..., Any],
        text: str,
        *,
        examples: Sequence[tuple[str, str]] = (),
        everyday: Sequence[str] = (),
        extra: Sequence[click.Option] = (),
        settings: Settings = RunSettings,
    ) -> None:
        self.settings = settings
        self._examples = examples
        self._everyday = everyday
        self._arguments: list[str] = []
        files = click.Argument(["files"], nargs=-1, metavar="[FILE]...", type=click.Path())
        config = click.Option(
            ["--config"],
            type=click.Path(dir_okay=False),
            envvar=variable_of("config"),
            metavar="FILE",
            help="Read options from a TOML file.",
            is_eager=True,
            expose_value=False,
            callback=_use_config_file,
        )
        help_all = click.Option(
            ["--help-all"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            help="Show all options.",
            callback=self._show_all,
        )
        options = [_option(field, info) for field, info in settings.model_fields.items()]
        super().__init__(
            name, params=[files, config, *extra, *options, help_all], callback=callback, help=text
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and remember what: :meth:`reread` does it again."""
        self._arguments = list(args)
        rename_variables()
        return super().parse_args(ctx, [current_flag(arg) for arg in args])

    def reread(self) -> RunSettings:
        """The settings of the same flags with the configuration file as it is now."""
        return load_settings(self.make_context(self.name, list(self._arguments)))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the options of every day."""
        help_text.write_examples(formatter, self._examples)
        fields = self.settings.model_fields
        everyday = [name for name in self._everyday if name in fields]
        help_text.write_everyday(formatter, fields, everyday, self._others(ctx))

    def _show_all(self, ctx: click.Context, _param: click.Parameter, is_asked: bool) -> None:
        if not is_asked or ctx.resilient_parsing:
            return
        formatter = ctx.make_formatter()
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        help_text.write_examples(formatter, self._examples)
        help_text.write_all(formatter, self.settings.model_fields, self._others(ctx))
        click.echo(formatter.getvalue().rstrip("\n"))
        ctx.exit()

    def _others(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Options that are no settings, as rows of the help."""
        params = [
            p
            for p in self.get_params(ctx)
            if isinstance(p, click.Option) and p.name not in self.settings.model_fields
        ]
        return [record for param in params if (record := param.get_help_record(ctx))]


def print_config_option() -> click.Option:
    """``--print-config``: show the settings instead of acting on them."""
    return click.Option(
        ["--print-config"],
        is_flag=True,
        help="Print every option and where its value comes from, as TOML, and exit.",
    )


def _option(name: str, field: FieldInfo) -> click.Option:
    flag = flag_of(name)
    common: dict[str, Any] = {
        "envvar": variable_of(name),
        "metavar": extra_of(field).get("metavar") or help_text.metavar_of(field),
        "help": field.description,
    }
    if is_multiple(field):
        is_table = get_origin(field.annotation) is dict
        return click.Option(
            [flag, name],
            multiple=True,
            type=_CommaText(),
            callback=_refuse_secret_keys if is_table else None,
            shell_complete=_complete(field),
            **common,
        )
    if field.annotation is bool:
        off = extra_of(field).get("off", f"no-{flag[2:]}")
        common.pop("metavar")
        return click.Option(
            [f"{flag}/--{off}", name], is_flag=True, default=field.default, type=bool, **common
        )
    is_given = field.default is not None and not extra_of(field).get("is_inferred")
    return click.Option(
        [flag, name],
        default=str(field.default) if is_given else None,
        type=str,
        callback=_refuse_as_flag if is_secret(field) else None,
        shell_complete=_complete(field),
        **common,
    )


class _CommaText(click.types.StringParamType):
    """Text of which an environment variable can hold several, with commas between them."""

    envvar_list_splitter = ","


_COMPLETED = {"FILE": "file", "FOLDER": "dir"}
"""What a shell completes by itself, by metavar."""

_Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _complete(field: FieldInfo) -> _Completer:
    """What a shell offers as the value of an option."""
    choices = choices_of(field)
    kind = "" if choices else _COMPLETED.get(help_text.metavar_of(field), "")

    def complete(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
        if kind:
            return [CompletionItem(begun, type=kind)]
        return [CompletionItem(choice) for choice in choices if choice.startswith(begun)]

    return complete


def _refuse_as_flag(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """A secret among the arguments of a process is seen by everyone on the machine."""
    name = str(param.name)
    if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
        raise FlagError(
            f"{flag_of(name)}: a secret must not be a flag, which every user of this machine can "
            f"see: set {variable_of(name)}, or use {flag_of(name)}-file"
        )
    return value


def _refuse_secret_keys(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    if ctx.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE:
        for pair in value:
            key = pair.partition("=")[0]
            if holds_secret(key):
                raise FlagError(f"{key} must not be a flag: put it into the configuration file")
    return value


def _use_config_file(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    """Make a TOML file's keys click's default map; unknown keys stop the start."""
    if value is None or ctx.resilient_parsing:
        return
    ctx.default_map = read_config_file(value, _settings_of(ctx).model_fields)
    ctx.meta["config_file"] = value


def _settings_of(ctx: click.Context) -> Settings:
    assert isinstance(ctx.command, SettingsCommand)  # noqa: S101 for mypy: no other has --config
    return ctx.command.settings


_SERVICE_VARIABLE = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?$")


def is_of_kubernetes(key: str, value: str) -> bool:
    """Whether Kubernetes has set this variable in a pod, to tell of a service ``w2v-stream...``.

    Unless ``enableServiceLinks`` is false, each pod has variables for all services, such as
    ``W2V_STREAM_PORT=tcp://10.0.0.1:8787``.
    """
    if _SERVICE_VARIABLE.search(key) is None:
        return False
    return not key.endswith("_PORT") or "_SERVICE_" in key or "://" in value or "_TCP_" in key


def _check_environment(settings: Settings) -> None:
    known = [variable_of(name) for name in ["config", *settings.model_fields]]
    for key, value in os.environ.items():
        if not key.startswith(ENVIRONMENT_PREFIX) or is_of_kubernetes(key, value):
            continue
        if key not in known:
            raise ConfigurationError(f"unknown environment variable {key}{nearest(key, known)}")


def load_settings(ctx: click.Context, settings: Settings | None = None) -> RunSettings:
    """The settings of this call, in its command's class unless another with some of its fields is
    wanted; UsageError for a wrong flag, else ConfigurationError.
    """
    _check_environment(_settings_of(ctx))
    settings = settings or _settings_of(ctx)
    given = {name: ctx.params[name] for name in settings.model_fields}
    if files := ctx.params.get("files"):
        given["path"] = (*files, *_flagged_paths(ctx))
    try:
        return settings.model_validate(given)
    except ValidationError as error:
        raise _refusal(ctx, settings, error.errors()[0]) from error


def settings_options(settings: type[BaseModel], *names: str) -> list[click.Parameter]:
    """Some of the settings of ``run``, or of one of its sources, as options of another command."""
    return [_option(name, settings.model_fields[name]) for name in names]


def some_settings(ctx: click.Context, settings: type[Model], *names: str) -> Model:
    """The settings that a command has by :func:`settings_options`, the others as by default."""
    try:
        return settings.model_validate({name: ctx.params[name] for name in names})
    except ValidationError as error:
        raise _refusal(ctx, settings, error.errors()[0]) from error


def _flagged_paths(ctx: click.Context) -> tuple[str, ...]:
    """Files given with --path beside others: those of the configuration file give way."""
    is_flag = ctx.get_parameter_source("path") is ParameterSource.COMMANDLINE
    return tuple(ctx.params["path"]) if is_flag else ()


def _refusal(ctx: click.Context, settings: type[BaseModel], error: ErrorDetails) -> Exception:
    """What is wrong, where it was given, and what is expected."""
    name = str(error["loc"][0]) if error["loc"] else ""
    if not name:
        return ConfigurationError(str(error["ctx"]["error"]))
    field = settings.model_fields[name]
    expected = what_is_expected(error, field)
    is_hidden = is_secret(field) or get_origin(field.annotation) is dict
    value = "" if is_hidden else _shown(error["input"])
    source = ctx.get_parameter_source(name)
    if source is ParameterSource.COMMANDLINE:
        return FlagError(f"{flag_of(name)} {value}".rstrip() + f": {expected}")
    if source is ParameterSource.ENVIRONMENT:
        return ConfigurationError(f"{variable_of(name)}={value}: {expected}")
    key = flag_of(name)[2:] + (f" = {value}" if value else "")
    return ConfigurationError(f"{ctx.meta.get('config_file')}: {key}: {expected}")


def _shown(value: Any) -> str:
    """A value as it was given."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
