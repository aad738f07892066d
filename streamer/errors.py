"""Errors of the daemon with the exit code that each leads to."""

from __future__ import annotations

from w2v_online.errors import W2VError

EXIT_DONE = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CONFIG = 78
"""sysexits.h's EX_CONFIG."""


class ConfigurationError(W2VError):
    """The configuration or the environment is wrong: nothing was started (exit code 78)."""


class SourceError(W2VError):
    """The source cannot go on; the message says why and what to do (exit code 1)."""
