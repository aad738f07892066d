"""The tokenizer that a snapshot's text was split by, made again from its identity."""

from __future__ import annotations

from streamer.errors import ConfigurationError
from streamer.tokenizers.base import Tokenizer
from streamer.tokenizers.phrases import PhraseTokenizer
from streamer.tokenizers.registry import open_tokenizer, option_names
from streamer.tokenizers.whitespace import WhitespaceTokenizer
from w2v_online.learning.learner import PRETOKENIZED, OnlineWord2Vec

_PHRASES = " phrases/"


def saved_tokenizer(model: OnlineWord2Vec, options: dict[str, str]) -> Tokenizer:
    """What makes of text the tokens that the model was trained on; it learns no more phrases.

    ``options`` are needed where an identity does not tell them, as of a dictionary. Token lists are
    taken to be lines with spaces between the tokens. ConfigurationError if the tokenizer cannot be
    made, or is not the same any more.
    """
    if model.tokenizer == PRETOKENIZED:
        return WhitespaceTokenizer()
    identity, is_joined, phrases = model.tokenizer.partition(_PHRASES)
    tokenizer = _open(identity, options)
    if not is_joined:
        return tokenizer
    told = _options(phrases)
    joining = PhraseTokenizer(
        tokenizer,
        threshold=float(told.get("threshold", "nan")),
        min_count=int(told.get("min_count", "0")),
        max_token_bytes=model.config.max_token_bytes,
        learns=False,
    )
    if joining.identity != model.tokenizer:
        raise _different(model.tokenizer, joining.identity)
    joining.restore(model.text_state)
    return joining


def _open(identity: str, options: dict[str, str]) -> Tokenizer:
    name = identity.split(" ")[0].partition("/")[0]
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
