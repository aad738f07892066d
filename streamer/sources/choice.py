"""Which source a run reads: the one that is named, or the one that other options belong to."""

from __future__ import annotations

from typing import Any

from streamer.sources.base import SourceKind
from streamer.sources.registry import KINDS
from streamer.sources.settings import SourceSettings
from streamer.sources.shared import SharedKind


def kind_of(settings: SourceSettings) -> SourceKind[Any]:
    """The kind of the source that the settings choose."""
    return KINDS[settings.source]


def shared_kind_of(settings: SourceSettings) -> SharedKind[Any]:
    """The kind of the source of a cluster, whose settings allow no other."""
    kind = kind_of(settings)
    assert isinstance(kind, SharedKind)  # noqa: S101 for mypy: checked with the settings
    return kind


def chosen(values: dict[str, Any]) -> dict[str, Any]:
    """Values as they were given, with the source that follows from them unless one is named.

    Raises ValueError if they name several, or what another source than theirs reads.
    """
    source = values.get("source")
    named = [name for name, kind in KINDS.items() if kind.is_named(values)]
    if source in KINDS:
        for kind in (KINDS[name] for name in named if name != source):
            raise ValueError(
                f"--source {source} reads no {kind.noun}: leave out --source or {kind.given_by}"
            )
    if source is not None:
        return values
    if len(named) > 1:
        raise ValueError(f"a run reads one source: give {ways()}, not several")
    meant = named or [name for name, kind in KINDS.items() if kind.is_hinted(values)] or ["stdin"]
    return KINDS[meant[0]].completed({**values, "source": meant[0]})


def ways(kinds: type = SourceKind) -> str:
    """How sources are chosen, of these kinds only: ``FILE, --kafka-topic or --redis-stream``."""
    names = [k.given_by for k in KINDS.values() if isinstance(k, kinds) and k.given_by]
    return " or ".join(", ".join(names).rsplit(", ", 1))
