"""Control characters as escapes: words of a stream must not steer a terminal or break a line."""

from __future__ import annotations

_CONTROLS = {code: repr(chr(code))[1:-1] for code in [*range(32), *range(127, 160)]}


def shown(text: str) -> str:
    """The text as it can be printed."""
    return text.translate(_CONTROLS)
