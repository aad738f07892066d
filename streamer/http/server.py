"""The HTTP server in a thread of its own: listening, limits on clients, its messages as events."""

from __future__ import annotations

import logging
import os
import socket
import threading
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from streamer.config.address import Address
from streamer.errors import ConfigurationError

MAX_CONNECTIONS = 512
"""More are closed at once. One costs some kilobytes."""

MAX_HEADER_BYTES = 16 << 10
"""Of a request, before its headers are over."""

MAX_PIPELINED = 16
"""Requests that a client may send ahead of the answers; with more it is cut off."""

EXCHANGE_SECONDS = 10.0
"""That a client may take for a request, and for the answer when it is there; then it is cut off.
The time that the answer is being found, as a map is, does not count. An answer without end goes on
as long as the client takes what is sent."""

KEEP_ALIVE_SECONDS = 65
"""Longer than the usual minute between two scrapes or probes."""

CLOSE_SECONDS = 2


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with limits on connections, headers and how long one may take to ask and to listen.

    The parser is llhttp: in Python alone a request takes twice the time, which training waits for.
    """

    _deadline: Any = None
    _header_bytes = 0
    _reads_headers = False

    def connection_made(self, transport: Any) -> None:
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request; its first part starts the clock."""
        if self._deadline is None:
            self._arm()
        super().data_received(data)
        if self._reads_headers:
            self._header_bytes += len(data)
        if self.transport.is_closing():
            return
        if self._header_bytes > MAX_HEADER_BYTES:
            self.send_400_response("The headers are too long.")
        elif len(self.pipeline) > MAX_PIPELINED:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """Another request begins."""
        self._header_bytes, self._reads_headers = 0, True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """What follows is another request, or a body that nobody reads."""
        self._header_bytes, self._reads_headers = 0, False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Stop the clock; it begins anew for a client that has the answer still to take."""
        self._disarm()
        if self.pipeline or self.transport.get_write_buffer_size():
            self._arm()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(EXCHANGE_SECONDS, self._overdue)

    def _overdue(self) -> None:
        cycle = self.cycle
        is_answering = (
            cycle is not None
            and (cycle.response_started or not cycle.more_body)
            and not cycle.response_complete
        )
        is_idle = cycle is not None and cycle.response_complete and not self._reads_headers
        self._deadline = None
        if self.transport.get_write_buffer_size() or not (is_answering or is_idle):
            self.transport.abort()
        elif is_answering:
            self._arm()

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class HttpServer:
    """Listens at once, at ``address``, and answers from :meth:`start` on.

    Raises ConfigurationError if it cannot listen there.
    """

    def __init__(self, address: Address, log: Any) -> None:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            self._socket = socket.create_server((address.host, address.port), family=family)
        except OSError as error:
            # Of a name that is not known the number is the resolver's, below zero.
            number = error.errno or 0
            told = str(error.strerror or error).partition(" (while")[0]
            reason = os.strerror(number) if number > 0 else told
            raise ConfigurationError(
                f"--http {address}: cannot listen there: {reason}; choose another port or address"
            ) from error
        # Headers and body are two writes: without this a client that keeps its connection waits 40
        # ms for the second one. asyncio sets it only for sockets that it has made itself.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = Address(address.host, self._socket.getsockname()[1])
        self._log = log
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: ASGIApp) -> None:
        """Answer with ``app`` from now on."""
        logger = logging.getLogger("uvicorn")
        logger.handlers, logger.propagate = [_Events(self._log)], False
        config = uvicorn.Config(
            app,
            http=BoundedProtocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="http", daemon=True
        )
        self._thread.start()
        self._log.info("http_listening", address=str(self.address))

    def close(self) -> None:
        """Stop listening; answers that are under way get a moment."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(2 * CLOSE_SECONDS)
        self._socket.close()


class _Events(logging.Handler):
    """What the server library says: its errors as events, the rest for those who debug."""

    def __init__(self, log: Any) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Log one line."""
        say = self._log.error if record.levelno >= logging.ERROR else self._log.debug
        reason = record.getMessage().split("\n")[0].strip()
        if record.exc_info and record.exc_info[1] is not None:
            reason = f"{reason}: {record.exc_info[1]!r}"
        say("http_client" if say == self._log.debug else "http_failed", reason=reason)
