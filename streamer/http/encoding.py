"""JSON of what may hold names that are no text, as those of files and folders may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson


def to_json(document: Any) -> bytes:
    """The document as JSON; in names, bytes that are not UTF-8 become escapes."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError:
        return orjson.dumps(_as_text(document))


def _as_text(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_as_text(key): _as_text(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_as_text(part) for part in value]
    return value
