"""What the settings of each source are made of: the learner's, and the name of the source."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from streamer.config.fields import section
from w2v_online.config import LearnerConfig


class SourceSettings(LearnerConfig):
    """Base of each source's settings; a field is an option, as in RunSettings.

    A source's checks look at ``source`` first: they are made whatever source is chosen.
    """

    # Its validator is made when it is first used: of all these classes only the last one is.
    model_config = ConfigDict(defer_build=True)

    source: str = Field(
        "stdin",
        description="Where text comes from. Unless given, follows from FILE, --path, "
        "--kafka-topic or --redis-stream; else standard input.",
        json_schema_extra=section("source") | {"is_inferred": True},
    )
