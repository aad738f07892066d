"""Errors of the daemon with the exit code that each leads to."""

from __future__ import annotations

import click

from w2v_online.errors import W2VError

EXIT_DONE = 0
EXIT_FAILURE = 1
EXIT_CONFIG = 78
"""sysexits.h's EX_CONFIG."""


class ConfigurationError(W2VError):
    """The configuration or the environment is wrong: nothing was started (exit code 78)."""


class FlagError(click.UsageError):
    """A flag's value is wrong; the message says all there is to say (exit code 2)."""


class SourceError(W2VError):
    """The source cannot go on; the message says why and what to do (exit code 1)."""


class BadRecordError(ValueError):
    """A record cannot be decoded; the message says why, ``text`` is what can be learned of it."""

    def __init__(self, message: str, text: bytes = b"") -> None:
        super().__init__(message)
        self.text = text


def nearest(key: str, known: list[str]) -> str:
    """The end of a message about an unknown key: which known one may be meant, if one is near."""
    import difflib  # here, for only who mistypes waits for it

    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
