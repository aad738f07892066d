"""Everything that answers over HTTP, put together: the server, questions, the page and its feed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from streamer.config.address import Address
from streamer.http.app import Parts, make_app
from streamer.http.archive import Archive
from streamer.http.feed import Feed
from streamer.http.search import Search
from streamer.http.server import HttpServer
from streamer.publishing.metrics import StoreMetrics
from streamer.publishing.report import Report, read_all
from streamer.telemetry.health import Health
from streamer.telemetry.status import Status
from w2v_online.snapshots.reader import newest_name


class Site:
    """Answers at ``address``, from the snapshots in ``folder``, until closed.

    ``status`` returns the state that the page shows; with a ``token`` only requests that carry it
    are answered. ``tokenizer`` is for :class:`streamer.http.archive.Archive`, ``mute`` as in
    :class:`streamer.http.app.Parts`; maps are made beside ``training_threads``. Raises
    ConfigurationError if it cannot listen there.
    """

    def __init__(
        self,
        address: Address,
        folder: Path,
        *,
        registry: CollectorRegistry,
        health: Health,
        status: Callable[[], Status],
        token: str | None,
        version: str,
        log: Any,
        tokenizer: Mapping[str, Any] | None = None,
        training_threads: int = 0,
        mute: Callable[[str, bool], bool] | None = None,
    ) -> None:
        self._server = HttpServer(address, log)
        self.address = self._server.address
        if token is None and not address.is_loopback:
            log.warning("http_unprotected", note="reachable from outside and without a token")
        self._search = Search(Archive(folder, tokenizer=tokenizer), training_threads)

        def newest() -> str:
            return newest_name(folder)

        def reports() -> list[Report]:
            return read_all(folder)

        registry.register(StoreMetrics(reports, newest))
        self._feed = Feed(status, newest, log, reports)
        self._server.start(
            make_app(
                Parts(
                    registry,
                    health,
                    self._search,
                    self._feed,
                    version,
                    token,
                    mute,
                    address.is_loopback,
                )
            )
        )

    def close(self) -> None:
        """Answer no more."""
        self._feed.close()
        self._server.close()
        self._search.close()
