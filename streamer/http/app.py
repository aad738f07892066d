"""What each path of the HTTP server answers, and who may ask."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.errors import nearest
from streamer.http.encoding import to_json
from streamer.http.feed import Feed
from streamer.http.mute import MAX_MUTE_BYTES, MUTE, Mute
from streamer.http.openapi import QUESTIONS, description, method_of
from streamer.http.page import page_routes
from streamer.http.question import Question
from streamer.http.search import Search
from streamer.telemetry.families import FAMILIES, PREFIX
from streamer.telemetry.health import Health

_HEALTH_CHECKS = ("/healthz", "/readyz")
"""Paths that need no token, like the page's own files: the page asks for it."""

PACKED_BYTES = 20_000
"""Longer answers are packed for clients that take that: a map is."""


_CLOSE = {"Connection": "close"}

Asked = TypeVar("Asked", bound=BaseModel)


class JSONResponse(Response):
    """JSON with a line feed behind it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The content as bytes."""
        return to_json(content) + b"\n"


@dataclass(frozen=True)
class Parts:
    """What the answers come from."""

    registry: CollectorRegistry
    health: Health
    search: Search
    feed: Feed
    version: str
    token: str | None = None
    mute: Callable[[str, bool], bool] | None = None
    """Mutes a kind of alerts, or not; False if there is no such kind."""
    is_local: bool = False
    """Whether only this machine can reach the server; other names for it are refused then."""


def make_app(parts: Parts) -> ASGIApp:
    """The server's application."""
    page = page_routes()
    routes = [
        *page,
        Route("/v1/events", _follow(parts.feed, parts.search), methods=["GET"]),
        Route("/metrics", _metrics(parts.registry), methods=["GET"]),
        Route("/healthz", _alive(parts.health), methods=["GET"]),
        Route("/readyz", _ready(parts.health), methods=["GET"]),
        Route(MUTE, _mute(parts.mute), methods=["POST"]),
        Route("/openapi.json", _describe(parts.version), methods=["GET"]),
        *(
            Route(path, _ask(parts.search, question), methods=[method_of(question)])
            for path, question in QUESTIONS.items()
        ),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _failed})
    is_open = {*_HEALTH_CHECKS, *(route.path for route in page)}
    return Guard(app, parts, {route.path for route in routes}, is_open)


Handler = Callable[[Request], Awaitable[Response]]


def _metrics(registry: CollectorRegistry) -> Handler:
    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    return metrics


def _alive(health: Health) -> Handler:
    async def alive(_request: Request) -> Response:
        is_alive = health.is_alive()
        return JSONResponse({"alive": is_alive}, 200 if is_alive else 503)

    return alive


def _ready(health: Health) -> Handler:
    async def ready(_request: Request) -> Response:
        problems = [asdict(problem) for problem in health.problems()]
        return JSONResponse({"ready": not problems, "problems": problems}, 503 if problems else 200)

    return ready


def _describe(version: str) -> Handler:
    async def describe(_request: Request) -> Response:
        return JSONResponse(description(version))

    return describe


def _ask(search: Search, question: type[Question]) -> Handler:
    async def ask(request: Request) -> Response:
        asked = await (_posted if question.max_body_bytes else _parsed)(question, request)
        found = await search.ask(asked, request.is_disconnected)
        answer = Response(found, media_type=JSONResponse.media_type)
        if len(answer.body) > PACKED_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
            answer.body = await asyncio.to_thread(gzip.compress, answer.body, 1)
            answer.headers["Content-Encoding"] = "gzip"
            answer.headers["Content-Length"] = str(len(answer.body))
        return answer

    return ask


def _follow(feed: Feed, search: Search) -> Handler:
    async def follow(request: Request) -> Response:
        if feed.is_full:
            raise HTTPException(503, "too many pages are open", {"Retry-After": "60"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if request.method == "HEAD":  # has no body, so no end of it to wait for
            return Response(headers=headers, media_type="text/event-stream")
        return StreamingResponse(feed.events(search.prepare), 200, headers, "text/event-stream")

    return follow


def _mute(mute: Callable[[str, bool], bool] | None) -> Handler:
    async def answer(request: Request) -> Response:
        asked = await _posted(Mute, request)
        if mute is None or not mute(asked.kind_id, asked.muted):
            raise HTTPException(404, "there is no such kind of alerts")
        return JSONResponse({"kind_id": asked.kind_id, "muted": asked.muted})

    return answer


async def _posted(question: type[Asked], request: Request) -> Asked:
    """The question in a request's body, of which :class:`Guard` bounds the size."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "the body must be application/json")
    body = await request.body()
    return _valid(question, lambda: question.model_validate_json(body))


async def _parsed(question: type[Question], request: Request) -> Question:
    """The question that a request's parameters ask."""
    given: dict[str, Any] = {}
    for name, values in request.query_params.multi_items():
        given.setdefault(name, []).append(values)
    for name, values in given.items():
        if name not in question.repeated():
            given[name] = values[0] if len(values) == 1 else values
    return _valid(question, lambda: question.model_validate(given))


def _valid(question: type[BaseModel], validate: Callable[[], Asked]) -> Asked:
    """The question; HTTPException 400 names what is wrong with it."""
    try:
        return validate()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(map(str, first["loc"])) or "body"
        reason = first["msg"].lower()
        if first["type"] == "extra_forbidden":
            reason = "unknown parameter" + nearest(name, list(question.model_fields))
        raise HTTPException(400, f"{name}: {reason}") from error


async def _failed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 for mypy: registered for this one
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


def is_local_name(host: bytes) -> bool:
    """Whether a Host header is empty, localhost or an address, with or without a port.

    Any other name is a foreign page's that leads to this machine, to read what is for it alone.
    """
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(:[0-9]*)?", host.decode("latin-1"))
    if found is None or found[1] in ("", "localhost"):
        return found is not None
    try:
        return bool(ipaddress.ip_address(found[1].strip("[]")))
    except ValueError:
        return False


class Guard:
    """In front of all: counts requests, asks for the token, and refuses bodies unread.

    Only paths of questions that are posted take a body, and none that is too large.
    """

    def __init__(self, app: ASGIApp, parts: Parts, paths: set[str], is_open: set[str]) -> None:
        self._app = app
        self._max_body_bytes = {path: asked.max_body_bytes for path, asked in QUESTIONS.items()}
        self._max_body_bytes[MUTE] = MAX_MUTE_BYTES
        self._paths = paths
        self._open = is_open
        self._is_local = parts.is_local
        self._authorization = None if parts.token is None else f"Bearer {parts.token}".encode()
        family = FAMILIES["http_requests"]
        self._requests = Counter(
            PREFIX + family.name, family.help, list(family.labels), registry=parts.registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"] if scope["path"] in self._paths else "other"

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.labels(path, message["status"]).inc()
            await send(message)

        refusal = self._refusal(path, dict(scope["headers"]))
        await (refusal or self._app)(scope, receive, counted)

    def _refusal(self, path: str, headers: dict[bytes, bytes]) -> Response | None:
        if self._is_local and not is_local_name(headers.get(b"host", b"")):
            return JSONResponse({"error": "ask for localhost or an address"}, 421, _CLOSE)
        if self._authorization is not None and path not in self._open:
            given = headers.get(b"authorization", b"")
            if not secrets.compare_digest(given, self._authorization):
                wanted = {"WWW-Authenticate": "Bearer", **_CLOSE}
                return JSONResponse({"error": "a bearer token is needed"}, 401, wanted)
        max_bytes = self._max_body_bytes.get(path, 0)
        if int(headers.get(b"content-length", b"0")) > max_bytes or b"transfer-encoding" in headers:
            # Closing the connection is cheaper than reading what nobody asked for.
            taken = f"at most {max_bytes:,} bytes, with their length" if max_bytes else "no body"
            return JSONResponse({"error": f"{taken} is accepted"}, 413, _CLOSE)
        return None
