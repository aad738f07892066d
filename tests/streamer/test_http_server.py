"""How long the HTTP server waits for a client, by a clock of the test's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from streamer.http.server import EXCHANGE_SECONDS, BoundedProtocol, HttpToolsProtocol


class Connection:
    """One that is made to ask at 0 seconds; what is ``waiting`` was not taken by the client."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(HttpToolsProtocol, "on_response_complete", lambda _self: None)
        self.now = 0.0
        self.waiting = 0
        self.is_aborted = False
        self._timers: list[Any] = []
        self._protocol: Any = BoundedProtocol.__new__(BoundedProtocol)
        self._protocol.loop = SimpleNamespace(call_later=self._call_later)
        self._protocol.transport = SimpleNamespace(
            get_write_buffer_size=lambda: self.waiting, abort=self._abort
        )
        self._protocol.pipeline = deque()
        self._protocol.cycle = SimpleNamespace(
            response_started=False, more_body=False, response_complete=False
        )
        self._protocol._arm()

    def _abort(self) -> None:
        self.is_aborted = True

    def _call_later(self, seconds: float, function: Callable[[], None]) -> Any:
        timer = SimpleNamespace(at=self.now + seconds, function=function)
        timer.cancel = lambda: self._timers.remove(timer)
        self._timers.append(timer)
        return timer

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self._timers if timer.at <= end]:
            timer = min(due, key=lambda timer: float(timer.at))
            self._timers.remove(timer)
            self.now = timer.at
            timer.function()
        self.now = end

    def answer(self, waiting: int) -> None:
        self.waiting = waiting
        self._protocol.cycle.response_complete = True
        self._protocol.on_response_complete()


def test_a_client_may_take_its_time_for_an_answer_however_long_that_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection can then be used again: scrapes come once a minute."""
    connection = Connection(monkeypatch)
    connection.wait(2.95 * EXCHANGE_SECONDS)
    connection.answer(waiting=1)
    connection.wait(0.9 * EXCHANGE_SECONDS)
    connection.waiting = 0
    connection.wait(6 * EXCHANGE_SECONDS)
    assert not connection.is_aborted


def test_a_client_that_does_not_take_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection(monkeypatch)
    connection.answer(waiting=1)
    connection.wait(1.1 * EXCHANGE_SECONDS)
    assert connection.is_aborted
