"""The catalogue of events and metrics holds what the code reports, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import streamer
import w2v_online
from streamer.catalog import Event, Family
from streamer.telemetry.events import EVENTS, SECTIONS
from streamer.telemetry.families import FAMILIES
from streamer.telemetry.reports import FIGURES, metric_of

_DAEMON, _LIBRARY = (Path(package.__file__).parent for package in (streamer, w2v_online))
_LEVELS = ("debug", "info", "warning", "error")
_DECLARATIONS = ("events.py", "families.py", "reports.py", "catalog.py")


def _trees(*folders: Path) -> Iterator[ast.AST]:
    for folder in folders:
        for file in sorted(folder.rglob("*.py")):
            if file.name not in _DECLARATIONS:
                yield ast.parse(file.read_text(), str(file))


def _logged() -> Iterator[tuple[str, str, set[str]]]:
    """Level, event and fields of each call of a logger that names them."""
    for tree in _trees(_DAEMON):
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr not in _LEVELS or "log" not in ast.unparse(node.func.value):
                continue
            named = node.args[0]
            names = [named.body, named.orelse] if isinstance(named, ast.IfExp) else [named]
            for name in names:
                if isinstance(name, ast.Constant):
                    fields = {keyword.arg for keyword in node.keywords if keyword.arg}
                    yield node.func.attr, str(name.value), fields


def _strings() -> set[str]:
    """All texts in the code."""
    return {
        node.value
        for tree in _trees(_DAEMON, _LIBRARY)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_what_the_code_logs_is_declared_with_its_level_and_fields() -> None:
    calls = list(_logged())
    assert len(calls) > 40  # else they are not found
    for level, name, fields in calls:
        assert name in EVENTS, "declare it in telemetry/events.py or the source's reports.py"
        event = EVENTS[name]
        assert _LEVELS.index(level) <= _LEVELS.index(event.level), name
        assert fields <= set(event.fields), name


def test_nothing_is_declared_that_the_code_does_not_report() -> None:
    strings = _strings()
    assert set(EVENTS) <= strings
    figures = {figure.name for figures in FIGURES.values() for figure in figures}
    assert set(FAMILIES) | figures <= strings


def test_names_are_told_apart() -> None:
    events = [event.name for section in SECTIONS.values() for event in section]
    assert len(set(events)) == len(events)
    figures = {metric_of(figure).name for figures in FIGURES.values() for figure in figures}
    assert not figures & set(FAMILIES)


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.name)
def test_an_event_is_a_sentence_of_its_fields(event: Event) -> None:
    used = set(re.findall(r"\{(\w+)", event.text))
    assert used <= set(event.fields)
    assert event.text.endswith((".", "}"))
    assert event.sentence(dict.fromkeys(event.fields, 7))
    assert "?" in event.sentence({}) or not used


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_a_metric_says_in_a_sentence_what_it_is(family: Family) -> None:
    assert not family.help[0].islower()
    assert family.help.endswith(".")
    assert not family.name.endswith("_total")  # the format adds it
