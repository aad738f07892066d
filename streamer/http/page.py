"""The live page's own files: what a browser is given, and what it is allowed to do with it.

The page is the same for everyone and holds nothing of the stream; what it shows it asks for, with
the token if one is needed. Everything comes from here, and scripts only from files.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from functools import cache
from importlib import resources
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_FOLDER = Path(str(resources.files("streamer.http"))) / "page"
_CHARTS = "plotly.min.js"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types charts",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""A browser that obeys these runs no script but the page's files and speaks to nobody else."""


def page_routes() -> list[Route]:
    """The page and its files, each at a path of its own."""
    names = {path.name for path in _FOLDER.iterdir() if path.suffix in _TYPES} | {_CHARTS}
    return [
        Route("/", _serve, methods=["GET"]),
        *(Route(f"/page/{name}", _serve, methods=["GET"]) for name in sorted(names)),
    ]


async def _serve(request: Request) -> Response:
    name = request.url.path.rpartition("/")[2] or "index.html"
    # In a thread: the charts' script is megabytes, and others are being answered.
    body, packed, tag = await asyncio.to_thread(_file, name)
    headers = {**HEADERS, "ETag": tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = packed, "gzip"
    return Response(body, headers={**headers, "Content-Type": _TYPES[Path(name).suffix]})


@cache
def _file(name: str) -> tuple[bytes, bytes | None, str]:
    """A file, the same packed if that is worth it, and a tag that changes when the file does."""
    body = _charts() if name == _CHARTS else (_FOLDER / name).read_bytes()
    if name == "index.html":
        body = body.replace(b"<!-- charts -->", _placeholders(_charts()))
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return body, gzip.compress(body, 6, mtime=0) if len(body) > 1024 else None, tag


def _charts() -> bytes:
    """Plotly's script: the copy that an installation makes, in a mere checkout plotly's own."""
    if (_FOLDER / _CHARTS).exists():
        return (_FOLDER / _CHARTS).read_bytes()
    return (Path(str(resources.files("plotly"))) / "package_data" / _CHARTS).read_bytes()


def _placeholders(script: bytes) -> bytes:
    """Elements that keep plotly from adding inline styles, which the policy would refuse.

    Its maps, which the page has none of, add theirs unless an element has the id of them.
    """
    ids = re.findall(rb'getElementById\("([0-9a-f]{64})"\)', script)
    return b"".join(b'<meta name="charts" id="%s">' % found for found in dict.fromkeys(ids))
