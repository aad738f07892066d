"""A place in a file: where the next record begins, and how to know the file again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError
from streamer.sources.file.names import path_from_text
from streamer.text.origins import UNKNOWN_LINES


@dataclass(frozen=True)
class Mark:
    """A place in a file: the next record begins at ``offset``, ``read_bytes`` were looked at.

    ``path`` is where the file was last seen. With ``is_aside`` it is not one of those that hold a
    log one after the other: it was read to its end before, or came from somewhere else. ``bytes``
    is the size of a file that was read to its end, else -1. ``lines`` are the line feeds in what
    was looked at, -1 if they were not counted. ``first_inode`` is that of the file in which the
    text was first read, which a copy or a compressed file does not have; records are known by it.
    """

    device: int
    inode: int
    offset: int
    read_bytes: int
    checksum: int
    modified_ns: int
    path: str = ""
    is_aside: bool = False
    bytes: int = -1
    lines: int = UNKNOWN_LINES
    first_inode: int = -1

    def __post_init__(self) -> None:
        if self.first_inode == -1:  # in positions of versions that did not remember it
            object.__setattr__(self, "first_inode", self.inode)

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode

    @property
    def file(self) -> Path:
        """Where the file was last seen."""
        return path_from_text(self.path)

    def to_json(self) -> dict[str, Any]:
        """The mark as it stands in a manifest."""
        return dict(vars(self))

    @classmethod
    def from_json(cls, document: Any) -> Mark:
        """The reverse; ValueError or TypeError if it is none."""
        mark = cls(**document)
        numbers = (mark.device, mark.inode, mark.offset, mark.read_bytes, mark.modified_ns)
        for value in (*numbers, mark.checksum, mark.first_inode):
            if type(value) is not int or value < 0:
                raise ValueError("a file's position must consist of whole numbers")
        others = (mark.path, mark.is_aside, mark.bytes, mark.lines)
        if tuple(map(type, others)) != (str, bool, int, int):
            raise ValueError("a file's position must consist of a path, a flag and whole numbers")
        return mark


def marks_of(position: dict[str, Any]) -> dict[Path, list[Mark]]:
    """Marks by the path of their log, as a checkpoint holds them. Raises ConfigurationError."""
    try:
        return {
            path_from_text(path): [Mark.from_json(mark) for mark in marks]
            for path, marks in position.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the snapshot's position in files cannot be used: {error}"
        ) from error
