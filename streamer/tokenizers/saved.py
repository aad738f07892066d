"""The tokenizer of a snapshot, made again from its identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from streamer.errors import ConfigurationError
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.phrases import PhraseTokenizer
from streamer.tokenizers.registry import open_tokenizer, option_names
from streamer.tokenizers.whitespace import WhitespaceTokenizer
from w2v_online.config import PRETOKENIZED

_PHRASES = " phrases/"


def saved_tokenizer(
    identity: str,
    text_state: Mapping[str, NDArray[Any]],
    max_token_bytes: int,
    *,
    name: str | None,
    options: dict[str, str],
) -> Tokenizer:
    """What makes of text the tokens that a model was trained on; it learns no more phrases.

    Token lists are taken to be lines with spaces between the tokens. ConfigurationError if the
    tokenizer cannot be made, or is not the same any more; SnapshotError if its phrases are missing.

    Parameters
    ----------
    identity
        The tokenizer's, as the snapshot has it.
    text_state
        What phrases were learned from.
    max_token_bytes
        Of the model: longer phrases are not joined.
    name
        The tokenizer's name, needed if it is a function of your own: reading a snapshot must not
        run code that only the snapshot names.
    options
        Needed where an identity does not tell them, as of a dictionary.

    """
    if identity == PRETOKENIZED:
        return WhitespaceTokenizer()
    own, is_joined, phrases = identity.partition(_PHRASES)
    known_name = _name(own)
    if ":" in known_name and name != known_name:
        raise ConfigurationError(
            f"the snapshot's text was split by the function {known_name}, which is only run if you "
            f"name it: --tokenizer {known_name}"
        )
    tokenizer = _open(own, options)
    if not is_joined:
        return tokenizer
    told = _options(phrases)
    joining = PhraseTokenizer(
        tokenizer,
        threshold=float(told.get("threshold", "nan")),
        min_count=int(told.get("min_count", "0")),
        max_token_bytes=max_token_bytes,
        learns=False,
    )
    if joining.identity != identity:
        raise _different(identity, joining.identity)
    joining.restore(text_state)
    return joining


def _name(identity: str) -> str:
    return identity.split(" ")[0].partition("/")[0]


def _open(identity: str, options: dict[str, str]) -> Tokenizer:
    name = _name(identity)
    known = option_names(name)
    told = {
        key: value for key, value in _options(identity).items() if known is None or key in known
    }
    made = ""
    # An identity has a dictionary's digest, and not where it is: then its defaults may do.
    for tried in [options] if options else [told, {}]:
        try:
            tokenizer = open_tokenizer(name, tried)
        except ConfigurationError:
            if not tried or options:
                raise
            continue
        if tokenizer.identity == identity:
            return tokenizer
        made = tokenizer.identity
    raise _different(identity, made)


def _options(identity: str) -> dict[str, str]:
    """``key=value`` parts behind the name."""
    pairs = (part.partition("=") for part in identity.split(" ")[1:])
    return {key: value for key, equals, value in pairs if equals}


def _different(saved: str, made: str) -> ConfigurationError:
    return ConfigurationError(
        f"the snapshot's text was split by {saved}, here that is {made}; install the same version, "
        "or give its options with --tokenizer-option KEY=VALUE"
    )
