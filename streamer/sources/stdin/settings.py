"""Options of standard input as a source."""

from __future__ import annotations

from pydantic import Field, model_validator

from streamer.config.fields import section
from streamer.sources.settings import SourceSettings


class StdinSettings(SourceSettings):
    """What is done with input that was piped before."""

    stdin_skip_known: bool = Field(
        False,
        description="The same input is piped again: skip what was already learned.",
        json_schema_extra=section("source"),
    )

    @model_validator(mode="after")
    def _check_stdin(self) -> StdinSettings:
        if self.stdin_skip_known and self.source != "stdin":
            raise ValueError("--stdin-skip-known needs piped input, not --source " + self.source)
        return self
