"""What a tokenizer is: something that splits records into tokens and can say what it is.

A whole batch goes in and comes out in one buffer, so that neither a string nor a list a token is
needed where a tokenizer can do without.
"""

from __future__ import annotations

from typing import Protocol


class Tokenizer(Protocol):
    """Splits text; the same text always comes out as the same tokens."""

    @property
    def identity(self) -> str:
        """Name, version, options and data that tokens depend on, as it stands in manifests."""

    @property
    def is_separated(self) -> bool:
        """Whether tokens come out between ASCII's separators; or else ASCII whitespace."""

    @property
    def failed_records(self) -> int:
        """Records so far that could not be split, and came out empty."""

    def tokenize(self, text: bytes) -> bytes | bytearray:
        """Valid UTF-8 with a record a line as tokens, with as many records.

        Tokens are separated by US and a record ends with RS if ``is_separated``; if not, these
        are whitespace and the line feed.
        """


def identity_of(name: str, version: str, **options: object) -> str:
    """An identity, ``NAME/VERSION option=value ...``."""
    listed = (f" {key}={str(options[key]).lower()}" for key in sorted(options))
    return f"{name}/{version}" + "".join(listed)
