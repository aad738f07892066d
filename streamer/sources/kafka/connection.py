"""Making a consumer: what is refused or wrong is told apart from what is only away."""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient

from streamer.errors import ConfigurationError
from streamer.sources.kafka.clientlog import ClientLog, reason_of
from streamer.sources.kafka.values import BulkRecords

FATAL = (
    kafka_errors.AuthorizationError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedCodecError,
    kafka_errors.FencedInstanceIdError,
    kafka_errors.InconsistentGroupProtocolError,
    kafka_errors.InvalidGroupIdError,
    kafka_errors.InvalidTopicError,
    kafka_errors.KafkaConfigurationError,
)
"""Errors that do not pass by themselves."""


def connect(config: dict[str, Any], topics: tuple[str, ...], client_log: ClientLog) -> Any:
    """A consumer that knows the topics and reads values in bulk.

    Raises ConfigurationError for what is wrong or refused, KafkaError if no broker answers.
    """
    clients: list[Any] = []

    def make_client(**options: Any) -> KafkaNetClient:
        clients.append(KafkaNetClient(**options))
        return clients[-1]

    try:
        consumer = KafkaConsumer(kafka_client=make_client, **config)
        for topic in topics:
            consumer.partitions_for_topic(topic)  # known before the group is joined
    except FATAL as error:
        raise ConfigurationError(f"Kafka refuses: {reason_of(error)}") from error
    except (ValueError, TypeError, AssertionError, OSError) as error:
        raise ConfigurationError(f"wrong Kafka settings: {reason_of(error)}") from error
    except kafka_errors.KafkaError as error:
        for client in clients:
            client.close()
        if client_log.refusal is not None:
            reason = reason_of(client_log.refusal)
            raise ConfigurationError(f"Kafka refuses: {reason}") from error
        raise
    consumer._fetcher.PartitionRecords = BulkRecords
    return consumer


def unreachable(config: dict[str, Any]) -> dict[str, str]:
    """What a person should know when no broker answers."""
    details = {"bootstrap_servers": ",".join(config["bootstrap_servers"])}
    if "sasl_mechanism" in config:
        # The broker's answer is lost when it comes together with the disconnection.
        details["note"] = "if brokers are up, they may refuse the credentials"
    return details
