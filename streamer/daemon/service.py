"""What operators see of a daemon: HTTP with metrics, health checks and the page, and systemd.

Joins health, metrics, observer, site and notifier; the daemon tells it what happens, and it knows
nothing of what the daemon does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from streamer.daemon.systemd import Notifier
from streamer.errors import ConfigurationError
from streamer.problems import SNAPSHOTS_LATE, SOURCE_DISCONNECTED, SOURCE_STALLED
from streamer.telemetry.health import Health
from streamer.telemetry.observer import Observed, Observer
from w2v_online import __version__

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.registry import Collector

    from streamer.config.settings import RunSettings
    from streamer.http.site import Site
    from streamer.telemetry.progress import Progress


class Service:
    """The service side of one daemon; answers over HTTP, with --http, as soon as it is made.

    ``snapshots`` is the folder that queries are answered from. Raises ConfigurationError.
    """

    def __init__(self, settings: RunSettings, snapshots: Path, log: Any) -> None:
        self.health = Health()
        self._notifier = Notifier()
        self._registry: CollectorRegistry | None = None
        self._observer: Observer | None = None
        self._site: Site | None = None
        if settings.http is not None:
            self._serve(settings, snapshots, log)

    def _serve(self, settings: RunSettings, snapshots: Path, log: Any) -> None:
        # Imported here: a daemon without HTTP need not load the server.
        from streamer.http.site import Site
        from streamer.telemetry.metrics import make_registry

        assert settings.http is not None  # noqa: S101 for mypy: the caller has checked
        token = read_token(settings.http_token, settings.http_token_file)
        self._registry = make_registry(self.health)
        self._observer = Observer(self.health)
        self._site = Site(
            settings.http,
            snapshots,
            registry=self._registry,
            health=self.health,
            status=self._observer.sample,
            token=token,
            version=__version__,
            log=log,
            mute=self._observer.mute,
            training_threads=settings.threads,
            tokenizer={
                "tokenizer": settings.tokenizer,
                "tokenizer_options": settings.tokenizer_option,
            },
        )

    def began(
        self,
        observed: Observed,
        metrics: Callable[[], Collector],
        is_snapshot_recent: Callable[[], bool],
    ) -> None:
        """All parts are in place, and the loop begins; ``metrics`` makes what is scraped."""
        if self._registry is not None and self._observer is not None:
            self._registry.register(metrics())
            self._observer.began(observed)
        self.health.began(
            {
                SOURCE_DISCONNECTED: lambda: not observed.is_connected,
                SOURCE_STALLED: lambda: observed.is_stalled,
                SNAPSHOTS_LATE: lambda: not is_snapshot_recent(),
            }
        )
        self._notifier.ready()

    def beat(self, progress: Progress) -> None:
        """The loop has turned."""
        self.health.beat()
        self._notifier.alive(progress.status)

    def reloading(self) -> None:
        """The configuration is being read again."""
        self._notifier.reloading()

    def reloaded(self) -> None:
        """The configuration was read again."""
        self._notifier.ready()

    def ending(self) -> None:
        """The loop is over."""
        self.health.ending()
        self._notifier.stopping()

    def still_ending(self, progress: Progress) -> None:
        """The loop is over, and what comes after it takes long."""
        self._notifier.still_stopping(progress.status)

    def close(self) -> None:
        """Stop answering."""
        if self._site is not None:
            self._site.close()
        self._notifier.close()


def read_token(secret: SecretStr | None, file: Path | None) -> str | None:
    """The bearer token that requests must carry, None if none is set.

    Raises ConfigurationError.
    """
    if secret is not None:
        token = secret.get_secret_value()
    elif file is not None:
        try:
            token = file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"--http-token-file {file} cannot be read: {error}") from error
    else:
        return None
    if not token or not token.isascii() or any(map(str.isspace, token)):
        raise ConfigurationError("the HTTP token must be ASCII text without spaces, and not empty")
    return token
