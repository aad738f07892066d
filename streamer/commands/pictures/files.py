"""Pictures as files, HTML or PNG by the end of the name, and the layout that one of them keeps."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from streamer.commands.pictures import page, png
from streamer.commands.pictures.picture import LAYOUT_ID, Picture
from w2v_online.analysis.layout import Layout
from w2v_online.errors import ExportError
from w2v_online.output import is_plain, whole_file


def write_picture(picture: Picture, path: Path) -> None:
    """Write HTML, or PNG where the name ends in .png.

    Raises ExportError if a library is missing, or the file cannot be written.
    """
    try:
        with whole_file(path) as file:
            if path.suffix == ".png":
                png.draw(picture, file)
            else:
                file.write(page.page(picture).encode())
    except ImportError as error:
        raise ExportError(
            f"a {path.suffix} picture needs {error.name}: pip install 'w2v-stream[pictures]'"
        ) from error
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error


def read_layout(path: Path) -> Layout | None:
    """The layout inside a picture that was written before; None if there is none."""
    if not is_plain(path):
        return None  # a device never ends, and a pipe waits
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
