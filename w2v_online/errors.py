"""Errors a caller can act on; each message says what was wrong, where, and what to do."""

from __future__ import annotations


class W2VError(Exception):
    """Base of every error that this package raises on purpose."""


class SnapshotError(W2VError):
    """A snapshot is missing, incomplete, damaged or of an unknown version."""


class SnapshotMismatchError(SnapshotError):
    """A snapshot is intact but was written with settings that cannot be continued."""


class UnknownWordError(W2VError, KeyError):
    """A word has no vector; the message names near spellings where there are any."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class FileFormatError(W2VError):
    """A file of vectors, word pairs or analogies cannot be read; the message says where."""


class ExportError(W2VError):
    """Vectors or a picture of them cannot be written."""
