"""Errors a caller can act on; each message says what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable


class W2VError(Exception):
    """Base of every error that this package raises on purpose."""


class SnapshotError(W2VError):
    """A snapshot is missing, incomplete, damaged or of an unknown version."""


class SnapshotMismatchError(SnapshotError):
    """A snapshot is intact but was written with settings that cannot be continued."""


class UnknownWordError(W2VError, KeyError):
    """A word has no vector; the message names near spellings where there are any.

    Parameters
    ----------
    message
        What has no vector, and where.
    suggest
        Returns words that are spelled almost alike. Only called when the message is read:
        most programs catch a ``KeyError`` and go on, and a search takes milliseconds.

    """

    def __init__(self, message: str = "", suggest: Callable[[], list[str]] | None = None) -> None:
        super().__init__(message)
        self._suggest = suggest

    def __str__(self) -> str:
        near = self._suggest() if self._suggest is not None else []
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        return f"{self.args[0]}{hint}"

    def __reduce__(self) -> tuple[type[UnknownWordError], tuple[str]]:
        return type(self), (str(self),)


class FileFormatError(W2VError):
    """A file of vectors, word pairs or analogies cannot be read; the message says where."""


class ExportError(W2VError):
    """Vectors or a picture of them cannot be written."""
