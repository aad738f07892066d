"""What cannot be printed, as escapes: words must not steer a terminal, break a line or an output.

Such are control characters, and bytes of vector files that are not UTF-8.
"""

from __future__ import annotations

_CONTROLS = {code: repr(chr(code))[1:-1] for code in [*range(32), *range(127, 160)]}


def shown(text: str) -> str:
    """The text as it can be printed."""
    return text.translate(_CONTROLS).encode(errors="backslashreplace").decode()
