"""A picture of words in two dimensions, and the layout that a file of it keeps for the next one.

Knows positions and labels, nothing of vectors. Words are shown as text, whatever they contain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.commands.tables import shown
from w2v_online.analysis.clusters import Cluster
from w2v_online.analysis.layout import Layout
from w2v_online.errors import ExportError
from w2v_online.output import whole_file

LAYOUT_ID = "w2v-stream-layout"


@dataclass(frozen=True)
class Picture:
    """Points with labels, the most important first; the first of them may have come from elsewhere.

    ``details`` says something of each word. ``starts``, float64[m, 2], are where the first m words
    were before: arrows lead from there. ``clusters`` are named parts.
    """

    title: str
    layout: Layout
    details: Sequence[str]
    starts: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    clusters: Sequence[Cluster] = ()


def write_picture(picture: Picture, path: Path) -> None:
    """Write HTML or PNG, by the end of the name. ExportError: a library is missing, or the disk."""
    from streamer.commands.pictures import page, png

    if path.suffix not in (".html", ".png"):
        raise ExportError(f"{path} is neither .html nor .png")
    try:
        with whole_file(path) as file:
            if path.suffix == ".html":
                file.write(page.page(picture).encode())
            else:
                png.draw(picture, file)
    except ImportError as error:
        raise ExportError(
            f"a {path.suffix} picture needs {error.name}: pip install 'w2v-stream[pictures]'"
        ) from error
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error


def read_layout(path: Path) -> Layout | None:
    """The layout inside a picture that was written before; None if there is none."""
    try:
        if path.suffix == ".png":
            from PIL import Image

            with Image.open(path) as image:
                document = json.loads(image.info[LAYOUT_ID])
        else:
            pattern = rf'<script type="application/json" id="{LAYOUT_ID}">(.*?)</script>'
            found = re.search(pattern, path.read_text("utf-8"), re.DOTALL)
            document = json.loads(found[1] if found else "")
        positions = np.array(document["positions"], np.float64)
        words = [str(word) for word in document["words"]]
    except (ImportError, OSError, ValueError, KeyError, TypeError):
        return None
    return Layout(words, positions) if positions.shape == (len(words), 2) else None


def layout_json(layout: Layout) -> str:
    """The layout as :func:`read_layout` reads it, for a script element or a PNG's text."""
    return script_json({"words": layout.words, "positions": np.round(layout.positions, 6).tolist()})


def script_json(document: Any) -> str:
    """JSON for a script element: no "<" may stand in one, and JSON can say it otherwise."""
    return json.dumps(document, separators=(",", ":")).replace("<", "\\u003c")


def labels(picture: Picture) -> list[str]:
    """The words as they can be shown."""
    return [shown(word) for word in picture.layout.words]
