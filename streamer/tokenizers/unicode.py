"""Words by Unicode's rules (UAX #29) in any script, and emoji, without punctuation.

The rules are implemented by unicode-segmentation (Rust). Scripts without spaces give single
characters (Han, Hiragana) or whole runs (Thai): they need a tokenizer of their own.
"""

from __future__ import annotations

import re
import unicodedata
from importlib.metadata import version

from unicode_segmentation_rs import split_word_bounds, unicode_words

from streamer.tokenizers.base import identity_of
from w2v_online.separators import RECORD_SEPARATOR, TOKEN_SEPARATOR

_TOKEN_SEPARATOR = TOKEN_SEPARATOR.decode()
_RECORD_SEPARATOR = RECORD_SEPARATOR.decode()
_SYMBOL = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
"""Unicode's blocks of emoji and pictures; few ranges, because every character is compared."""


class UnicodeTokenizer:
    """Words in folded case unless ``fold_case`` is off, normalised by NFKC if ``nfkc`` is on."""

    is_separated = True
    failed_records = 0

    def __init__(self, *, fold_case: bool = True, nfkc: bool = False) -> None:
        self._fold_case = fold_case
        self._nfkc = nfkc
        self.identity = identity_of(
            "unicode",
            version("unicode-segmentation-rs"),
            fold_case=fold_case,
            nfkc=nfkc,
            unicode=unicodedata.unidata_version,
        )

    def tokenize(self, text: bytes) -> bytes:
        """See :class:`streamer.tokenizers.base.Tokenizer`."""
        characters = text.decode()
        if self._nfkc:
            characters = unicodedata.normalize("NFKC", characters)
        if self._fold_case:
            characters = characters.lower() if text.isascii() else characters.casefold()
        lines = characters.split("\n")
        if not lines[-1]:
            del lines[-1]
        if text.isascii() or _SYMBOL.search(characters) is None:
            records = map(unicode_words, lines)
        else:
            records = map(self._words, lines)
        joined = _RECORD_SEPARATOR.join(map(_TOKEN_SEPARATOR.join, records))
        return joined.encode() + (RECORD_SEPARATOR if lines else b"")

    def _words(self, line: str) -> list[str]:
        """Words and symbols of a line that may have some."""
        if line.isascii() or _SYMBOL.search(line) is None:
            return unicode_words(line)
        return [
            part
            for part in split_word_bounds(line)
            if _SYMBOL.match(part) or any(map(str.isalnum, part))
        ]
