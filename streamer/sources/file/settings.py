"""Options of files as a source."""

from __future__ import annotations

from pydantic import Field, model_validator

from streamer.config.fields import section
from streamer.config.types import Paths
from streamer.sources.settings import SourceSettings


class FileSettings(SourceSettings):
    """Which files are read, and whether they grow."""

    path: Paths = Field(
        (),
        description="File to read, or a quoted pattern such as 'logs/*.log'. Same as FILE; "
        "repeatable.",
        json_schema_extra=section("source", "FILE"),
    )
    follow: bool = Field(
        False,
        description="Keep reading as files grow, across rotation and truncation.",
        json_schema_extra=section("source"),
    )

    @model_validator(mode="after")
    def _check_files(self) -> FileSettings:
        is_file = self.source == "file"
        if is_file and not self.path:
            raise ValueError("no file to read: name one, as in w2v-stream run FILE, or --path FILE")
        if self.follow and not is_file:
            raise ValueError("--follow needs files to follow: w2v-stream run FILE --follow")
        return self
