"""The settings of ``run``: one declaration for flags, environment, configuration file and help.

Each field of :class:`RunSettings` is an option, its description the help, its default the
default; :mod:`streamer.config.options` reads them. A secret comes from the environment or from a
file only, never from a flag: process arguments can be seen by everyone on the machine.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from streamer.config.types import (
    Interval,
    MaybeAddress,
    MaybeSpan,
    Numbers,
    Pairs,
    Paths,
    Span,
    Start,
    Values,
)
from w2v_online.config import ANNEAL_PASSES, LearnerConfig
from w2v_online.snapshots.retention import Retention


def _section(name: str) -> dict[str, Any]:
    return {"section": name}


def _redis(metavar: str | None = None) -> dict[str, Any]:
    return {"section": "redis"} | ({"metavar": metavar} if metavar else {})


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
    source: Literal["stdin", "file", "kafka", "redis"] = Field(
        "stdin",
        description="Where text comes from. Unless given, follows from FILE, --path, "
        "--kafka-topic or --redis-stream; else standard input.",
        json_schema_extra=_section("source") | {"is_inferred": True},
    )
    path: Paths = Field(
        (),
        description="File to read, or a quoted pattern such as 'logs/*.log'. Same as FILE; "
        "repeatable.",
        json_schema_extra=_section("source") | {"metavar": "FILE"},
    )
    follow: bool = Field(
        False,
        description="Keep reading as files grow, across rotation and truncation.",
        json_schema_extra=_section("source"),
    )
    stdin_skip_known: bool = Field(
        False,
        description="The same input is piped again: skip what was already learned.",
        json_schema_extra=_section("source"),
    )
    kafka_bootstrap_servers: Values = Field(
        (),
        description="Kafka brokers to connect to first; comma-separated or repeated.",
        json_schema_extra=_kafka("HOST:PORT"),
    )
    kafka_topic: Values = Field(
        (),
        description="Kafka topic to read; comma-separated or repeated.",
        json_schema_extra=_kafka("TOPIC"),
    )
    kafka_topic_pattern: str | None = Field(
        None,
        description="Read every topic whose whole name matches, including new ones.",
        json_schema_extra=_kafka("REGEX"),
    )
    kafka_partitions: Numbers = Field(
        (),
        description="Read only these partitions of each topic, such as 0,2,4-7, instead of those "
        "the consumer group assigns.",
        json_schema_extra=_kafka("NUMBERS"),
    )
    kafka_group: str = Field(
        "w2v-stream",
        description="Consumer group. Daemons in one group share the partitions.",
        json_schema_extra=_kafka("NAME"),
    )
    kafka_start: Start = Field(
        "earliest",
        description="Where to start in a partition that has neither a checkpoint nor a committed "
        "offset. A time looks like 2026-01-31T12:00:00Z.",
        json_schema_extra=_kafka("earliest|latest|TIME"),
    )
    kafka_expired: Literal["earliest", "latest", "stop"] = Field(
        "earliest",
        description="What to do when the next message has expired from the topic.",
        json_schema_extra=_kafka(),
    )
    kafka_frame: Literal["auto", "none", "confluent"] = Field(
        "auto",
        description="Frame before the text of a message: confluent removes the 5 bytes that a "
        "schema registry's serializer writes, auto removes them where JSON follows, none keeps "
        "everything.",
        json_schema_extra=_kafka(),
    )
    kafka_dead_letter_topic: str | None = Field(
        None,
        description="Send messages that cannot be decoded to this topic.",
        json_schema_extra=_kafka("TOPIC"),
    )
    kafka_username: str | None = Field(
        None, description="SASL user name.", json_schema_extra=_kafka("NAME")
    )
    kafka_password: SecretStr | None = Field(
        None,
        description="SASL password; only from the environment or the configuration file.",
        json_schema_extra=_kafka("SECRET"),
    )
    kafka_password_file: Path | None = Field(
        None, description="File that contains the SASL password.", json_schema_extra=_kafka("FILE")
    )
    kafka_config: Pairs = Field(
        {},
        description="Any kafka-python consumer setting, such as max_poll_interval_ms=60000; "
        "repeatable, or the table [kafka] of the configuration file.",
        json_schema_extra=_kafka("KEY=VALUE"),
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="Redis server to read from; rediss:// for TLS.",
        json_schema_extra=_redis("URL"),
    )
    redis_password: SecretStr | None = Field(
        None,
        description="Password for Redis; only from the environment or the configuration file.",
        json_schema_extra=_redis("SECRET"),
    )
    redis_stream: Values = Field(
        (),
        description="Redis stream to read; comma-separated or repeated.",
        json_schema_extra=_redis("STREAM"),
    )
    redis_field: str = Field(
        "message",
        description="Field of a stream's entries that holds the text.",
        json_schema_extra=_redis("FIELD"),
    )
    json_field: Values = Field(
        (),
        description="Records are JSON objects: learn the text of this field, such as "
        "message or a.b.c; comma-separated or repeated.",
        json_schema_extra={**_section("text"), "metavar": "PATH"},
    )
    json_other: Literal["error", "text"] = Field(
        "error",
        description="With --json-field: treat a record that is not a JSON object as an error "
        "(see --errors) or as plain text.",
        json_schema_extra=_section("text"),
    )
    errors: Literal["skip", "stop"] = Field(
        "skip",
        description="What to do with a record that cannot be decoded. Skipped records are counted.",
        json_schema_extra=_section("text"),
    )
    record_start: str = Field(
        "",
        description="Regular expression for the start of a multi-line record, such as '\\d{4}-'. "
        "Without it, each line is a record.",
        json_schema_extra={**_section("text"), "metavar": "REGEX"},
    )
    tokenizer: str = Field(
        "whitespace",
        description="How to split text into words: whitespace (ASCII), unicode, log, chinese, "
        "japanese, korean, an installed tokenizer, or your own as module:function.",
        json_schema_extra={**_section("text"), "metavar": "NAME"},
    )
    tokenizer_option: Pairs = Field(
        {},
        description="Option of the tokenizer, such as nfkc=on; repeatable, or the table "
        "[tokenizer_option] of the configuration file.",
        json_schema_extra={**_section("text"), "metavar": "KEY=VALUE"},
    )
    phrases: bool = Field(
        False,
        description="Join words that often occur together, such as new_york.",
        json_schema_extra=_section("text"),
    )
    phrases_threshold: float = Field(
        100.0,
        gt=0.0,
        description="Score above which two words are joined (word2phrase's); higher joins fewer.",
        json_schema_extra=_section("text"),
    )
    lowercase: bool = Field(
        False, description="Convert text to lower case.", json_schema_extra=_section("text")
    )
    max_line_bytes: int = Field(
        1_048_576,
        ge=1024,
        le=1 << 30,
        description="Split longer lines into several records, between words.",
        json_schema_extra=_section("text"),
    )
    snapshot_dir: str = Field(
        "snapshots",
        description="Where to write snapshots: a folder, or a URL such as s3://bucket/prefix.",
        json_schema_extra=_section("snapshots"),
    )
    snapshot_every: Span = Field(
        Interval(seconds=300.0),
        description="How often to write a snapshot: 30s, 5m, 1h or 1000000words.",
        json_schema_extra=_section("snapshots"),
    )
    vectors_every: MaybeSpan = Field(
        None,
        description="Also write the vectors alone this often, between full snapshots. Programs "
        "can read them; a restart resumes from full snapshots only.",
        json_schema_extra=_section("snapshots") | {"metavar": "SPAN"},
    )
    anneal_every: MaybeSpan = Field(
        None,
        description="With --replay, anneal a copy of the newest snapshot this often, in another "
        "process, and write its vectors to the folder annealed below --snapshot-dir.",
        json_schema_extra=_section("snapshots") | {"metavar": "SPAN"},
    )
    keep: int = Field(
        5,
        ge=1,
        description="Number of newest snapshots to keep.",
        json_schema_extra=_section("snapshots"),
    )
    keep_hourly: int = Field(
        0,
        ge=0,
        description="Also keep the last snapshot of each of the past N hours.",
        json_schema_extra=_section("snapshots"),
    )
    keep_daily: int = Field(
        0,
        ge=0,
        description="Also keep the last snapshot of each of the past N days (UTC).",
        json_schema_extra=_section("snapshots"),
    )
    keep_vectors: int = Field(
        5,
        ge=1,
        description="Number of newest --vectors-every and --anneal-every snapshots to keep.",
        json_schema_extra=_section("snapshots"),
    )
    resume: Literal["auto", "require", "never"] = Field(
        "auto",
        description="Whether to continue from the newest snapshot; auto does if there is one.",
        json_schema_extra=_section("snapshots"),
    )
    init: Path | None = Field(
        None,
        description="word2vec file with initial vectors, used when there is nothing to resume.",
        json_schema_extra=_section("snapshots"),
    )
    probe: Path | None = Field(
        None,
        description="File of word pairs or analogies to score each snapshot on.",
        json_schema_extra=_section("snapshots"),
    )
    http: MaybeAddress = Field(
        None,
        description="Serve the web page, the API and metrics on this address, such as "
        "127.0.0.1:8787. A port alone is reachable from this machine only.",
        json_schema_extra=_section("service") | {"metavar": "HOST:PORT"},
    )
    http_token: SecretStr | None = Field(
        None,
        description="Access token for HTTP requests (not needed for probes); only from the "
        "environment or the configuration file.",
        json_schema_extra=_section("service") | {"metavar": "SECRET"},
    )
    http_token_file: Path | None = Field(
        None,
        description="File that contains the access token.",
        json_schema_extra=_section("service"),
    )
    progress: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Live status line on stderr; auto shows it on a terminal.",
        json_schema_extra=_section("service"),
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="Format of log lines: text is a sentence on a terminal, key=value elsewhere.",
        json_schema_extra=_section("service"),
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Minimum log level.", json_schema_extra=_section("service")
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
            raise ValueError("--max-line-bytes must be greater than --max-token-bytes")
        if self.json_other == "text" and not self.json_field:
            raise ValueError(
                "--json-other needs --json-field: without it every record is plain text"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _choose_source(cls, values: Any) -> Any:
        """Take the source that other options name, unless one is given."""
        if not isinstance(values, dict) or values.get("source") is not None:
            return values
        path = values.get("path") or ()
        has_topics = bool(values.get("kafka_topic") or values.get("kafka_topic_pattern"))
        has_streams = bool(values.get("redis_stream"))
        if bool(path) + has_topics + has_streams > 1:
            raise ValueError(
                "a run reads one source: give either files, --kafka-topic or --redis-stream"
            )
        if path in ("-", ("-",), ["-"]):
            return {**values, "source": "stdin", "path": ()}
        if path:
            source = "file"
        elif has_streams:
            source = "redis"
        else:
            source = "kafka" if has_topics or values.get("kafka_bootstrap_servers") else "stdin"
        return {**values, "source": source}

    @model_validator(mode="after")
    def _check_source(self) -> RunSettings:
        is_file = self.source == "file"
        if is_file and not self.path:
            raise ValueError("no file to read: name one, as in w2v-stream run FILE, or --path FILE")
        if self.path and not is_file:
            raise ValueError(
                f"--source {self.source} reads no files: leave out --source, or the files"
            )
        if self.source != "kafka" and (self.kafka_topic or self.kafka_topic_pattern):
            raise ValueError(
                f"--source {self.source} reads no topics: leave out --source, or --kafka-topic"
            )
        if self.redis_stream and self.source != "redis":
            raise ValueError(
                f"--source {self.source} reads no streams: leave out --source, or --redis-stream"
            )
        if self.follow and not is_file:
            raise ValueError("--follow needs files to follow: w2v-stream run FILE --follow")
        if self.record_start and self.source in ("kafka", "redis"):
            raise ValueError("--record-start is for lines: each message is a record already")
        if self.stdin_skip_known and self.source != "stdin":
            raise ValueError("--stdin-skip-known needs piped input, not --source " + self.source)
        return self

    @model_validator(mode="after")
    def _check_annealing(self) -> RunSettings:
        if self.anneal and not self.replay:
            raise ValueError("--anneal trains on the text that --replay keeps: add --replay N")
        if self.anneal_every is not None and not self.replay:
            raise ValueError(
                "--anneal-every trains on the text that --replay keeps: add --replay N"
            )
        if self.anneal and self.follow:
            raise ValueError("--anneal needs input that ends: drop --follow, or use --anneal-every")
        if self.anneal and self.source in ("kafka", "redis"):
            raise ValueError(
                "--anneal needs input that ends, and a topic or stream has no end: use "
                "--anneal-every"
            )
        return self

    @model_validator(mode="after")
    def _check_kafka(self) -> RunSettings:
        if self.source != "kafka":
            return self
        if not self.kafka_bootstrap_servers:
            raise ValueError(
                "Kafka needs the address of a broker: add --kafka-bootstrap-servers HOST:PORT"
            )
        if not self.kafka_topic and not self.kafka_topic_pattern:
            raise ValueError("Kafka needs a topic to read: add --kafka-topic TOPIC")
        if self.kafka_topic and self.kafka_topic_pattern:
            raise ValueError("give --kafka-topic or --kafka-topic-pattern, not both")
        if self.kafka_partitions and not self.kafka_topic:
            raise ValueError("--kafka-partitions needs --kafka-topic")
        letters = self.kafka_dead_letter_topic
        if letters in self.kafka_topic:
            raise ValueError(
                f"--kafka-dead-letter-topic {letters} is a --kafka-topic, too: its letters would "
                "be read as messages; choose another topic for them"
            )
        if self.kafka_password and self.kafka_password_file:
            raise ValueError("give a Kafka password or --kafka-password-file, not both")
        return self

    @model_validator(mode="after")
    def _check_redis(self) -> RunSettings:
        if self.source == "redis" and not self.redis_stream:
            raise ValueError("Redis needs a stream to read: add --redis-stream STREAM")
        if re.search("//[^/]*:[^/]*@", self.redis_url):
            raise ValueError(
                "--redis-url must hold no password, which every user of this machine could see: "
                "set W2V_STREAM_REDIS_PASSWORD"
            )
        if not re.match("(redis|rediss|unix)://", self.redis_url):
            raise ValueError("--redis-url must begin with redis://, rediss:// or unix://")
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
        if not self.replay or self.follow or self.source in ("kafka", "redis"):
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
