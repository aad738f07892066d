"""Bytes as they lie in a file or come through a pipe to the UTF-8 text that is in them.

What they are is told by how they begin: compressed, in UTF-16 or UTF-32, text already, or no text
at all. A layer below may be another one: UTF-16 in a gzip file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from streamer.errors import SourceError
from streamer.text.compression import Decompressor, RefusedError, format_of, refusal
from streamer.text.encoding import Transcoder, encoding_of, is_undecided

_MAX_LAYERS = 4
"""More are a mistake, or a bomb."""


class Layers:
    """Takes off what lies around text, as it comes.

    ``problem`` says why nothing more will come of it although more may be fed, empty if all is
    well.
    """

    def __init__(self, depth: int = 0) -> None:
        self._depth = depth
        self._head: bytes | None = b""
        self._decompressor: Decompressor | None = None
        self._below: Layers | None = None
        self._transcoder: Transcoder | None = None

    @property
    def problem(self) -> str:
        """What is wrong with what came so far."""
        if self._decompressor is None or self._below is None:
            return ""
        return self._decompressor.problem or self._below.problem

    @property
    def incomplete(self) -> str:
        """What is wrong if nothing more comes."""
        if self._decompressor is None or self._below is None:
            return ""
        return self._decompressor.end_problem() or self._below.incomplete

    @property
    def is_plain(self) -> bool:
        """Whether this is text as it is."""
        return self._head is None and self._decompressor is None and self._transcoder is None

    def feed(self, data: bytes) -> bytes:
        """Take in the next bytes; return the text that is known of them. Raises RefusedError."""
        if self._head is not None:
            data = self._head + data
            if is_undecided(data):
                self._head = data
                return b""
            self._decide(data)
        return self._through(data)

    def end(self) -> tuple[bytes, str]:
        """Nothing more comes: the rest of the text, and what is wrong, empty if nothing is."""
        rest = b""
        if self._head:
            data = self._head
            self._decide(data)
            rest = self._through(data)
        if self._decompressor is None or self._below is None:
            return rest, ""
        below, problem = self._below.end()
        return rest + below, self._decompressor.end_problem() or problem

    def _decide(self, head: bytes) -> None:
        self._head = None
        found = format_of(head)
        if found is not None:
            if found.make is None or self._depth == _MAX_LAYERS:
                raise RefusedError(refusal(found))
            self._decompressor = Decompressor(found)
            self._below = Layers(self._depth + 1)
        elif encoding := encoding_of(head):
            self._transcoder = Transcoder(encoding)

    def _through(self, data: bytes) -> bytes:
        if self._transcoder is not None:
            return self._transcoder.feed(data)
        if self._decompressor is not None and self._below is not None:
            return self._below.feed(self._decompressor.feed(data))
        return data


def text_pieces(read: Callable[[], bytes], name: str) -> Iterator[bytes]:
    """The text of what ``read`` gives until it gives nothing, a piece at a time, as it comes.

    Raises SourceError, which calls it ``name``, if it is no text or damaged; what came before the
    damage was given.
    """
    layers = Layers()
    try:
        for data in iter(read, b""):
            yield layers.feed(data)
            if layers.problem:
                break
        rest, problem = layers.end()
    except RefusedError as error:
        raise SourceError(f"{name} {error}") from error
    yield rest
    if problem := layers.problem or problem:
        raise SourceError(f"{name} is damaged: {problem}")
