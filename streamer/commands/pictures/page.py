"""A picture as one HTML page: search, zoom, light and dark; nothing is loaded from elsewhere."""

from __future__ import annotations

import html
from importlib import resources
from pathlib import Path

from streamer.commands.pictures.picture import LAYOUT_ID, Picture, labels, layout_json, script_json
from streamer.controls import shown

_FOLDER = Path(str(resources.files("streamer.commands.pictures"))) / "page"


def page(picture: Picture) -> str:
    """The whole page."""
    details = {
        "labels": labels(picture),
        "details": list(picture.details),
        "starts": picture.starts.round(6).tolist(),
        "clusters": [
            {"name": shown(", ".join(c.name)), "x": round(c.x, 6), "y": round(c.y, 6)}
            for c in picture.clusters
        ],
    }
    parts = {
        "TITLE": html.escape(shown(picture.title)),
        "STYLE": _part("page.css"),
        "SCRIPT": _part("page.js"),
        "LAYOUT_ID": LAYOUT_ID,
        "LAYOUT": layout_json(picture.layout),
        "DETAILS": script_json(details),
    }
    # Split, not replaced one by one: a word of the stream may look like a place to fill.
    pieces = _part("page.html").split("%%")
    pieces[1::2] = [parts[name] for name in pieces[1::2]]
    return "".join(pieces)


def _part(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")
