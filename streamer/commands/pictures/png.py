"""A picture as PNG, which the words fill, with as many names as have room."""

from __future__ import annotations

import warnings
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from streamer.commands.pictures.picture import LAYOUT_ID, Picture, labels, layout_json
from streamer.controls import shown

_WIDTH_INCHES, _DOTS_PER_INCH = 14, 150

_HEIGHTS = (0.5, 1.2)
"""Of the picture, in widths: a layout that is longer or flatter is stretched."""

_TITLE_INCHES = 0.5
_MARGIN = 0.03
_MOST_NAMES = 500
_TRIED_NAMES = 4000

_RAMP = ("#a9b9d2", "#3f78dd", "#8a1c9c")
"""Colours of points, rare to frequent, as on the page."""

_WIDE_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Unifont")


def draw(picture: Picture, file: IO[bytes]) -> None:
    """Write the PNG; its text ``LAYOUT_ID`` is the layout. ImportError without matplotlib."""
    from matplotlib import font_manager, rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    installed = set(font_manager.get_font_names())
    fonts = ["DejaVu Sans", *(font for font in _WIDE_FONTS if font in installed)]
    positions = picture.layout.positions
    low, high = _bounds(np.concatenate([positions, picture.starts]))
    height = _WIDTH_INCHES * float(np.clip((high - low)[1] / (high - low)[0], *_HEIGHTS))
    with rc_context({"font.family": fonts}), warnings.catch_warnings():
        # A script that no installed font has is drawn as boxes; the HTML page shows it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure = Figure(figsize=(_WIDTH_INCHES, height + _TITLE_INCHES), dpi=_DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, height / (height + _TITLE_INCHES)))
        axes.axis("off")
        axes.set_xlim(low[0], high[0])
        axes.set_ylim(low[1], high[1])
        middle = 1 - _TITLE_INCHES / 2 / (height + _TITLE_INCHES)
        title = shown(picture.title)  # names files, which may be no text
        figure.text(0.01, middle, title, fontsize=14, weight="bold", va="center", parse_math=False)
        moved = len(picture.starts)
        colors: Any = np.linspace(1, 0, len(positions))  # words come in the order of counts
        if moved:
            colors = ["#c2410c" if i < moved else "#8794a8" for i in range(len(positions))]
        ramp = LinearSegmentedColormap.from_list("counts", _RAMP)
        axes.scatter(
            positions[:, 0], positions[:, 1], s=9, c=colors, cmap=ramp, alpha=0.8, linewidths=0
        )
        for end, start in zip(positions, picture.starts, strict=False):
            arrow: dict[str, Any] = {"arrowstyle": "->", "color": "#c2410c", "alpha": 0.7}
            axes.annotate("", xy=tuple(end), xytext=tuple(start), arrowprops=arrow)
        _write_names(picture, axes, canvas.get_renderer())  # type: ignore[no-untyped-call]
        figure.savefig(file, format="png", metadata={LAYOUT_ID: layout_json(picture.layout)})


def _bounds(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = points.min(axis=0), points.max(axis=0)
    margin = _MARGIN * np.maximum(high - low, 1e-9)
    return low - margin, high + margin


def _write_names(picture: Picture, axes: Any, renderer: Any) -> None:
    """Names that lie inside the picture and not on each other: moved words, parts, then the rest.

    Measured as they are drawn; letters of some scripts are twice as wide as others.
    """
    from matplotlib.patheffects import withStroke

    moved = len(picture.starts)
    names = [
        (word, position, "#c2410c" if i < moved else "#15202e", 8)
        for i, (word, position) in enumerate(
            zip(labels(picture), picture.layout.positions, strict=True)
        )
    ]
    parts = [(shown(", ".join(c.name)), (c.x, c.y), "#7e22ce", 10) for c in picture.clusters]
    taken = np.empty((0, 4))
    inside = axes.get_window_extent(renderer).extents
    for text, (x, y), color, size in [*names[:moved], *parts, *names[moved:_TRIED_NAMES]]:
        label = axes.annotate(
            text,
            (x, y),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=size,
            weight="bold" if size > 8 else "normal",
            color=color,
            ha="center",
            va="bottom",
            parse_math=False,
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
        x0, y0, x1, y1 = label.get_window_extent(renderer).extents
        is_free = not (
            (taken[:, 0] < x1) & (x0 < taken[:, 2]) & (taken[:, 1] < y1) & (y0 < taken[:, 3])
        ).any()
        is_inside = inside[0] <= x0 and inside[1] <= y0 and x1 <= inside[2] and y1 <= inside[3]
        if not (is_free and is_inside):
            label.remove()
            continue
        taken = np.concatenate([taken, [[x0, y0, x1, y1]]])
        if len(taken) >= _MOST_NAMES:
            break
