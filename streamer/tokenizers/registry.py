"""The tokenizers by name, and how one is made from its name and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from streamer.config.settings import RunSettings
from streamer.errors import ConfigurationError, nearest
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.custom import custom, installed
from streamer.tokenizers.function import FunctionTokenizer
from streamer.tokenizers.phrases import PhraseTokenizer

_MAKERS = {
    "whitespace": "whitespace:WhitespaceTokenizer",
    "unicode": "unicode:UnicodeTokenizer",
    "log": "log:LogTokenizer",
    "chinese": "languages:chinese",
    "japanese": "languages:japanese",
    "korean": "languages:korean",
}


def tokenizer_of(settings: RunSettings) -> Tokenizer:
    """The tokenizer of these settings, phrases included; see :func:`open_tokenizer`."""
    tokenizer = open_tokenizer(
        settings.tokenizer,
        settings.tokenizer_option,
        stop_at_errors=settings.errors == "stop",
    )
    if not settings.phrases:
        return tokenizer
    return PhraseTokenizer(
        tokenizer,
        threshold=settings.phrases_threshold,
        min_count=settings.min_count,
        max_token_bytes=settings.max_token_bytes,
    )


def open_tokenizer(
    name: str, options: dict[str, str], *, stop_at_errors: bool = False
) -> Tokenizer:
    """The tokenizer of this name; ConfigurationError if it or an option is not known.

    An option is a keyword of what makes the tokenizer, its value text as users write it. With
    ``stop_at_errors`` a function that fails for a record raises SourceError.
    """
    if name not in _MAKERS:
        if ":" not in name and name not in (names := [*_MAKERS, *installed()]):
            raise ConfigurationError(
                f"--tokenizer: unknown name {name!r}{nearest(name, names)}"
                " (your own: module:function)"
            )
        tokenizer: Tokenizer = custom(name, options)
    else:
        make = _maker(name)
        tokenizer = make(**_keywords(name, make, options))
    if isinstance(tokenizer, FunctionTokenizer):
        tokenizer.stop_at_errors = stop_at_errors
    return tokenizer


def option_names(name: str) -> list[str] | None:
    """The options of a tokenizer; None for a function of the user, which checks its own."""
    return list(inspect.signature(_maker(name)).parameters) if name in _MAKERS else None


def _maker(name: str) -> Callable[..., Tokenizer]:
    module, _, maker = _MAKERS[name].partition(":")
    make: Callable[..., Tokenizer] = getattr(import_module(f"streamer.tokenizers.{module}"), maker)
    return make


def _keywords(name: str, make: Callable[..., Any], options: dict[str, str]) -> dict[str, Any]:
    parameters = inspect.signature(make).parameters
    keywords: dict[str, Any] = {}
    for key, text in options.items():
        if key not in parameters:
            known = list(parameters)
            hint = nearest(key, known) if known else "; it has none"
            raise ConfigurationError(
                f"--tokenizer-option: tokenizer {name} has no option {key!r}{hint}"
            )
        is_flag = isinstance(parameters[key].default, bool)
        keywords[key] = _truth(key, text) if is_flag else text
    return keywords


def _truth(key: str, text: str) -> bool:
    truths = {"true": True, "yes": True, "on": True, "1": True}
    truths |= {"false": False, "no": False, "off": False, "0": False}
    if text.lower() not in truths:
        raise ConfigurationError(f"--tokenizer-option: {key} is on or off, not {text!r}")
    return truths[text.lower()]
