"""Tokenizers that call a Python function per record: segmenters, and functions of users."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streamer.errors import SourceError
from w2v_online.separators import RECORD_SEPARATOR, TOKEN_SEPARATOR

Split = Callable[[str], Iterable[str]]

_TOKEN_SEPARATOR = TOKEN_SEPARATOR.decode()
_RECORD_SEPARATOR = RECORD_SEPARATOR.decode()
_IN_TOKENS = str.maketrans(
    {_TOKEN_SEPARATOR: None, _RECORD_SEPARATOR: None, "\n": _TOKEN_SEPARATOR}
)


class FunctionTokenizer:
    """Calls ``split`` for every record.

    If it raises, the record is empty and counted in ``failed_records``; with ``stop_at_errors`` the
    first failure raises SourceError. ASCII's separators are removed from tokens, and a token with a
    line feed is split there: files of words have a word a line.
    """

    is_separated = True

    def __init__(self, split: Split, identity: str) -> None:
        self.identity = identity
        self.failed_records = 0
        self._split = split
        self.stop_at_errors = False
        """Whether the first record that fails ends the daemon."""

    def tokenize(self, text: bytes) -> bytes:
        """See :class:`streamer.tokenizers.base.Tokenizer`."""
        lines = text.decode().split("\n")
        if not lines[-1]:
            del lines[-1]
        records = (self._record(line) for line in lines)
        joined = "".join(record + _RECORD_SEPARATOR for record in records)
        return joined.encode(errors="replace")

    def _record(self, line: str) -> str:
        try:
            tokens = _TOKEN_SEPARATOR.join(
                token.translate(_IN_TOKENS) for token in self._split(line)
            )
        except Exception as error:
            if self.stop_at_errors:
                told = f"{type(error).__name__}: {error}"
                raise SourceError(
                    f"tokenizer {self.identity} failed: {told}; use --errors skip to skip "
                    "such records"
                ) from error
            self.failed_records += 1
            return ""
        return tokens


def is_word(token: str) -> bool:
    """Whether a token has a letter or digit of any script."""
    return token.isalnum() or any(map(str.isalnum, token))
