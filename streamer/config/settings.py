"""The settings of ``run``: one declaration for flags, environment, configuration file and help.

Each field of :class:`RunSettings` is an option, its description the help, its default the
default; :mod:`streamer.config.options` reads them. Options of sources are declared in the folders
of :mod:`streamer.sources`. A secret comes from the environment or from a
file only, never from a flag: process arguments can be seen by everyone on the machine.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from streamer.config.alert_at import parse_alert_at
from streamer.config.fields import section
from streamer.config.types import Interval, MaybeAddress, MaybeSpan, Pairs, Span, Targets, Values
from streamer.sources.choice import chosen, kind_of
from streamer.sources.registry import source_options
from streamer.sources.settings import SourceSettings
from w2v_online.config import ANNEAL_PASSES, By, LearnerConfig, Of
from w2v_online.snapshots.retention import Retention

if TYPE_CHECKING:
    # What a source declares is the source's own matter.
    SourceOptions = SourceSettings
else:
    SourceOptions = source_options()

_SNAPSHOT = ("1/words.txt", "1/manifest.json", "1/vectors.npy")
"""Files as they lie in a folder of snapshots."""


def _alerts(metavar: str | None = None) -> dict[str, Any]:
    return section("alerts", metavar)


class RunSettings(SourceOptions):
    """Everything ``w2v-stream run`` can be told."""

    anneal: int | None = Field(
        None,
        ge=0,
        le=64,
        description="With --replay, passes over the kept text when the input ends, at a learning "
        "rate that decays to zero. Only the published vectors are annealed; the checkpoint is not. "
        f"{ANNEAL_PASSES} unless given; 0: none.",
        json_schema_extra={"metavar": "INTEGER"},
    )
    json_field: Values = Field(
        (),
        description="Records are JSON objects: learn the text of this field, such as "
        "message or a.b.c; comma-separated or repeated.",
        json_schema_extra=section("text", "PATH"),
    )
    json_other: Literal["error", "text"] = Field(
        "error",
        description="With --json-field: treat a record that is not a JSON object as an error "
        "(see --errors) or as plain text.",
        json_schema_extra=section("text"),
    )
    errors: Literal["skip", "stop"] = Field(
        "skip",
        description="What to do with a record that cannot be decoded. Skipped records are counted.",
        json_schema_extra=section("text"),
    )
    record_start: str = Field(
        "",
        description="Regular expression for the start of a multi-line record, such as '\\d{4}-'. "
        "Without it, each line is a record.",
        json_schema_extra=section("text", "REGEX"),
    )
    group_by: str = Field(
        "",
        description="Join lines that share a key into one record: a regular expression such as "
        "'request=(\\S+)', whose first group, or all of it, is the key.",
        json_schema_extra=section("text", "REGEX"),
    )
    group_timeout: Span = Field(
        Interval(seconds=300.0),
        description="With --group-by, time without another line after which a record is complete.",
        json_schema_extra=section("text", "SPAN"),
    )
    group_lines: int = Field(
        0,
        ge=0,
        description="With --group-by, a record is also complete after this many lines with other "
        "keys. 0: only time counts.",
        json_schema_extra=section("text", "LINES"),
    )
    tokenizer: str = Field(
        "whitespace",
        description="How to split text into words: whitespace (ASCII), unicode, log, chinese, "
        "japanese, korean, an installed tokenizer, or your own as module:function.",
        json_schema_extra=section("text", "NAME"),
    )
    tokenizer_option: Pairs = Field(
        {},
        description="Option of the tokenizer, such as nfkc=on; repeatable, or the table "
        "[tokenizer_option] of the configuration file.",
        json_schema_extra=section("text", "KEY=VALUE"),
    )
    phrases: bool = Field(
        False,
        description="Join words that often occur together, such as new_york.",
        json_schema_extra=section("text"),
    )
    phrases_threshold: float = Field(
        100.0,
        gt=0.0,
        description="Score above which two words are joined (word2phrase's); higher joins fewer.",
        json_schema_extra=section("text"),
    )
    lowercase: bool = Field(
        False, description="Convert text to lower case.", json_schema_extra=section("text")
    )
    max_line_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=1 << 30,
        description="Split longer lines into several records, between words.",
        json_schema_extra=section("text"),
    )
    alerts: Targets = Field(
        (),
        description="Score each record before it is learned, and send the unexpected ones here: a "
        "file of JSON lines, - for standard output, kafka://HOST:PORT/TOPIC, kafka:TOPIC on the "
        "source's brokers, or a webhook, http(s)://..., alertmanager+http(s)://... or "
        "slack+http(s)://...; repeatable. Advised with it: --boundaries --sample 0.",
        json_schema_extra=_alerts("TARGET"),
    )
    alert_at: str = Field(
        "p=0.001",
        description="Which records to alert on: p=0.001, the most surprising 0.1% of recent "
        "records; rate=10/hour, about ten an hour, however fast the stream is.",
        json_schema_extra=_alerts("p=SHARE|rate=N/hour"),
    )
    alert_by: By = Field(
        "pm4",
        description="What makes a record surprising: the mean of its words, the most surprising "
        "word, or their power mean, (mean of v^4)^(1/4), which lies between.",
        json_schema_extra=_alerts(),
    )
    alert_of: Of = Field(
        "both",
        description="What makes a word surprising: its contexts, its share of the stream, or both.",
        json_schema_extra=_alerts(),
    )
    alert_text: Literal["on", "off"] = Field(
        "on",
        description="off leaves the record's text and words out of alerts.",
        json_schema_extra=_alerts(),
    )
    alert_values: bool = Field(
        False,
        description="Also alert on numbers that are unusual in their place, such as the duration "
        "in lines that differ in numbers only.",
        json_schema_extra=_alerts(),
    )
    alert_warm_up: int = Field(
        10_000,
        ge=0,
        description="Records that are scored before the first alert.",
        json_schema_extra=_alerts("RECORDS"),
    )
    alert_window: Span = Field(
        Interval(seconds=600.0),
        description="Time in which records that differ in numbers only are one alert; when it is "
        "over, a second one with the same id says how many there were.",
        json_schema_extra=_alerts("SPAN"),
    )
    alert_limit: int = Field(
        60,
        ge=1,
        description="Most alerts sent in a minute.",
        json_schema_extra=_alerts(),
    )
    snapshot_dir: str = Field(
        "snapshots",
        description="Where to write snapshots: a folder, or a URL such as s3://bucket/prefix.",
        json_schema_extra=section("snapshots", "FOLDER"),
    )
    snapshot_every: Span = Field(
        Interval(seconds=300.0),
        description="How often to write a snapshot: 30s, 5m, 1h or 1000000words.",
        json_schema_extra=section("snapshots", "SPAN"),
    )
    vectors_every: MaybeSpan = Field(
        None,
        description="Also write the vectors alone this often, between full snapshots. Programs "
        "can read them; a restart resumes from full snapshots only.",
        json_schema_extra=section("snapshots", "SPAN"),
    )
    anneal_every: MaybeSpan = Field(
        None,
        description="With --replay, anneal a copy of the newest snapshot this often, in another "
        "process, and write its vectors to the folder annealed below --snapshot-dir.",
        json_schema_extra=section("snapshots", "SPAN"),
    )
    keep: int = Field(
        5,
        ge=1,
        description="Number of newest snapshots to keep.",
        json_schema_extra=section("snapshots"),
    )
    keep_hourly: int = Field(
        0,
        ge=0,
        description="Also keep the last snapshot of each of the N latest hours that have one.",
        json_schema_extra=section("snapshots"),
    )
    keep_daily: int = Field(
        0,
        ge=0,
        description="Also keep the last snapshot of each of the N latest days (UTC) with one.",
        json_schema_extra=section("snapshots"),
    )
    keep_vectors: int = Field(
        5,
        ge=1,
        description="Number of newest --vectors-every and --anneal-every snapshots to keep.",
        json_schema_extra=section("snapshots"),
    )
    resume: Literal["auto", "require", "never"] = Field(
        "auto",
        description="Whether to continue from the newest snapshot; auto does if there is one.",
        json_schema_extra=section("snapshots"),
    )
    init: Path | None = Field(
        None,
        description="word2vec or fastText file with initial vectors, used when there is "
        "nothing to resume.",
        json_schema_extra=section("snapshots"),
    )
    probe: Path | None = Field(
        None,
        description="File of word pairs or analogies to score each snapshot on.",
        json_schema_extra=section("snapshots"),
    )
    http: MaybeAddress = Field(
        None,
        description="Serve the web page, the API and metrics on this address, such as "
        "127.0.0.1:8787. A port alone is reachable from this machine only.",
        json_schema_extra=section("service", "HOST:PORT"),
    )
    http_token: SecretStr | None = Field(
        None,
        description="Access token for HTTP requests (not needed for probes); only from the "
        "environment or the configuration file.",
        json_schema_extra=section("service", "SECRET"),
    )
    http_token_file: Path | None = Field(
        None,
        description="File that contains the access token.",
        json_schema_extra=section("service"),
    )
    progress: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Live status line on stderr; auto shows it on a terminal.",
        json_schema_extra=section("service"),
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="Format of log lines: text is a sentence on a terminal, key=value elsewhere.",
        json_schema_extra=section("service"),
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum log level.", json_schema_extra=section("service")
    )

    @field_validator("snapshot_dir")
    @classmethod
    def _check_location(cls, location: str) -> str:
        if not location.strip() or re.fullmatch(r"[^:/]+:/*|.*\0.*", location):
            raise ValueError("expected a folder, or a URL such as s3://bucket/prefix")
        return location

    @field_validator("record_start", "group_by")
    @classmethod
    def _check_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"expected a regular expression: {error}") from None
        return pattern

    @field_validator("alert_at")
    @classmethod
    def _check_alert_at(cls, text: str) -> str:
        parse_alert_at(text)
        return text

    @field_validator("alert_window", "group_timeout")
    @classmethod
    def _check_time(cls, window: Interval) -> Interval:
        if window.seconds is None:
            raise ValueError("expected a time such as 30s, 10m or 1h")
        return window

    @model_validator(mode="after")
    def _check_text(self) -> RunSettings:
        # A token that fills a line is cut behind a character, of four bytes at most.
        if self.max_line_bytes < self.max_token_bytes + 4:
            raise ValueError(
                "--max-line-bytes must be greater than --max-token-bytes by at least 4"
            )
        if self.json_other == "text" and not self.json_field:
            raise ValueError(
                "--json-other needs --json-field: without it every record is plain text"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _choose_source(cls, values: Any) -> Any:
        return chosen(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_source(self) -> RunSettings:
        if self.record_start and not kind_of(self).has_lines:
            raise ValueError("--record-start is for lines: each message is a record already")
        for target in self.alerts:
            if kind_of(self).reads(self, target):
                raise ValueError(
                    f"--alerts {target} is read by this run: its alerts would come back as "
                    "records; send them elsewhere, or read less"
                )
        if any(kind_of(self).reads(self, f"{self.snapshot_dir}/{name}") for name in _SNAPSHOT):
            raise ValueError(
                f"this run would read its own snapshots in {self.snapshot_dir}: let "
                "--snapshot-dir name another folder, or read less"
            )
        return self

    @model_validator(mode="after")
    def _check_annealing(self) -> RunSettings:
        if self.anneal and not self.replay:
            raise ValueError("--anneal trains on the text that --replay keeps: add --replay N")
        if self.anneal_every is not None and not self.replay:
            raise ValueError(
                "--anneal-every trains on the text that --replay keeps: add --replay N"
            )
        if self.anneal and (endless := kind_of(self).endless(self)):
            raise ValueError(f"--anneal needs input that ends, and {endless}: use --anneal-every")
        return self

    @model_validator(mode="after")
    def _check_http(self) -> RunSettings:
        if self.http_token and self.http_token_file:
            raise ValueError("give an HTTP token or --http-token-file, not both")
        if (self.http_token or self.http_token_file) and self.http is None:
            raise ValueError("an HTTP token is of no use without --http HOST:PORT")
        return self

    @property
    def has_words_in_runs(self) -> bool:
        """Whether the tokenizer finds several tokens in text without whitespace."""
        return self.tokenizer != "whitespace"

    @property
    def anneal_passes(self) -> int:
        """Passes over the kept text when the input ends; 0 if it does not end."""
        if not self.replay or kind_of(self).endless(self):
            return 0
        return ANNEAL_PASSES if self.anneal is None else self.anneal

    @property
    def alert_window_seconds(self) -> float:
        """Time in which records of one kind are one alert."""
        return self.alert_window.seconds or 0.0

    @property
    def retention(self) -> Retention:
        """Which snapshots stay."""
        return Retention(self.keep, self.keep_hourly, self.keep_daily, self.keep_vectors)

    @property
    def learner_config(self) -> LearnerConfig:
        """The part that the learner is told."""
        return LearnerConfig(**{name: getattr(self, name) for name in LearnerConfig.model_fields})
