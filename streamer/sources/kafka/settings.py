"""Options of Kafka as a source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from streamer.config.fields import section
from streamer.config.types import Numbers, Pairs, Start, Values
from streamer.sources.settings import SourceSettings


class KafkaSettings(SourceSettings):
    """Brokers, topics, and what is done with their messages."""

    kafka_bootstrap_servers: Values = Field(
        (),
        description="Kafka brokers to connect to first; comma-separated or repeated.",
        json_schema_extra=section("kafka", "HOST:PORT"),
    )
    kafka_topic: Values = Field(
        (),
        description="Kafka topic to read; comma-separated or repeated.",
        json_schema_extra=section("kafka", "TOPIC"),
    )
    kafka_topic_pattern: str | None = Field(
        None,
        description="Read every topic whose whole name matches, including new ones.",
        json_schema_extra=section("kafka", "REGEX"),
    )
    kafka_partitions: Numbers = Field(
        (),
        description="Read only these partitions of each topic, such as 0,2,4-7, instead of those "
        "the consumer group assigns.",
        json_schema_extra=section("kafka", "NUMBERS"),
    )
    kafka_group: str = Field(
        "w2v-stream",
        description="Consumer group. Daemons in one group share the partitions.",
        json_schema_extra=section("kafka", "NAME"),
    )
    kafka_start: Start = Field(
        "earliest",
        description="Where to start in a partition that has neither a checkpoint nor a committed "
        "offset. A time looks like 2026-01-31T12:00:00Z.",
        json_schema_extra=section("kafka", "earliest|latest|TIME"),
    )
    kafka_expired: Literal["earliest", "latest", "stop"] = Field(
        "earliest",
        description="What to do when the next message has expired from the topic.",
        json_schema_extra=section("kafka"),
    )
    kafka_frame: Literal["auto", "none", "confluent"] = Field(
        "auto",
        description="Frame before the text of a message: confluent removes the 5 bytes that a "
        "schema registry's serializer writes, auto removes them where JSON follows, none keeps "
        "everything.",
        json_schema_extra=section("kafka"),
    )
    kafka_dead_letter_topic: str | None = Field(
        None,
        description="Send messages that cannot be decoded to this topic.",
        json_schema_extra=section("kafka", "TOPIC"),
    )
    kafka_username: str | None = Field(
        None, description="SASL user name.", json_schema_extra=section("kafka", "NAME")
    )
    kafka_password: SecretStr | None = Field(
        None,
        description="SASL password; only from the environment or the configuration file.",
        json_schema_extra=section("kafka", "SECRET"),
    )
    kafka_password_file: Path | None = Field(
        None,
        description="File that contains the SASL password.",
        json_schema_extra=section("kafka", "FILE"),
    )
    kafka_config: Pairs = Field(
        {},
        description="Any kafka-python consumer setting, such as max_poll_interval_ms=60000; "
        "repeatable, or the table [kafka] of the configuration file.",
        json_schema_extra=section("kafka", "KEY=VALUE") | {"table": "kafka"},
    )

    @model_validator(mode="after")
    def _check_kafka(self) -> KafkaSettings:
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
        try:
            re.compile(f"(?:{self.kafka_topic_pattern or ''})$")  # as it is matched
        except re.error as error:
            raise ValueError(f"--kafka-topic-pattern is no regular expression: {error}") from error
        if self.kafka_partitions and not self.kafka_topic:
            raise ValueError("--kafka-partitions needs --kafka-topic")
        letters = self.kafka_dead_letter_topic
        if letters in self.kafka_topic:
            raise ValueError(
                f"--kafka-dead-letter-topic {letters} is a --kafka-topic, too: its letters would "
                "be read as messages; choose another topic for them"
            )
        return self
