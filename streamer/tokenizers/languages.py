"""Languages that are written without spaces, or that join words: Chinese, Japanese, Korean.

Each has a library of its own, an extra of the distribution. Tokens without a letter or digit are
dropped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from streamer.errors import ConfigurationError, nearest
from streamer.tokenizers.base import identity_of
from streamer.tokenizers.function import FunctionTokenizer, is_word
from w2v_online.errors import FileFormatError
from w2v_online.reading.compressed import open_plain

_PIECE_CHARACTERS = 12_000
"""Sudachi accepts at most 49,149 bytes, and a character has at most four."""

_SENTENCE_ENDS = "\u3002\uff01\uff1f.!? "


def chinese(*, dictionary: str = "") -> FunctionTokenizer:
    """Words by rjieba, with its model for unknown ones; ``dictionary`` names a file of more words.

    The file has one word per line; anything after a space is ignored. It may be in UTF-16.
    """
    rjieba = _library("rjieba", "chinese")
    segmenter = rjieba.Jieba()
    digest = ""
    if dictionary:
        data, text = _read(dictionary)
        digest = hashlib.sha256(data).hexdigest()[:16]
        for line in text.decode(errors="replace").splitlines():
            if words := line.split():
                segmenter.add_word(words[0], None, None)
    identity = identity_of("chinese", f"rjieba-{version('rjieba')}", dictionary=digest or "own")

    def split(line: str) -> list[str]:
        return [token for token in segmenter.cut(line) if is_word(token)]

    return FunctionTokenizer(split, identity)


def japanese(*, mode: str = "C", dictionary: str = "core") -> FunctionTokenizer:
    """Words by SudachiPy, short (mode A) to long (C), by its small, core or full dictionary."""
    sudachipy = _library("sudachipy", "japanese")
    modes = {name: getattr(sudachipy.SplitMode, name) for name in "ABC"}
    if mode.upper() not in modes:
        raise ConfigurationError(f"--tokenizer-option: mode is A, B or C, not {mode!r}")
    names = ["small", "core", "full"]
    if dictionary not in names:
        raise ConfigurationError(
            f"--tokenizer-option: there is no dictionary {dictionary!r}{nearest(dictionary, names)}"
        )
    package = f"sudachidict_{dictionary}"
    _library(package, "japanese" if dictionary == "core" else package)
    segmenter = sudachipy.Dictionary(dict=dictionary).tokenizer(mode=modes[mode.upper()])
    identity = identity_of(
        "japanese",
        f"sudachipy-{version('sudachipy')}",
        mode=mode.lower(),
        dictionary=f"{dictionary}-{version(package)}",
    )

    def split(line: str) -> list[str]:
        found = (token.surface() for piece in _pieces(line) for token in segmenter.tokenize(piece))
        return [token for token in found if is_word(token)]

    return FunctionTokenizer(split, identity)


def korean() -> FunctionTokenizer:
    """Morphemes by Kiwi."""
    kiwipiepy = _library("kiwipiepy", "korean")
    segmenter = kiwipiepy.Kiwi(num_workers=1)
    model = version("kiwipiepy_model")
    identity = identity_of("korean", f"kiwipiepy-{version('kiwipiepy')}", model=model)

    def split(line: str) -> list[str]:
        found = (token.form for piece in _pieces(line) for token in segmenter.tokenize(piece))
        return [token for token in found if is_word(token)]

    return FunctionTokenizer(split, identity)


def _library(name: str, extra: str) -> Any:
    """Import a library; ConfigurationError with the command to install it if it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        wanted = extra if extra == name else f"'w2v-stream[{extra}]'"
        raise ConfigurationError(
            f"--tokenizer needs {name}, which is not installed: pip install {wanted}"
        ) from error


def _read(path: str) -> tuple[bytes, bytes]:
    """A file as it is, and its text in UTF-8, of which it may be another encoding, compressed."""
    try:
        data = Path(path).read_bytes()
        with open_plain(Path(path)) as (_, file):
            return data, file.read()
    except FileFormatError as error:
        raise ConfigurationError(f"--tokenizer-option: dictionary {error}") from error
    except OSError as error:
        raise ConfigurationError(
            f"--tokenizer-option: dictionary {path} cannot be read: {error.strerror}"
        ) from error


def _pieces(line: str) -> Iterator[str]:
    """A line, cut after ends of sentences if it is too long for a library."""
    while len(line) > _PIECE_CHARACTERS:
        end = 1 + max(line.rfind(mark, 0, _PIECE_CHARACTERS) for mark in _SENTENCE_ENDS)
        end = end or _PIECE_CHARACTERS
        yield line[:end]
        line = line[end:]
    yield line
