"""Tokens between ASCII whitespace; the learner splits them itself, which is fastest."""

from __future__ import annotations


class WhitespaceTokenizer:
    """Returns text unchanged."""

    identity = "whitespace"
    is_separated = False
    failed_records = 0

    def tokenize(self, text: bytes) -> bytes:
        """The text."""
        return text
