"""The configuration file: TOML whose keys are options, as click's default map."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from streamer.config.fields import extra_of, flag_of, is_multiple
from streamer.config.renamed import RENAMED, note_renamed
from streamer.errors import ConfigurationError, nearest


def read_config_file(path: str, fields: Mapping[str, FieldInfo]) -> dict[str, Any]:
    """The settings in a file by name; ConfigurationError if it cannot be read or understood."""
    import tomllib  # here, for most runs have no file

    try:
        data = Path(path).read_bytes()
        document = tomllib.loads(data.decode(json.detect_encoding(data)))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    settings: dict[str, Any] = {}
    tables = {table: name for name in fields if (table := extra_of(fields[name]).get("table"))}
    for key, entry in document.items():
        name = tables.get(key, key.replace("-", "_"))
        if name in RENAMED:
            name = RENAMED[name]
            note_renamed(f"{path}: {key}", name.replace("_", "-"))
        if name in settings:
            raise ConfigurationError(f"{path}: {name.replace('_', '-')} is set twice")
        if name not in fields:
            known = [flag_of(field)[2:] for field in fields]
            raise ConfigurationError(f"{path}: unknown key {key!r}{nearest(key, known)}")
        settings[name] = _value(f"{path}: {key}", fields[name], entry)
    return settings


def _value(where: str, field: FieldInfo, entry: Any) -> Any:
    """A value of the file as click takes it: text, a truth value, or a list of texts."""
    if isinstance(entry, dict) and get_origin(field.annotation) is dict:
        entry = [f"{key}={text}" for key, text in entry.items()]
    elif not isinstance(entry, list) and is_multiple(field):
        entry = [entry]
    if isinstance(entry, dict) or (isinstance(entry, list) and not is_multiple(field)):
        raise ConfigurationError(f"{where} must be a single value")
    if isinstance(entry, list):
        return [str(part) for part in entry]
    return entry if isinstance(entry, bool) else str(entry)
