"""What kafka-python says in its log: as events, not more than a few, and refusals taken out of it.

While it connects, kafka-python tells of refused credentials nowhere else.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from kafka.errors import AuthorizationError, SaslAuthenticationFailedError

REPEAT_SECONDS = 30.0
"""How often a warning of one part of the client is logged; the others are debug events."""


class ClientLog(logging.Handler):
    """Takes over the logger of kafka-python; ``refusal`` is the last one it told of."""

    def __init__(self, log: Any) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._said: dict[str, float] = {}
        self.refusal: Exception | None = None
        logger = logging.getLogger("kafka")
        logger.handlers = [self]
        logger.propagate = False

    def emit(self, record: logging.LogRecord) -> None:
        """Log a warning in one line, without traceback."""
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, SaslAuthenticationFailedError | AuthorizationError):
                self.refusal = argument
        now = time.monotonic()
        is_new = now - self._said.get(record.name, -REPEAT_SECONDS) >= REPEAT_SECONDS
        if is_new:
            self._said[record.name] = now
        say = self._log.warning if is_new else self._log.debug
        say("kafka_client", logger=record.name, message=record.getMessage().split("\n")[0])


def reason_of(error: BaseException | None) -> str:
    """An error in one line."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
