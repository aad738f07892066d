"""The model that ``score`` scores by: a snapshot's, or always the newest one's of a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from streamer.commands.arguments import TextOptions
from w2v_online.errors import W2VError
from w2v_online.snapshots.reader import newest_name

LOOK_SECONDS = 1.0
"""Pause between two looks for a newer snapshot."""


class ScoringModel:
    """What scores: a snapshot's model, and what splits text as it was trained.

    With ``follows`` the newest one of a folder, looked for every second at most.
    """

    def __init__(self, path: Path, text: TextOptions, *, follows: bool) -> None:
        self._path = path
        self._text = text
        self._follows = follows
        self._load()

    def _load(self) -> None:
        from streamer.tokenizers.saved import saved_tokenizer
        from w2v_online.learning.score import load_scorer

        self._looked_at = time.monotonic()
        self._name = newest_name(self._path) if self._follows else ""
        self.scorer = load_scorer(self._path)
        model = self.scorer.model
        self.splits = saved_tokenizer(
            model.tokenizer,
            model.text_state,
            model.config.max_token_bytes,
            name=self._text.tokenizer,
            options=self._text.tokenizer_options,
        )

    @property
    def manifest(self) -> dict[str, Any]:
        """The snapshot's."""
        return {} if self.scorer.snapshot is None else self.scorer.snapshot.manifest

    def refresh(self) -> None:
        """Take a newer snapshot if there is one; one that cannot be read is passed over."""
        if not self._follows or time.monotonic() < self._looked_at + LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        if newest_name(self._path) == self._name:
            return
        try:
            self._load()
        except W2VError as error:
            click.echo(f"{error}; going on with the model from before", err=True)
