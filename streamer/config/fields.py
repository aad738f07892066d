"""What the declaration of a setting says about it as an option: heading, kind, names."""

from __future__ import annotations

from typing import Any, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

ENVIRONMENT_PREFIX = "W2V_STREAM_"


def section(name: str, metavar: str | None = None) -> dict[str, Any]:
    """``json_schema_extra`` of a setting: its heading, and what stands for its value in help."""
    return {"section": name} | ({"metavar": metavar} if metavar else {})


def flag_of(name: str) -> str:
    """The flag of an option."""
    return "--" + name.replace("_", "-")


def variable_of(name: str) -> str:
    """The environment variable of an option."""
    return ENVIRONMENT_PREFIX + name.upper()


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """What is declared beside pydantic's own: section, metavar, off, is_inferred, table."""
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def section_of(field: FieldInfo) -> str:
    """The heading that an option stands under."""
    return str(extra_of(field).get("section", "model"))


def is_multiple(field: FieldInfo) -> bool:
    """Whether the option can be repeated."""
    return get_origin(field.annotation) in (tuple, dict)


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must not be shown, nor given as a flag."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def choices_of(field: FieldInfo) -> list[str]:
    """The values that can be chosen from, the default first; empty if any value will do."""
    choices = get_args(field.annotation)
    if is_multiple(field) or not choices or not all(isinstance(c, str) for c in choices):
        return []
    return sorted(choices, key=lambda choice: choice != field.default)
