"""The sources, by the name that ``--source`` and manifests have for them: a line for each.

A source is the folder of its name; its module ``kind`` has a :class:`SourceKind` as ``KIND``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

from pydantic import create_model

from streamer.sources.base import SourceKind
from streamer.sources.settings import SourceSettings

NAMES = (
    "file",
    "stdin",
    "kafka",
    "redis",
)

KINDS: dict[str, SourceKind[Any]] = {
    name: import_module(f"streamer.sources.{name}.kind").KIND for name in NAMES
}


def source_options() -> type[SourceSettings]:
    """The settings of all sources as one class, with ``source`` as a choice of their names."""
    bases = tuple(kind.settings for kind in reversed(KINDS.values()))
    names: Any = Literal[NAMES]
    source = (names, SourceSettings.model_fields["source"])
    return create_model("SourceOptions", __base__=bases, source=source)
