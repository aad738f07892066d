"""What a tokenizer is: it splits records into tokens and has an identity.

A whole batch goes in and comes out in one buffer, so that fast tokenizers need no Python object per
token.
"""

from __future__ import annotations

from typing import Protocol


class Tokenizer(Protocol):
    """Splits text; the same text always gives the same tokens."""

    @property
    def identity(self) -> str:
        """Name, version, options and data that the tokens depend on, as written in manifests."""

    @property
    def is_separated(self) -> bool:
        """Whether ASCII's separators divide the tokens; otherwise ASCII whitespace does."""

    @property
    def failed_records(self) -> int:
        """Number of records that could not be split and are empty in the output."""

    def tokenize(self, text: bytes) -> bytes | bytearray:
        """Split valid UTF-8 with one record per line; returns as many records.

        If ``is_separated``, US (0x1F) separates tokens and RS (0x1E) ends a record; otherwise
        ASCII whitespace and the line feed do.
        """


def identity_of(name: str, version: str, **options: object) -> str:
    """An identity, ``NAME/VERSION option=value ...``; values of text keep their case."""
    listed = (f" {key}={_in_words(options[key])}" for key in sorted(options))
    return f"{name}/{version}" + "".join(listed)


def _in_words(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
