"""Batches to valid UTF-8 text, a record a line; what cannot be decoded is counted, never hidden.

What is decoded is a line or, where the source has messages, a message. Text with invalid bytes
keeps its other words: each invalid sequence becomes U+FFFD. JSON is parsed, and the text in some
of its fields is learned; a document that is broken or has none of the fields is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import orjson

from streamer.errors import SourceError
from streamer.sources.base import Batch, Origin
from streamer.sources.records import RecordSplitter

if TYPE_CHECKING:
    from streamer.deadletter import DeadLetters


class BadRecordError(ValueError):
    """A record cannot be decoded; the message says why."""


class Decoder:
    """Makes batches valid UTF-8, in lower case if asked to.

    ``splitter`` cuts lines that only decoding brings forth. Bad records are counted in
    ``invalid_records``; with ``stop_at_errors`` the first one raises SourceError. With
    ``dead_letters`` a bad message goes there, and nothing of it is learned.
    """

    def __init__(
        self,
        splitter: RecordSplitter,
        *,
        lowercase: bool = False,
        json_fields: tuple[str, ...] = (),
        stop_at_errors: bool = False,
        dead_letters: DeadLetters | None = None,
        invalid_records: int = 0,
    ) -> None:
        self._splitter = splitter
        self._lowercase = lowercase
        self._paths = [field.split(".") for field in json_fields]
        self._stop_at_errors = stop_at_errors
        self._dead_letters = dead_letters
        self.invalid_records = invalid_records

    def decode(self, batch: Batch) -> bytes:
        """The records of a batch as text, each ended by a line feed."""
        if self._paths:
            records = self._each(batch, self._json_text)
        elif _is_text(batch.records):
            records = batch.records
        else:
            records = self._each(batch, _text)
        if self._paths or batch.messages is not None:
            records = self._splitter.cut_lines(records)
        if not self._lowercase:
            return records
        return records.lower() if records.isascii() else records.decode().lower().encode()

    def settle(self) -> bool:
        """Wait until all dead letters are stored; False if the process is to stop before."""
        return self._dead_letters is None or self._dead_letters.settle()

    def _each(self, batch: Batch, decode: Any) -> bytes:
        """Every document of a batch on its own, because one may be bad."""
        lines = []
        for origin, document in _documents(batch):
            try:
                text = decode(document)
            except BadRecordError as error:
                text = self._bad(origin, document, str(error))
            if text:
                lines.append(text if text.endswith(b"\n") else text + b"\n")
        return b"".join(lines)

    def _bad(self, origin: Origin | None, document: bytes, reason: str) -> bytes:
        """Deal with a bad document; return what is learned of it."""
        if self._stop_at_errors:
            where = (
                "a record" if origin is None else " ".join(f"{k} {v}" for k, v in origin.items())
            )
            raise SourceError(f"{where} cannot be decoded: {reason}; --errors skip goes on")
        self.invalid_records += 1
        if self._dead_letters is not None and origin is not None:
            self._dead_letters.send(document, origin, reason)
            return b""
        return b"" if self._paths else document.decode(errors="replace").encode()

    def _json_text(self, document: bytes) -> bytes:
        if not document or document.isspace():
            return b""
        try:
            parsed = orjson.loads(document)
        except orjson.JSONDecodeError as error:
            raise BadRecordError(f"broken JSON: {error}") from None
        found = [value for path in self._paths if (value := _field(parsed, path)) is not None]
        if not found:
            names = " or ".join(".".join(path) for path in self._paths)
            raise BadRecordError(f"JSON has no field {names}")
        return "\n".join(record for value in found for record in _records(value)).encode()


def _documents(batch: Batch) -> Iterable[tuple[Origin | None, bytes]]:
    if batch.messages is not None:
        return batch.messages
    lines = batch.records.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    # A blank line is a record too: it stays one.
    return ((None, line or b"\n") for line in lines)


def _is_text(records: bytes) -> bool:
    if records.isascii():
        return True
    try:
        records.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(document: bytes) -> bytes:
    try:
        document.decode()
    except UnicodeDecodeError as error:
        raise BadRecordError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    return document


def _field(document: Any, path: list[str]) -> Any:
    """The value at a path, None if there is none."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _records(value: Any) -> Iterator[str]:
    """A string is text, a list of strings or numbers a record, a list of lists records."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and any(isinstance(part, list) for part in value):
        for part in value:
            yield from _records(part)
    elif isinstance(value, list):
        yield " ".join(_token(part) for part in value)
    else:
        yield _token(value)


def _token(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\n", " ")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise BadRecordError("JSON field holds neither text nor numbers nor lists of them")
