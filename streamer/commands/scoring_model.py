"""The model that ``score`` scores by: a snapshot's, or always the newest one's of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamer.commands.arguments import TextOptions
from w2v_online.errors import W2VError

if TYPE_CHECKING:
    from streamer.scoring.lines import ScoredLines
    from w2v_online.config import By, Of


class ScoringModel:
    """What scores: a snapshot's model, and what splits text as it was trained.

    With ``follows`` the newest one of a folder, looked for every second at most. ``by`` and ``of``
    are what makes a line surprising, None for what the snapshot's p-values are of.
    """

    def __init__(
        self, path: Path, by: By | None, of: Of | None, text: TextOptions, *, follows: bool
    ) -> None:
        from streamer.scoring.lines import chosen_measure
        from streamer.scoring.newest import NewestScorer

        self._newest = NewestScorer(path)
        self._text = text
        self._follows = follows
        self._said = ""
        self._measure = chosen_measure(self._newest.scorer, by, of)
        self._open_tokenizer()

    def _open_tokenizer(self) -> None:
        from streamer.tokenizers.saved import saved_tokenizer

        model = self._newest.scorer.model
        self.splits = saved_tokenizer(
            model.tokenizer,
            model.text_state,
            model.config.max_token_bytes,
            name=self._text.tokenizer,
            options=self._text.tokenizer_options,
        )

    @property
    def has_p_values(self) -> bool:
        """Whether it knows how surprising recent records were, by the same measure."""
        return self._newest.scorer.measure == self._measure

    @property
    def max_token_bytes(self) -> int:
        """Longer tokens are no words."""
        return self._newest.scorer.config.max_token_bytes

    @property
    def manifest(self) -> dict[str, Any]:
        """The snapshot's."""
        snapshot = self._newest.scorer.snapshot
        return {} if snapshot is None else snapshot.manifest

    def score(self, text: bytes) -> ScoredLines:
        """Scores of text, a line each."""
        from streamer.scoring.lines import ScoredLines

        tokens = self.splits.tokenize(text)
        scorer = self._newest.scorer
        return ScoredLines.by(scorer, self._measure, tokens, separated=self.splits.is_separated)

    def refresh(self) -> None:
        """Take a newer snapshot if there is one; one that cannot be read is passed over."""
        if not self._follows:
            return
        try:
            if self._newest.refresh():
                self._open_tokenizer()
        except W2VError as error:
            if str(error) != self._said:  # said once, though it is tried again
                click.echo(f"{error}; going on with the model from before", err=True)
            self._said = str(error)
