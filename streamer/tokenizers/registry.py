"""Which tokenizers there are, and how one is made from its name and options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from streamer.errors import ConfigurationError, nearest
from streamer.tokenizers.base import Tokenizer

_CLASSES = {
    "whitespace": "streamer.tokenizers.whitespace:WhitespaceTokenizer",
    "unicode": "streamer.tokenizers.unicode:UnicodeTokenizer",
    "log": "streamer.tokenizers.log:LogTokenizer",
}

NAMES = tuple(_CLASSES)


def open_tokenizer(name: str, options: dict[str, str]) -> Tokenizer:
    """The tokenizer of this name; ConfigurationError if it or an option is not known.

    An option is a keyword of the tokenizer's class, its value text as users write it.
    """
    if name not in _CLASSES:
        raise ConfigurationError(f"--tokenizer: unknown name {name!r}{nearest(name, list(NAMES))}")
    module, _, function = _CLASSES[name].partition(":")
    make: Callable[..., Tokenizer] = getattr(import_module(module), function)
    return make(**_keywords(name, make, options))


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
