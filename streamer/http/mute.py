"""The one request that changes a running daemon: a kind of alerts is muted, or not any more."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MUTE = "/v1/alerts/mute"

MAX_MUTE_BYTES = 1000


class Mute(BaseModel):
    """Send no more alerts of a kind, or send them again; checkpoints keep it."""

    model_config = ConfigDict(extra="forbid")

    kind_id: str = Field(max_length=64, description="The kind's id, as the page's events have it.")
    muted: bool = Field(True, description="false: send them again.")
