"""Alerts by HTTP POST: as JSON, as Alertmanager's API v2 takes them, or as Slack-like messages.

A thread of its own sends them, so a receiver that is slow or away never holds up learning: alerts
wait in a bounded queue, and what does not fit is dropped and counted. A receiver sees an alert at
least once when it answers in time; after a crash, alerts since the last checkpoint are sent again
with the same id.
"""

from __future__ import annotations

import base64
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import orjson
import urllib3

from streamer.alerts.alert import Alert
from streamer.alerts.kinds import kind_id
from streamer.errors import ConfigurationError

MAX_WAITING = 1000
"""Alerts that wait to be sent; more are dropped."""

REQUEST_SECONDS = 10.0
"""Longest wait for a connection, and for an answer."""

CLOSE_SECONDS = 15.0
"""How long the end of a run waits for alerts to be sent."""

_RETRIES = 5
_BACKOFF_SECONDS = 0.5


def _plain(alert: Alert) -> Any:
    return alert.as_dict()


def _alertmanager(alert: Alert) -> Any:
    """A list of one alert; the label ``kind`` groups what says the same.

    Without text that is the kind's id, so that nothing of the record is told.
    """
    has_text = alert.text is not None
    annotations = {
        "summary": alert.summary,
        "p": f"{alert.p:.3g}",
        "surprise": f"{alert.surprise:.2f}",
    }
    if has_text:
        annotations["words"] = " ".join(word for word, _ in alert.words)
    kind = alert.kind if has_text else kind_id(alert.kind)
    return [
        {
            "labels": {"alertname": "UnexpectedRecord", "kind": kind, "id": alert.id},
            "annotations": annotations,
            "startsAt": alert.first or alert.time,
        }
    ]


def _slack(alert: Alert) -> Any:
    return {"text": alert.summary}


FORMATS: dict[str, Callable[[Alert], Any]] = {
    "": _plain,
    "alertmanager+": _alertmanager,
    "slack+": _slack,
}
"""By the prefix of the URL's scheme: what is sent."""


_EXPECTED = (
    "--alerts takes a webhook as http(s)://HOST[:PORT]/PATH, alertmanager+http(s)://HOST[:PORT] or "
    "slack+http(s)://HOST[:PORT]/PATH; in a password, write /, ?, # and @ as %2F, %3F, %23 and %40"
)
"""What is said of a URL that is none, which may hold secrets: it is not quoted."""


class _Webhook(NamedTuple):
    """What makes a body, where it is posted, with which headers, and how that may be called."""

    body: Callable[[Alert], Any]
    url: str
    headers: dict[str, str]
    name: str


def parse(url: str) -> _Webhook:
    """The webhook that a value of ``--alerts`` names; ConfigurationError."""
    prefix, _, rest = url.rpartition("+") if "+" in url.split("://")[0] else ("", "", url)
    body = FORMATS.get(f"{prefix}+" if prefix else "")
    try:
        parsed = urllib3.util.parse_url(rest)
    except urllib3.exceptions.LocationParseError:
        # Without the cause, which quotes the URL.
        raise ConfigurationError(_EXPECTED) from None
    if body is None or parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigurationError(_EXPECTED)
    if prefix == "alertmanager" and (parsed.path or "/") == "/":
        parsed = parsed._replace(path="/api/v2/alerts", query=None, fragment=None)
    headers = {"Content-Type": "application/json"}
    if parsed.auth:
        # In UTF-8 (RFC 7617): what is not ASCII in the URL is %XX here.
        credentials = base64.b64encode(unquote_to_bytes(parsed.auth)).decode()
        headers["Authorization"] = f"Basic {credentials}"
    # Paths of webhooks are secrets: whoever knows one can post.
    name = f"{prefix + '+' if prefix else ''}{parsed.scheme}://{parsed.host}"
    return _Webhook(body, parsed._replace(auth=None).url, headers, name)


class WebhookTarget:
    """A URL, with ``alertmanager+`` or ``slack+`` before ``http`` for those receivers.

    ``USER:PASSWORD@`` before the host is sent as basic authentication.
    """

    def __init__(self, url: str, log: Any) -> None:
        self._body, self._url, self._headers, self.name = parse(url)
        self._log = log
        self._pool = urllib3.PoolManager(
            timeout=REQUEST_SECONDS,
            retries=urllib3.Retry(
                total=_RETRIES,
                backoff_factor=_BACKOFF_SECONDS,
                status_forcelist=(429, 500, 502, 503, 504),
                allowed_methods=None,
                raise_on_status=True,
                redirect=0,
            ),
        )
        self._waiting: queue.Queue[Alert | None] = queue.Queue(MAX_WAITING)
        self.sent = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._work, name="alerts-webhook", daemon=True)
        self._thread.start()

    def send(self, alert: Alert) -> None:
        """Queue an alert; dropped and counted if the queue is full."""
        try:
            self._waiting.put_nowait(alert)
        except queue.Full:
            if not self.dropped:
                self._log.warning("alerts_dropped", target=self.name, reason="the queue is full")
            self.dropped += 1

    def _work(self) -> None:
        while (alert := self._waiting.get()) is not None:
            self._post(alert)
            self._waiting.task_done()
        self._waiting.task_done()

    def _post(self, alert: Alert) -> None:
        try:
            answer = self._pool.request(
                "POST",
                self._url,
                body=orjson.dumps(self._body(alert)),
                headers=self._headers,
            )
            if answer.status >= 300:
                raise urllib3.exceptions.HTTPError(f"status {answer.status}")
        except urllib3.exceptions.HTTPError as error:
            self.dropped += 1
            reason = str(error).replace(self._url, self.name)
            self._log.warning("alerts_dropped", target=self.name, reason=_short(reason))
        else:
            self.sent += 1

    def settle(self) -> bool:
        """Nothing to wait for: a receiver that is away must not hold up checkpoints."""
        return True

    def state(self) -> dict[str, Any]:
        """Nothing: alerts have ids."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing: alerts have ids."""

    def close(self) -> None:
        """Send what waits, for up to ``CLOSE_SECONDS``."""
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._waiting.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(0.02)
        left = self._waiting.unfinished_tasks
        if left:
            self.dropped += left
            self._log.warning("alerts_dropped", target=self.name, reason=f"{left} were not sent")
        else:
            self._waiting.put(None)
            self._thread.join(1.0)
        self._pool.clear()


def _short(reason: str) -> str:
    """The first line; a path that an error quotes is a secret."""
    return reason.split("url: ")[0].splitlines()[0][:200].rstrip(" :(")
