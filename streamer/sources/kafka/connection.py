"""Making a consumer: what is refused or wrong is told apart from what is only away."""

from __future__ import annotations

from typing import Any

from kafka import errors as kafka_errors

from streamer.errors import ConfigurationError
from streamer.sources.kafka.client import Consumer
from streamer.sources.kafka.clientlog import ClientLog, reason_of

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

ANSWER_SECONDS = 10.0
"""Longest wait for the first answer about topics."""


def connect(
    config: dict[str, Any], topics: tuple[str, ...], client_log: ClientLog, frame: str = "none"
) -> Consumer:
    """A consumer that knows the topics and takes the ``frame`` off values.

    Raises ConfigurationError for what is wrong or refused, KafkaError if no broker answers.
    """
    client_log.refusal = None  # an earlier one has passed
    try:
        consumer = Consumer(frame, **config)
        try:
            consumer.learn_topics(topics, ANSWER_SECONDS)  # before the group is joined
        except BaseException:
            consumer.close(autocommit=False, timeout_ms=0)
            raise
    except FATAL as error:
        raise ConfigurationError(f"Kafka refuses: {reason_of(error)}") from error
    except (ValueError, TypeError, AssertionError, OSError) as error:
        raise ConfigurationError(f"wrong Kafka settings: {reason_of(error)}") from error
    except kafka_errors.KafkaError as error:
        if client_log.refusal is not None:
            reason = reason_of(client_log.refusal)
            raise ConfigurationError(f"Kafka refuses: {reason}") from error
        raise
    return consumer


def unreachable(config: dict[str, Any]) -> dict[str, str]:
    """What a person should know when no broker answers."""
    details = {"bootstrap_servers": ",".join(config["bootstrap_servers"])}
    if "sasl_mechanism" in config:
        # The broker's answer is lost when it comes together with the disconnection.
        details["note"] = "if brokers are up, they may refuse the credentials"
    return details
