"""What is wrong with a value, in words that say what to type instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from streamer.config.fields import choices_of
from streamer.errors import nearest


def what_is_expected(error: ErrorDetails, field: FieldInfo) -> str:
    """A phrase for one of pydantic's findings: ``expected a whole number from 1 to 1000``."""
    kind = error["type"]
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error":
        return _one_of(choices_of(field), str(error["input"]))
    if kind.startswith("bool_"):
        return "expected true or false"
    for type_, noun in ((int, "a whole number"), (float, "a number")):
        if type_ in (field.annotation, *get_args(field.annotation)):
            return f"expected {noun}{_range(field)}"
    return error["msg"][0].lower() + error["msg"][1:]


def _one_of(choices: list[str], given: str) -> str:
    if Path(given).is_file():
        return f"expected {_listed(choices)}; to read a file: w2v-stream run {given}"
    return f"expected {_listed(choices)}{nearest(given, choices)}"


def _listed(choices: list[str]) -> str:
    return " or ".join(", ".join(choices).rsplit(", ", 1))


def _range(field: FieldInfo) -> str:
    low, high, above = (_limit(field, name) for name in ("ge", "le", "gt"))
    if low is not None and high is not None:
        low, high = (f"{limit:g}" if isinstance(limit, float) else limit for limit in (low, high))
        return f" from {low} to {high}"
    if above is not None:
        return f" above {above:g}" + ("" if high is None else f", at most {high:g}")
    return "" if low is None else f" of at least {low:g}"


def _limit(field: FieldInfo, name: str) -> Any:
    return next((getattr(m, name) for m in field.metadata if hasattr(m, name)), None)
