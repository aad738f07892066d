"""The settings of ``run``: one declaration for flags, environment, configuration file and help.

Each field of :class:`RunSettings` is an option, its description the help, its default the
default; :mod:`streamer.config.options` reads them. A secret comes from the environment or from a
file only, never from a flag: process arguments can be seen by everyone on the machine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    field_validator,
    model_validator,
)

from streamer.config.address import Address, parse_address
from w2v_online.config import ANNEAL_PASSES, LearnerConfig
from w2v_online.snapshots.retention import Retention

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True)
class Interval:
    """A span of the stream: so many seconds or so many words, exactly one of them set."""

    seconds: float | None = None
    words: int | None = None

    def __str__(self) -> str:
        if self.seconds is None:
            return f"{self.words}words"
        for unit, seconds in reversed(_SECONDS.items()):
            if self.seconds % seconds == 0:
                return f"{self.seconds / seconds:g}{unit}"
        return f"{self.seconds:g}s"


def parse_interval(value: object) -> object:
    """``30s``, ``5m``, ``1h``, ``1d`` or ``1000000words`` as an :class:`Interval`."""
    if not isinstance(value, str):
        return value
    words = re.fullmatch(r"([1-9][0-9_]*)\s*words?", value)
    if words:
        return Interval(words=int(words[1]))
    span = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd])", value)
    if not span or float(span[1]) == 0:
        raise ValueError("expected a span such as 30s, 5m, 1h or 1000000words")
    return Interval(seconds=float(span[1]) * _SECONDS[span[2]])


def split_values(value: object) -> object:
    """Values given one by one or with commas between them as a tuple of values."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple):
        return value
    return tuple(part.strip() for entry in value for part in str(entry).split(",") if part.strip())


Values = Annotated[tuple[str, ...], BeforeValidator(split_values)]
"""Several values of one option."""


def as_values(value: object) -> object:
    """One value or several as a tuple; commas are part of them."""
    return (value,) if isinstance(value, str) else value


Paths = Annotated[tuple[str, ...], BeforeValidator(as_values)]
"""Several files or patterns: their names may have commas."""


def parse_pairs(value: object) -> object:
    """``KEY=VALUE`` pairs as a dictionary."""
    if not isinstance(value, list | tuple):
        return value
    pairs = {}
    for entry in value:
        key, equals, text = str(entry).partition("=")
        if not equals:
            raise ValueError("expected KEY=VALUE")
        pairs[key.strip()] = text.strip()
    return pairs


def parse_numbers(value: object) -> object:
    """``0``, ``2`` and ``4-7`` as the numbers that they name, in order."""
    texts = split_values(value)
    if not isinstance(texts, tuple):
        return value
    numbers: set[int] = set()
    for text in texts:
        found = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", text)
        if not found:
            raise ValueError("expected numbers and ranges such as 0,2,4-7")
        numbers |= set(range(int(found[1]), int(found[2] or found[1]) + 1))
    return tuple(sorted(numbers))


Numbers = Annotated[tuple[int, ...], BeforeValidator(parse_numbers)]


def holds_secret(key: str) -> bool:
    """Whether a key of something's own settings names a secret, by its name."""
    return any(part in key.lower() for part in ("password", "secret", "token"))


def _masked(pairs: dict[str, str]) -> dict[str, str]:
    return {key: "**********" if holds_secret(key) else pairs[key] for key in pairs}


Pairs = Annotated[dict[str, str], BeforeValidator(parse_pairs), PlainSerializer(_masked)]
"""Keys and values of something that has its own settings; secrets are masked when dumped."""


StartTime = Literal["earliest", "latest"] | datetime


def parse_start(value: object) -> object:
    """``earliest``, ``latest`` or a time in ISO 8601, in UTC unless it says otherwise."""
    if not isinstance(value, str) or value in ("earliest", "latest"):
        return value
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("expected earliest, latest or a time such as 2026-01-31T12:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _section(name: str) -> dict[str, Any]:
    return {"section": name}


def _kafka(metavar: str | None = None) -> dict[str, Any]:
    return {"section": "kafka"} | ({"metavar": metavar} if metavar else {})


class RunSettings(LearnerConfig):
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
    source: Literal["stdin", "file", "kafka"] = Field(
        "stdin", description="Where records come from.", json_schema_extra=_section("source")
    )
    path: Paths = Field(
        (),
        description="Source file: a file, plain or gzip, or a pattern such as 'logs/*.log'. "
        "Repeat it for several.",
        json_schema_extra=_section("source") | {"metavar": "FILE"},
    )
    follow: bool = Field(
        False,
        description="Source file: wait for more, across rotation and truncation.",
        json_schema_extra=_section("source"),
    )
    stdin_skip_known: bool = Field(
        False,
        description="Source stdin: the same text comes again; go on behind what was learned.",
        json_schema_extra=_section("source"),
    )
    kafka_bootstrap_servers: Values = Field(
        (),
        description="Brokers to begin with, HOST:PORT; with commas or repeated.",
        json_schema_extra=_kafka("HOST:PORT"),
    )
    kafka_topic: Values = Field(
        (),
        description="Topic to read; with commas or repeated for several.",
        json_schema_extra=_kafka("TOPIC"),
    )
    kafka_topic_pattern: str | None = Field(
        None,
        description="Regular expression for whole names of topics to read, new ones included.",
        json_schema_extra=_kafka("REGEX"),
    )
    kafka_partitions: Numbers = Field(
        (),
        description="Read these partitions of each topic, as 0,2,4-7, and leave the group to "
        "others. Default: what the group assigns.",
        json_schema_extra=_kafka("NUMBERS"),
    )
    kafka_group: str = Field(
        "w2v-stream",
        description="Consumer group: its daemons share the topics.",
        json_schema_extra=_kafka("NAME"),
    )
    kafka_start: Annotated[StartTime, BeforeValidator(parse_start)] = Field(
        "earliest",
        description="Where a partition begins that neither checkpoint nor group know: earliest, "
        "latest or a time such as 2026-01-31T12:00:00Z.",
        json_schema_extra=_kafka("earliest|latest|TIME"),
    )
    kafka_expired: Literal["earliest", "latest", "stop"] = Field(
        "earliest",
        description="Where to go on when the next message does not exist any more.",
        json_schema_extra=_kafka(),
    )
    kafka_dead_letter_topic: str | None = Field(
        None,
        description="Topic for messages that cannot be decoded; they are not learned then.",
        json_schema_extra=_kafka("TOPIC"),
    )
    kafka_username: str | None = Field(
        None, description="User for SASL.", json_schema_extra=_kafka("NAME")
    )
    kafka_password: SecretStr | None = Field(
        None,
        description="Password for SASL: only from the environment or the configuration file.",
        json_schema_extra=_kafka("SECRET"),
    )
    kafka_password_file: Path | None = Field(
        None, description="File with the password for SASL.", json_schema_extra=_kafka("FILE")
    )
    kafka_config: Pairs = Field(
        {},
        description="Any other consumer setting of kafka-python, as in max_poll_interval_ms=60000; "
        "repeat it, or use the table [kafka] of the configuration file.",
        json_schema_extra=_kafka("KEY=VALUE"),
    )
    json_field: Values = Field(
        (),
        description="Records are JSON: learn the text in this field, as a.b.c; with commas or "
        "repeated for several.",
        json_schema_extra={**_section("text"), "metavar": "PATH"},
    )
    json_other: Literal["error", "text"] = Field(
        "error",
        description="With --json-field: what a line or message is that is no JSON object, an "
        "error (see --errors) or text to learn.",
        json_schema_extra=_section("text"),
    )
    errors: Literal["skip", "stop"] = Field(
        "skip",
        description="What to do with a record that cannot be decoded, after it was counted.",
        json_schema_extra=_section("text"),
    )
    record_start: str = Field(
        "",
        description="Records have several lines: regular expression for how their first one "
        "begins, such as '\\d{4}-'. Default: a record a line.",
        json_schema_extra={**_section("text"), "metavar": "REGEX"},
    )
    tokenizer: str = Field(
        "whitespace",
        description="What splits a record into tokens: whitespace (ASCII's), unicode, log, "
        "chinese, japanese, korean, an installed one, or your own as module:function.",
        json_schema_extra={**_section("text"), "metavar": "NAME"},
    )
    tokenizer_option: Pairs = Field(
        {},
        description="An option of the tokenizer, as in nfkc=on; repeat it, or use the table "
        "[tokenizer_option] of the configuration file.",
        json_schema_extra={**_section("text"), "metavar": "KEY=VALUE"},
    )
    phrases: bool = Field(
        False,
        description="Join words that often come together, as in new_york.",
        json_schema_extra=_section("text"),
    )
    phrases_threshold: float = Field(
        100.0,
        gt=0.0,
        description="How far above chance phrases are; higher gives fewer (word2phrase's).",
        json_schema_extra=_section("text"),
    )
    lowercase: bool = Field(
        False, description="Turn text into lower case first.", json_schema_extra=_section("text")
    )
    max_line_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=1 << 30,
        description="Longer lines are cut at a token's end into several records.",
        json_schema_extra=_section("text"),
    )
    snapshot_dir: str = Field(
        "snapshots",
        description="Folder that snapshots are written to, or a URL such as s3://bucket/prefix.",
        json_schema_extra=_section("snapshots"),
    )
    snapshot_every: Annotated[Interval, BeforeValidator(parse_interval), PlainSerializer(str)] = (
        Field(
            Interval(seconds=300.0),
            description="How often to write one: 30s, 5m, 1h or 1000000words.",
            json_schema_extra=_section("snapshots"),
        )
    )
    vectors_every: Annotated[
        Interval | None, BeforeValidator(parse_interval), PlainSerializer(_text)
    ] = Field(
        None,
        description="How often to write the vectors alone, for readers, between snapshots that "
        "learning can go on from. Off unless given.",
        json_schema_extra=_section("snapshots") | {"metavar": "SPAN"},
    )
    keep: int = Field(
        5,
        ge=1,
        description="Snapshots kept; older ones go.",
        json_schema_extra=_section("snapshots"),
    )
    keep_hourly: int = Field(
        0,
        ge=0,
        description="Also keep the last one of each of so many hours.",
        json_schema_extra=_section("snapshots"),
    )
    keep_daily: int = Field(
        0,
        ge=0,
        description="Also keep the last one of each of so many days (UTC).",
        json_schema_extra=_section("snapshots"),
    )
    keep_vectors: int = Field(
        5,
        ge=1,
        description="Snapshots of vectors alone kept, besides the others.",
        json_schema_extra=_section("snapshots"),
    )
    resume: Literal["auto", "require", "never"] = Field(
        "auto",
        description="Go on from the newest snapshot: if there is one, or else stop, or start anew.",
        json_schema_extra=_section("snapshots"),
    )
    init: Path | None = Field(
        None,
        description="Word2vec file to start from when there is nothing to resume.",
        json_schema_extra=_section("snapshots"),
    )
    probe: Path | None = Field(
        None,
        description="Word pairs or analogies that each snapshot is scored on.",
        json_schema_extra=_section("snapshots"),
    )
    http: Annotated[Address | None, BeforeValidator(parse_address), PlainSerializer(_text)] = Field(
        None,
        description="Serve metrics, probes and questions there, as on 127.0.0.1:8787; a port alone "
        "is one of this machine. Off unless given.",
        json_schema_extra=_section("service") | {"metavar": "HOST:PORT"},
    )
    http_token: SecretStr | None = Field(
        None,
        description="Bearer token that HTTP requests must bring, probes excepted: only from the "
        "environment or the configuration file.",
        json_schema_extra=_section("service") | {"metavar": "SECRET"},
    )
    http_token_file: Path | None = Field(
        None, description="File with that token.", json_schema_extra=_section("service")
    )
    progress: Literal["auto", "on", "off"] = Field(
        "auto",
        description="A live line on stderr; auto: if that is a terminal.",
        json_schema_extra=_section("service"),
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="One event a line.", json_schema_extra=_section("service")
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged.", json_schema_extra=_section("service")
    )

    @field_validator("record_start")
    @classmethod
    def _check_pattern(cls, pattern: str) -> str:
        try:
            re.compile(pattern.encode())
        except re.error as error:
            raise ValueError(f"expected a regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _check_text(self) -> RunSettings:
        if self.max_line_bytes <= self.max_token_bytes:
            raise ValueError("max_line_bytes must be greater than max_token_bytes")
        if self.json_other == "text" and not self.json_field:
            raise ValueError("json_other is for json_field: without one all is text")
        return self

    @model_validator(mode="after")
    def _check_source(self) -> RunSettings:
        is_file = self.source == "file"
        if is_file != bool(self.path):
            raise ValueError("source file needs a path, and only that source takes one")
        if self.follow and not is_file:
            raise ValueError("follow is for source file")
        if self.record_start and self.source == "kafka":
            raise ValueError("record_start is for sources stdin and file; messages are records")
        if self.stdin_skip_known and self.source != "stdin":
            raise ValueError("stdin_skip_known is for source stdin")
        return self

    @model_validator(mode="after")
    def _check_annealing(self) -> RunSettings:
        if self.anneal and not self.replay:
            raise ValueError("--anneal trains on the text that --replay keeps: add --replay N")
        if self.anneal and self.follow:
            raise ValueError(
                "--anneal needs input that ends: drop --follow, or use the command anneal"
            )
        if self.anneal and self.source == "kafka":
            raise ValueError(
                "--anneal needs input that ends, and a topic has no end: use the command anneal"
            )
        return self

    @model_validator(mode="after")
    def _check_kafka(self) -> RunSettings:
        if self.source != "kafka":
            return self
        if not self.kafka_bootstrap_servers:
            raise ValueError("source kafka needs --kafka-bootstrap-servers HOST:PORT")
        if bool(self.kafka_topic) == bool(self.kafka_topic_pattern):
            raise ValueError("source kafka needs --kafka-topic or --kafka-topic-pattern, not both")
        if self.kafka_partitions and not self.kafka_topic:
            raise ValueError("--kafka-partitions needs --kafka-topic")
        if self.kafka_password and self.kafka_password_file:
            raise ValueError("give --kafka-password-file or a password, not both")
        return self

    @model_validator(mode="after")
    def _check_http(self) -> RunSettings:
        if self.http_token and self.http_token_file:
            raise ValueError("give --http-token-file or a token, not both")
        if (self.http_token or self.http_token_file) and self.http is None:
            raise ValueError("a token for HTTP needs --http HOST:PORT")
        return self

    @property
    def has_words_in_runs(self) -> bool:
        """Whether the tokenizer finds several tokens in text without whitespace."""
        return self.tokenizer != "whitespace"

    @property
    def anneal_passes(self) -> int:
        """Passes over the kept text when the input ends; 0 if it does not end."""
        if not self.replay or self.follow or self.source == "kafka":
            return 0
        return ANNEAL_PASSES if self.anneal is None else self.anneal

    @property
    def retention(self) -> Retention:
        """Which snapshots stay."""
        return Retention(self.keep, self.keep_hourly, self.keep_daily, self.keep_vectors)

    @property
    def learner_config(self) -> LearnerConfig:
        """The part that the learner is told."""
        return LearnerConfig(**{name: getattr(self, name) for name in LearnerConfig.model_fields})
