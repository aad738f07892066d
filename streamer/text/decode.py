"""Batches to valid UTF-8 text, a record a line; what cannot be decoded is counted, never hidden.

What is decoded is a line or, where the source has messages, a message. Text with invalid bytes
keeps its other words: each invalid sequence becomes U+FFFD. JSON is parsed, and the text in some
of its fields is learned (:mod:`streamer.text.documents`); a document that is broken or has none of
the fields is left out, unless what is no JSON object is to be text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from streamer.errors import BadRecordError, SourceError
from streamer.text.batch import Batch, Origin, in_words
from streamer.text.cleaning import clean
from streamer.text.documents import NoObjectError, records_of
from streamer.text.encoding import encoding_of
from streamer.text.invalid import InvalidRecords
from streamer.text.records import RecordSplitter
from streamer.text.trace import Trace


class DeadLetters(Protocol):
    """Where messages go that cannot be decoded."""

    def send(self, document: bytes, origin: Origin, reason: str) -> None:
        """Keep a message, where it came from and why it is here."""

    def settle(self) -> bool:
        """Wait until all letters are stored; False if the process is to stop before."""


class Decoder:
    """Makes batches valid UTF-8, in lower case if asked to.

    ``splitter`` cuts lines that only decoding brings forth. With ``json_fields`` documents are
    JSON, and with ``other_is_text`` what is no JSON object is text. Bad records are counted in
    ``invalid``; with ``stop_at_errors`` the first one raises SourceError. With ``dead_letters`` a
    bad message goes there, and nothing of it is learned.
    """

    def __init__(
        self,
        splitter: RecordSplitter,
        *,
        lowercase: bool = False,
        json_fields: tuple[str, ...] = (),
        other_is_text: bool = False,
        stop_at_errors: bool = False,
        dead_letters: DeadLetters | None = None,
        invalid: InvalidRecords | None = None,
    ) -> None:
        self._splitter = splitter
        self._lowercase = lowercase
        self._paths = json_fields
        self._other_is_text = other_is_text
        self._stop_at_errors = stop_at_errors
        self._dead_letters = dead_letters
        self._invalid = invalid or InvalidRecords()

    @property
    def invalid_records(self) -> int:
        """How many records could not be decoded."""
        return self._invalid.total

    @property
    def first_reason(self) -> str:
        """Why the first of them could not be decoded, empty if all could."""
        return self._invalid.first_reason

    def decode(self, batch: Batch, trace: Trace | None = None) -> bytes:
        """The records of a batch as text, each ended by a line feed.

        ``trace``, made of the batch, tells afterwards where each of them came from.
        """
        if self._paths:
            records = self._each(batch, self._json_text, trace)
        elif _is_text(batch):
            records = batch.records
            self._invalid.seen(records.count(b"\n"))
        else:
            records = self._each(batch, _text, trace)
        if self._is_cut(batch):
            whole, records = records, self._splitter.cut_lines(records)
            if trace is not None:
                trace.lines(self._records_of if whole != records else None)
        records = clean(records)
        if not self._lowercase:
            return records
        return records.lower() if records.isascii() else records.decode().lower().encode()

    def _is_cut(self, batch: Batch) -> bool:
        """Whether lines are cut after decoding; others were before."""
        return bool(self._paths) or batch.messages is not None

    def _records_of(self, lines: bytes) -> int:
        """How many records complete lines become."""
        return self._splitter.cut_lines(lines).count(b"\n")

    def settle(self) -> bool:
        """Wait until all dead letters are stored; False if the process is to stop before."""
        self._invalid.conclude()
        return self._dead_letters is None or self._dead_letters.settle()

    def _each(self, batch: Batch, decode: Any, trace: Trace | None) -> bytes:
        """Every document of a batch on its own, because one may be bad."""
        lines, documents, begin = [], 0, 0
        count = self._records_of if self._is_cut(batch) else _lines_of
        for origin, document in _documents(batch):
            documents += 1
            try:
                text = decode(document)
            except BadRecordError as error:
                if self._stop_at_errors:
                    raise SourceError(
                        f"{_where(batch, origin, begin)}: {error}; --errors skip counts and "
                        "passes such records"
                    ) from None
                text = self._bad(origin, document, error)
            if text:
                text = text if text.endswith(b"\n") else text + b"\n"
                lines.append(text)
                if trace is not None:
                    trace.document(origin, begin, count(text))
            begin += len(document) + (document != b"\n")
        self._invalid.seen(documents)
        return b"".join(lines)

    def _bad(self, origin: Origin | None, document: bytes, error: BadRecordError) -> bytes:
        """Deal with a bad document; return what is learned of it."""
        self._invalid.add(error)
        if self._dead_letters is not None and origin is not None:
            self._dead_letters.send(document, origin, str(error))
            return b""
        return error.text

    def _json_text(self, document: bytes) -> bytes:
        if not document or document.isspace():
            return b""
        document = _in_utf_8(document)
        try:
            return "\n".join(records_of(document, self._paths)).encode(errors="replace")
        except NoObjectError:
            if self._other_is_text:
                return _text(document)
            raise


def _lines_of(text: bytes) -> int:
    return text.count(b"\n")


def _documents(batch: Batch) -> Iterable[tuple[Origin | None, bytes]]:
    if batch.messages is not None:
        return batch.messages
    lines = batch.records.split(b"\n")
    if not lines[-1]:
        del lines[-1]
    # A blank line is a record too: it stays one.
    return ((None, line or b"\n") for line in lines)


def _where(batch: Batch, origin: Origin | None, begin: int) -> str:
    """Where a bad document came from, as a person would look for it."""
    if origin is None and batch.places is not None:
        origin = batch.places.at(begin)
        if "line" in origin:
            where = origin.get("file", "standard input")
            return f"{where}, line {origin['line']:,}"
    return "a record" if not origin else in_words(origin)


def _is_text(batch: Batch) -> bool:
    """Whether all is text as it is; zeros in messages may be UTF-16."""
    records = batch.records
    if batch.messages is not None and b"\0" in records:
        return False
    if records.isascii():
        return True
    try:
        records.decode()
    except UnicodeDecodeError:
        return False
    return True


def _in_utf_8(document: bytes) -> bytes:
    """A document that is in UTF-16 or UTF-32, in UTF-8; others as they are."""
    if not (document[:1] in (b"\xff", b"\xfe") or b"\0" in document[:4]):
        return document
    encoding = encoding_of(document)
    return document.decode(encoding, "replace").encode() if encoding else document


def _text(document: bytes) -> bytes:
    document = _in_utf_8(document)
    try:
        document.decode()
    except UnicodeDecodeError as error:
        raise BadRecordError(
            f"not UTF-8: {error.reason} at byte {error.start}",
            document.decode(errors="replace").encode(),
        ) from None
    return document
