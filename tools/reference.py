"""Writes the pages of docs/reference that are made from the code.

``python -m tools.reference`` writes them all; a test holds them against the code. Each page comes
from one declaration: options from the settings, commands from the command line, HTTP from the
description that the server answers with, events and metrics from their catalogue.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo

from streamer.catalog import Event, Family
from streamer.cli import main
from streamer.config.cluster_settings import ClusterSettings
from streamer.config.fields import choices_of, extra_of, flag_of, is_multiple, section_of
from streamer.config.help import metavar_of
from streamer.config.options import SettingsCommand
from streamer.config.settings import RunSettings
from streamer.http.openapi import description
from streamer.problems import PROBLEMS
from streamer.telemetry.events import COMMON
from streamer.telemetry.events import SECTIONS as EVENTS
from streamer.telemetry.families import PREFIX
from streamer.telemetry.families import SECTIONS as FAMILIES
from streamer.telemetry.reports import FIGURES, metric_of

_KEPT = "\b\n"
FOLDER = Path(__file__).parent.parent / "docs" / "reference"
NOTE = "<!-- Written by `python -m tools.reference`; edit the code instead. -->"

_OPTIONS = """\
# Options

The options of `w2v-stream run` and `w2v-stream cluster`. Each is a flag, an environment variable
`W2V_STREAM_<OPTION>` in capitals with underscores, and a key of the TOML file that `--config`
names. A flag wins over the environment, the environment over the file, the file over the default.
`--print-config` prints the options in force as TOML."""

_COMMANDS = """\
# Command line

Standard output carries only what a command was asked to print; messages and progress go to standard
error. `SNAPSHOT` is the folder of a snapshot, or a snapshot folder, which stands for its newest
complete snapshot.

Exit codes: 0 done, 1 failure at run time, 2 wrong usage, 78 wrong configuration."""

_HTTP = """\
# HTTP

`run --http`, `cluster --http` and `serve` answer these paths, by GET unless another method is
named. `/openapi.json` is the same as an OpenAPI 3.1 document. With a token (`--http-token-file`),
requests need the header `Authorization: Bearer TOKEN`, except `/healthz`, `/readyz` and the page's
files. Errors are JSON: `{"error": TEXT}`. Besides the statuses listed: 401
without the right token where one is needed; 413 if the body is too large; 421 if a server on
loopback is asked for by another name than `localhost` or an IP address; and, for POST, 415 if the
body is not `application/json`."""


_EVENTS = """\
# Events

What a daemon logs on standard error, one event a line; `--log-format json` makes each a JSON
object. Names and fields are stable. They hold no text of the stream, except words in
`word_changing` and names of fields in `records_invalid` and `redis_field_missing`."""

_METRICS = """\
# Metrics

What `/metrics` serves to Prometheus, besides Python's own `python_*` and `process_*`. Names, labels
and units are stable. Counters begin at zero with each process, those of workers with each epoch;
those of stores count over all runs of a publisher."""

_PROBLEMS = """\
## Problems

Why a daemon is not ready: `/readyz` lists them, and each is a value of the label `problem`."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar or a line feed in a cell stays one."""

    def line(cells: Iterable[str]) -> str:
        return (
            f"| {' | '.join(c.replace('|', chr(92) + '|').replace(chr(10), ' ') for c in cells)} |"
        )

    heads = list(heads)
    return "\n".join([line(heads), line("---" for _ in heads), *map(line, rows)])


def prose(text: str) -> str:
    """Plain text as Markdown: nothing in it is markup."""
    return re.sub(r"([*<\[])", r"\\\1", text)


def options() -> str:
    """Every option of ``run`` and ``cluster``, by section."""
    sections: dict[str, list[str]] = {}
    for name, field in ClusterSettings.model_fields.items():
        sections.setdefault(section_of(field), []).append(_option(name, field))
    parts = [NOTE, _OPTIONS]
    for name, entries in sections.items():
        only = "" if _is_for_run(name) else "\n\nThese belong to `w2v-stream cluster` alone."
        parts.append(f"## {name.capitalize()}{only}\n\n" + "\n\n".join(entries))
    return "\n\n".join(parts) + "\n"


def _is_for_run(section: str) -> bool:
    return any(section_of(field) == section for field in RunSettings.model_fields.values())


def _option(name: str, field: FieldInfo) -> str:
    flag = flag_of(name)
    if field.annotation is bool:
        off = flag_of(str(extra_of(field).get("off", f"no_{name}")))
        facts = [f"`{flag}` or `{off}`", f"default `{flag if field.default else off}`"]
    else:
        facts = [f"`{'|'.join(choices_of(field)) or metavar_of(field)}`"]
        if is_multiple(field):
            facts.append("can be repeated")
        elif field.default not in (None, "") and not extra_of(field).get("is_inferred"):
            facts.append(f"default `{field.default}`")
    return f"### {flag}\n\n{', '.join(facts)}. {prose(str(field.description))}"


def commands() -> str:
    """Every command: usage, purpose, arguments of its own."""
    parts = [NOTE, _COMMANDS]
    context = click.Context(main, info_name="w2v-stream", **main.context_settings)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        if not command.hidden:
            parts.append(_command(command, click.Context(command, context, name)))
    return "\n\n".join(parts) + "\n"


def _command(command: click.Command, context: click.Context) -> str:
    usage = " ".join(command.collect_usage_pieces(context))
    text = [f"## {command.name}", f"```text\n{context.command_path} {usage}\n```"]
    text += map(_paragraph, inspect.cleandoc(command.help or "").split("\n\n"))
    if isinstance(command, SettingsCommand):
        text.append("Its options are on [a page of their own](options.md).")
        return "\n\n".join(text)
    rows = []
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record and param.name != "help":
            rows.append((f"`{record[0]}`", prose(record[1])))
    if rows:
        text.append(table(["option", "meaning"], rows))
    return "\n\n".join(text)


def _paragraph(text: str) -> str:
    """A paragraph of a command's help; click keeps the lines of one that begins with a mark."""
    if text.startswith(_KEPT):
        return f"```text\n{inspect.cleandoc(text.removeprefix(_KEPT))}\n```"
    return " ".join(text.split())


def http() -> str:
    """Every path of the HTTP server, from its OpenAPI description."""
    document = description("")
    parts = [NOTE, _HTTP]
    for path, entry in sorted(document["paths"].items()):
        for method, described in entry.items():
            parts.append(_path(path if method == "get" else f"{method.upper()} {path}", described))
    return "\n\n".join(parts) + "\n"


def _path(path: str, entry: dict[str, Any]) -> str:
    text = [f"## {path}", entry["summary"]]
    rows = [
        (
            f"`{p['name']}`",
            _schema(p["schema"]),
            "required" if p["required"] else _given(p),
            p.get("description", ""),
        )
        for p in entry.get("parameters", [])
    ]
    if rows:
        text.append(table(["parameter", "type", "default", "meaning"], rows))
    if "requestBody" in entry:
        body = entry["requestBody"]["content"]["application/json"]["schema"]["properties"]
        rows = [(f"`{k}`", _schema(v), v.get("description", "")) for k, v in body.items()]
        text.append("The body, JSON:\n\n" + table(["key", "value", "meaning"], rows))
    answers = []
    for code, answer in entry["responses"].items():
        media = ", ".join(f"`{name}`" for name in answer.get("content", {}))
        answers.append((code, answer["description"], media))
    text.append(table(["status", "meaning", "content"], answers))
    success = entry["responses"]["200"]["content"].get("application/json", {}).get("schema")
    if success:
        rows = [(f"`{k}`", _schema(v)) for k, v in success["properties"].items()]
        text.append("The answer:\n\n" + table(["key", "value"], rows))
    return "\n\n".join(text)


def _given(parameter: dict[str, Any]) -> str:
    default = parameter["schema"].get("default")
    return "" if default is None or default == "" else f"`{default}`"


def _schema(schema: dict[str, Any]) -> str:
    """A JSON schema in words."""
    if "anyOf" in schema:
        return " or ".join(_schema(part) for part in schema["anyOf"])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " or ".join(kind)
    if kind == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    if kind == "object" and "properties" in schema:
        inside = ", ".join(
            f"`{key}`: {_schema(part)}" for key, part in schema["properties"].items()
        )
        return f"{{{inside}}}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"by word: {_schema(schema['additionalProperties'])}"
    return str(kind)


def events() -> str:
    """Every event, by who logs it."""
    common = table(["field", "holds"], ((f"`{name}`", text) for name, text in COMMON.items()))
    parts = [NOTE, _EVENTS, "Every line has these fields:", common]
    for section, declared in EVENTS.items():
        parts.append(f"## {section[0].upper()}{section[1:]}")
        parts += map(_event, declared)
    return "\n\n".join(parts) + "\n"


def _event(event: Event) -> str:
    text = re.sub(r"\{(\w+)[^}]*\}", r"*\1*", event.text)
    parts = [f"### {event.name}", f"{event.level}: {text}"]
    rows: list[tuple[str, ...]] = [(f"`{name}`", text) for name, text in event.fields.items()]
    if event.has_figures:
        rows.append(("", "and the figures of the source: [metrics](metrics.md)"))
    if event.has_options:
        rows.append(("", "the [options](options.md) that have changed, with their values"))
    if rows:
        parts.append(table(["field", "holds"], rows))
    return "\n\n".join(parts)


def metrics() -> str:
    """Every metric, by subject, and every problem."""
    parts = [NOTE, _METRICS]
    of_sources = {
        f"source {name}": tuple(map(metric_of, figures)) for name, figures in FIGURES.items()
    }
    for section, declared in {**FAMILIES, **of_sources}.items():
        parts.append(f"## {section[0].upper()}{section[1:]}")
        parts.append(table(["metric", "kind", "means"], map(_metric, declared)))
    problems = ((f"`{one.name}`", f"{one.text} {one.advice}") for one in PROBLEMS)
    parts += [_PROBLEMS, table(["problem", "means"], problems)]
    return "\n\n".join(parts) + "\n"


def _metric(family: Family) -> tuple[str, str, str]:
    name = PREFIX + family.name + ("_total" if family.kind == "counter" else "")
    labels = "".join(f" `{label}`: {text}." for label, text in family.labels.items())
    return f"`{name}`", family.kind, family.help + labels


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "events.md": events,
    "http.md": http,
    "metrics.md": metrics,
    "options.md": options,
}


def write() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page())


if __name__ == "__main__":
    write()
