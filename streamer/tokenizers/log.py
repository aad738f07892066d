"""Log lines: addresses, times, numbers and other values become typed placeholders.

``10.0.0.1:80`` is ``<IP> <PORT>``; the others are ``<TIME> <NUM> <HEX> <UUID> <MAC> <PATH> <URL>
<EMAIL> <SPAN>`` (of time) and ``<SIZE>`` (in bytes). The rest are words, in their original case.
"""

from __future__ import annotations

import numpy as np

from streamer.errors import ConfigurationError
from streamer.tokenizers.base import identity_of
from streamer.tokenizers.kernels.logline import MAX_GROWTH, split
from w2v_online.learning.vocabulary import padded_text

VERSION = "2"
"""Raise it whenever a line gives other tokens than before."""


MAX_KEPT_DIGITS = 9


class LogTokenizer:
    """Splits log lines.

    ``split_words`` also splits ``camelCase`` and ``snake_case`` words; ``keep_words`` appends the
    words of a path, URL or e-mail address to its placeholder. Whole numbers of up to
    ``keep_digits`` digits, such as status codes, are words of their own. Raises ConfigurationError
    if that is no number.
    """

    is_separated = True
    failed_records = 0

    def __init__(
        self,
        *,
        split_words: bool = False,
        keep_words: bool = True,
        keep_digits: str | int = 0,
    ) -> None:
        if not str(keep_digits).isdecimal() or int(keep_digits) > MAX_KEPT_DIGITS:
            raise ConfigurationError(
                f"--tokenizer-option: keep_digits is a number up to {MAX_KEPT_DIGITS}, not "
                f"{keep_digits!r}"
            )
        digits = int(keep_digits)
        self._options = split_words, keep_words, digits
        named: dict[str, object] = {"split_words": split_words, "keep_words": keep_words}
        if digits:  # without it a snapshot of before is continued
            named["keep_digits"] = digits
        self.identity = identity_of("log", VERSION, **named)
        self._out = np.empty(0, np.uint8)
        self.tokenize(b"a\n")  # compiles, or loads what was compiled

    def tokenize(self, text: bytes) -> bytes:
        """See :class:`streamer.tokenizers.base.Tokenizer`."""
        needed = MAX_GROWTH * len(text) + 1
        if len(self._out) < needed:
            self._out = np.empty(needed, np.uint8)
        size = split(padded_text(text), len(text), *self._options, self._out)
        return self._out[:size].tobytes()
