"""JSON documents to records: the text in some of their fields.

Knows one document at a time, nothing of batches, sources or what becomes of bad ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import orjson

from streamer.errors import BadRecordError

MAX_NAMES = 10
"""Fields that an error names, of those that a document has."""

_MAX_NAME = 60
"""Characters of a field's name that an error shows."""

_BEFORE = b"\xef\xbb\xbf\x1e"
"""Marks of byte order, and of the beginning of a record in JSON text sequences (RFC 7464)."""

_OF_JOURNAL = "__REALTIME_TIMESTAMP"
"""A field of every entry that ``journalctl -o json`` writes."""

MAX_LISTS = 16
"""Lists in lists that are followed. Deeper ones are a mistake, or meant to exhaust the stack."""


class NoObjectError(BadRecordError):
    """What came is no JSON object, and may be plain text."""


def records_of(document: bytes, paths: tuple[str, ...]) -> list[str]:
    """The records in the fields at ``paths``, path by path.

    A string is text, whose lines are records, a list of strings or numbers one record, a list of
    lists several. On the way to a field a list stands for each of its members. In an entry of the
    systemd journal numbers are the bytes of a text, as it writes those with colours in them.

    Raises NoObjectError if the document is none, nor a list of them; BadRecordError if it has
    none of the fields, or something else in one.
    """
    parsed = _parsed(document.lstrip(_BEFORE))
    if not (isinstance(parsed, dict) or (isinstance(parsed, list) and _has_object(parsed))):
        raise NoObjectError(f"JSON has no field {' or '.join(paths)}: it is no object")
    found = [value for path in paths for value in _values(parsed, path, MAX_LISTS)]
    if not found:
        raise BadRecordError(f"JSON has no field {' or '.join(paths)}; {_fields_in_words(parsed)}")
    if isinstance(parsed, dict) and _OF_JOURNAL in parsed:
        found = [_journal_text(value) for value in found]
    return [record for value in found for record in _records(value, MAX_LISTS)]


def _parsed(document: bytes) -> Any:
    """A document, also as Python and JavaScript write it: NaN, halves of surrogate pairs."""
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError as error:
        try:
            return json.loads(document)
        except (ValueError, RecursionError):
            raise NoObjectError(f"broken JSON: {error}") from None


def _journal_text(value: Any) -> Any:
    """A value of the journal; a field that was given several times has a list of them."""
    if not isinstance(value, list):
        return value
    if value and all(type(byte) is int and 0 <= byte < 256 for byte in value):
        return bytes(value).decode(errors="replace")
    return [_journal_text(part) if isinstance(part, list) else part for part in value]


def _fields_in_words(document: Any) -> str:
    """Which fields there are, those inside an object as a.b."""
    names = list(dict.fromkeys(_names(document)))
    if not names:
        return "it has no fields"
    shown = [name if len(name) <= _MAX_NAME else name[:_MAX_NAME] + "..." for name in names]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    said = f"it has {', '.join(shown[:MAX_NAMES])}{more}"
    return said.encode(errors="replace").decode()  # JSON can name a field by half a character


def _names(document: Any) -> Iterator[str]:
    for part in document if isinstance(document, list) else [document]:
        for key, value in part.items() if isinstance(part, dict) else ():
            if isinstance(value, dict) and value:
                yield from (f"{key}.{inner}" for inner in value)
            else:
                yield key if value is not None else f"{key} (null)"


def _has_object(members: list[Any]) -> bool:
    return any(isinstance(member, dict) for member in members)


def _values(document: Any, path: str, lists: int) -> Iterator[Any]:
    """The values at a path, none if there are none; keys may have dots themselves."""
    if isinstance(document, list):
        for part in document if lists else ():
            yield from _values(part, path, lists - 1)
    elif isinstance(document, dict):
        if document.get(path) is not None:
            yield document[path]
            return
        key, _, rest = path.partition(".")
        if rest:
            yield from _values(document.get(key), rest, lists)


def _records(value: Any, lists: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif not isinstance(value, list):
        yield _token(value)
    elif not any(isinstance(part, list) for part in value):
        yield " ".join(map(_token, value))
    elif lists:
        for part in value:
            yield from _records(part, lists - 1)
    else:
        raise BadRecordError(f"JSON field has lists nested more than {MAX_LISTS} deep")


def _token(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\n", " ")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadRecordError("JSON field holds neither text nor numbers nor lists of them")
