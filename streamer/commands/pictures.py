"""Maps and movements as pictures: HTML to zoom into (plotly inside, works offline) and PNG.

A map keeps its layout inside the file, so the next one written there can be laid over it. Knows
positions and labels, nothing of vectors. Words are shown as text, whatever they contain.
"""

from __future__ import annotations

import html
import json
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from streamer.commands.tables import shown
from w2v_online.analysis.layout import Layout
from w2v_online.errors import ExportError
from w2v_online.output import whole_file

_LAYOUT_ID = "w2v-stream-layout"
_INCHES, _DOTS_PER_INCH = 14, 150

_WIDE_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Unifont")


@dataclass(frozen=True)
class Picture:
    """Points with labels; the first ``len(starts)`` have an arrow from where they were."""

    title: str
    layout: Layout
    details: Sequence[str]
    """What is shown of each word beside its name."""
    starts: NDArray[np.float64] | None = None


def write_picture(picture: Picture, path: Path) -> None:
    """Write HTML or PNG, by the end of the name. ExportError: a library is missing, or the disk."""
    if path.suffix not in (".html", ".png"):
        raise ExportError(f"{path} is neither .html nor .png")
    try:
        with whole_file(path) as file:
            if path.suffix == ".html":
                file.write(_html(picture).encode())
            else:
                _draw(picture, file)
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
                document = json.loads(image.info[_LAYOUT_ID])
        else:
            pattern = rf'<script type="application/json" id="{_LAYOUT_ID}">(.*?)</script>'
            found = re.search(pattern, path.read_text("utf-8"), re.DOTALL)
            document = json.loads(found[1] if found else "")
        positions = np.array(document["positions"], np.float64)
        words = [str(word) for word in document["words"]]
    except (ImportError, OSError, ValueError, KeyError, TypeError):
        return None
    return Layout(words, positions) if positions.shape == (len(words), 2) else None


def _layout_json(layout: Layout) -> str:
    document = {"words": layout.words, "positions": np.round(layout.positions, 6).tolist()}
    # No "<" may stand in a script element; JSON can say it otherwise.
    return json.dumps(document).replace("<", "\\u003c")


def _html(picture: Picture) -> str:
    import plotly.graph_objects as go

    x, y = picture.layout.positions.T
    labels = [html.escape(shown(word)) for word in picture.layout.words]
    readable = set(_readable(picture.layout.positions))
    few = [label if i in readable else "" for i, label in enumerate(labels)]
    hover = [
        f"<b>{label}</b><br>{html.escape(detail)}"
        for label, detail in zip(labels, picture.details, strict=True)
    ]
    points = go.Scatter(
        x=x,
        y=y,
        mode="markers+text",
        text=few,
        textposition="top center",
        textfont={"size": 11},
        marker={"size": 5, "opacity": 0.6},
        hovertext=hover,
        hoverinfo="text",
    )
    starts = _starts(picture)
    ends = go.Scatter(x=starts[:, 0], y=starts[:, 1], mode="markers", opacity=0, hoverinfo="skip")
    figure = go.Figure([points, ends])  # the latter so that all arrows are inside
    for end, start in zip(picture.layout.positions, starts, strict=False):
        figure.add_annotation(
            x=end[0],
            y=end[1],
            ax=start[0],
            ay=start[1],
            xref="x",
            yref="y",
            axref="x",
            ayref="y",
            text="",
            arrowhead=3,
            arrowcolor="firebrick",
        )
    figure.update_layout(
        title=html.escape(picture.title),
        dragmode="pan",
        template="plotly_white",
        hovermode="closest",
        showlegend=False,
        xaxis={"visible": False},
        yaxis={"visible": False, "scaleanchor": "x"},
        updatemenus=[
            {
                "type": "buttons",
                "direction": "right",
                "x": 1,
                "xanchor": "right",
                "y": 1.08,
                "buttons": [
                    {"label": "some labels", "method": "restyle", "args": [{"text": [few]}, [0]]},
                    {"label": "all labels", "method": "restyle", "args": [{"text": [labels]}, [0]]},
                ],
            }
        ],
    )
    page: str = figure.to_html(
        include_plotlyjs=True, config={"scrollZoom": True}, default_height="96vh"
    )
    data = f'<script type="application/json" id="{_LAYOUT_ID}">{_layout_json(picture.layout)}'
    head, end, tail = page.rpartition("</body>")
    return head + data + "</script>\n" + end + tail


def _starts(picture: Picture) -> NDArray[np.float64]:
    return np.empty((0, 2)) if picture.starts is None else picture.starts


def _draw(picture: Picture, file: IO[bytes]) -> None:
    from matplotlib import font_manager, rc_context
    from matplotlib.figure import Figure

    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in _WIDE_FONTS if font in installed)]
    with rc_context({"font.family": fonts}), warnings.catch_warnings():
        # A script that no installed font has is drawn as boxes; the HTML page shows it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(_INCHES, _INCHES), dpi=_DOTS_PER_INCH, layout="tight")
        axes = figure.subplots()
        axes.set_title(picture.title, parse_math=False)
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        positions = picture.layout.positions
        axes.scatter(positions[:, 0], positions[:, 1], s=8, alpha=0.4, linewidths=0)
        starts = _starts(picture)
        axes.scatter(starts[:, 0], starts[:, 1], s=0)  # so that all arrows are inside
        for end, start in zip(positions, starts, strict=False):
            arrow: dict[str, Any] = {"arrowstyle": "->", "color": "firebrick", "alpha": 0.7}
            axes.annotate("", xy=tuple(end), xytext=tuple(start), arrowprops=arrow)
        for i in _readable(positions):
            word, (x, y) = shown(picture.layout.words[i]), positions[i]
            axes.text(x, y, word, fontsize=8, ha="center", va="bottom", parse_math=False)
        figure.savefig(file, format="png", metadata={_LAYOUT_ID: _layout_json(picture.layout)})


def _readable(positions: NDArray[np.float64]) -> list[int]:
    """Points whose labels do not lie on each other, the first ones before later ones."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    cells = (positions - low) / np.maximum(high - low, 1e-9) * (20, 60)
    taken: set[tuple[int, int]] = set()
    chosen = []
    for i, (x, y) in enumerate(cells.astype(int).tolist()):
        if not taken & {(x - 1, y), (x, y), (x + 1, y)}:
            taken.add((x, y))
            chosen.append(i)
    return chosen
