"""Whether a run that resumes is told the same as the one before, as far as both say it."""

from __future__ import annotations

from typing import Any

from streamer.config.settings import RunSettings
from streamer.errors import ConfigurationError
from streamer.text.saved import text_entry

_UNIMPORTANT = frozenset({"threads"})
"""Options of the learner that do not change what is learned, but how fast."""


def changed_options(manifest: dict[str, Any], settings: RunSettings, snapshot: object) -> str:
    """The options that differ from those that a snapshot was learned with, in words; "" if none.

    Raises ConfigurationError if they change what a word is. What an older version did not keep is
    not compared.
    """
    saved = manifest.get("text", {})
    if saved.get("lowercase", settings.lowercase) != settings.lowercase:
        there, here = map(_flag, (saved["lowercase"], settings.lowercase))
        raise ConfigurationError(
            f"cannot continue {snapshot}: it was learned with {there}, and this run has {here}, "
            f"which makes other words; give {there}, another --snapshot-dir, or --resume never"
        )
    wanted = text_entry(settings)
    names = [name for name in wanted | saved if manifest.get("text") is not None]
    differences = [
        (name, saved.get(name), wanted.get(name))
        for name in names
        if saved.get(name) != wanted.get(name)
    ]
    config = settings.learner_config.model_dump(mode="json")
    differences += [
        (name, old, config[name])
        for name, old in manifest.get("config", {}).items()
        if name in config and name not in _UNIMPORTANT and old != config[name]
    ]
    return ", ".join(
        f"--{name.replace('_', '-')} {_shown(new)} (was {_shown(old)})"
        for name, old, new in differences
    )


def _flag(lowercase: object) -> str:
    return "--lowercase" if lowercase else "--no-lowercase"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "unset"
    return "unset" if value in (None, "") else str(value)
