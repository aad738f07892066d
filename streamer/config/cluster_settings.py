"""The settings of ``cluster``: those of ``run`` and more, without what it does not support."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from streamer.config.fields import section
from streamer.config.settings import RunSettings
from streamer.sources.choice import kind_of, ways
from streamer.sources.shared import SharedKind
from w2v_online.learning.objectives import objective_class
from w2v_online.snapshots.remote import url_of


class ClusterSettings(RunSettings):
    """Everything ``w2v-stream cluster`` can be told."""

    workers: int = Field(
        2,
        ge=1,
        le=1000,
        description="Workers, each a learner with a share of the partitions or files.",
        json_schema_extra=section("cluster"),
    )
    shards: int = Field(
        1,
        ge=1,
        le=1000,
        description="Shards that merge what workers learned, each a part of the words.",
        json_schema_extra=section("cluster"),
    )
    ray_address: str = Field(
        "local",
        description="Ray cluster: local starts one on this machine, auto takes the one that this "
        "machine belongs to, HOST:PORT another.",
        json_schema_extra=section("cluster", "local|auto|HOST:PORT"),
    )
    # Early in training exchanges are more frequent, and 100,000 kept no more of the quality:
    # docs/benchmarks.md, More than one machine.
    sync_every: int = Field(
        4_000_000,
        ge=1000,
        description="Words that a worker learns between two exchanges with the shards, at most.",
        json_schema_extra=section("cluster", "WORDS"),
    )
    # Before, several are no faster: docs/design.md, Learning together.
    join_after: int = Field(
        10_000_000,
        ge=0,
        description="Words of a new model that worker 0 learns alone; then the others join in.",
        json_schema_extra=section("cluster", "WORDS"),
    )
    worker_timeout: float = Field(
        60.0,
        gt=0.0,
        description="Seconds after which a worker or shard that does not answer is replaced.",
        json_schema_extra=section("cluster", "SECONDS"),
    )

    @field_validator("ray_address")
    @classmethod
    def _check_address(cls, address: str) -> str:
        if address not in ("auto", "local") and not re.fullmatch(r"[^\s/]+:\d{1,5}", address):
            raise ValueError("expected auto, local or HOST:PORT")
        return address

    @model_validator(mode="after")
    def _check_cluster(self) -> ClusterSettings:
        """Refuse what would need a single learner."""
        if not isinstance(kind_of(self), SharedKind):
            raise ValueError(
                f"cluster mode does not read {kind_of(self).noun}, which only one worker could: "
                f"give {ways(SharedKind)}, or use w2v-stream run"
            )
        if not objective_class(self.loss).is_shareable:
            raise ValueError(f"cluster mode does not support --loss {self.loss}: use --loss ns")
        if self.half_life:
            raise ValueError("cluster mode does not support --half-life: leave it out")
        if self.subwords:
            raise ValueError("cluster mode does not support --subwords: leave it out")
        if self.alerts:
            raise ValueError("cluster mode does not support --alerts: use w2v-stream run")
        if self.group_by:
            raise ValueError("cluster mode does not support --group-by: use w2v-stream run")
        if self.phrases:
            raise ValueError("cluster mode does not support --phrases: leave it out")
        if self.init is not None:
            raise ValueError(
                "cluster mode does not support --init: start with run --init, then resume its "
                "snapshot with cluster"
            )
        if self.vectors_every is not None:
            raise ValueError(
                "cluster mode does not support --vectors-every: use a shorter --snapshot-every"
            )
        if self.anneal or self.anneal_every is not None:
            option = "--anneal" if self.anneal else "--anneal-every"
            raise ValueError(
                f"cluster mode does not support {option}: each worker keeps only its own text"
            )
        if url_of(self.snapshot_dir):
            raise ValueError(
                "cluster mode does not support URLs as --snapshot-dir: use a folder that all "
                "machines share"
            )
        return self

    @property
    def anneal_passes(self) -> int:
        """Always 0: not supported."""
        return 0
