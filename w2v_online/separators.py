"""What stands between tokens, and behind records, of text that a tokenizer has split."""

from __future__ import annotations

TOKEN_SEPARATOR = b"\x1f"
RECORD_SEPARATOR = b"\x1e"
"""ASCII's own: US between tokens, RS behind a record."""


def split_tokens(text: bytes, *, separated: bool) -> list[bytes]:
    """All tokens of text, in order; whitespace is between them unless it is ``separated``."""
    if not separated:
        return text.split()
    tokens = text.replace(RECORD_SEPARATOR, TOKEN_SEPARATOR).split(TOKEN_SEPARATOR)
    return [token for token in tokens if token]
