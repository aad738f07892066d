"""Settings to kafka-python's: names, types, defaults of ours, secrets and what must not be set."""

from __future__ import annotations

import os
import re
from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from streamer.errors import ConfigurationError, nearest
from streamer.sources.kafka.settings import KafkaSettings

_OURS: dict[str, Any] = {
    "client_id": "w2v-stream",
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # we decide, and say so
    "isolation_level": "read_committed",  # what was aborted was never sent
    "allow_auto_create_topics": False,  # a mistyped topic is not made
    "metadata_max_age_ms": 30_000,  # how soon new partitions and topics are seen
    "session_timeout_ms": 10_000,  # heartbeats do not wait for training, so a short one is safe
    "max_poll_records": 32,  # record batches at a time, see values
    "fetch_max_bytes": 8 << 20,
    "bootstrap_timeout_ms": 5_000,
    "reconnect_backoff_max_ms": 5_000,
    "metrics_enabled": False,
}

_FIXED = {
    "bootstrap_servers": "use --kafka-bootstrap-servers",
    "group_id": "use --kafka-group",
    "auto_offset_reset": "use --kafka-start and --kafka-expired",
    "enable_auto_commit": "offsets are committed when a checkpoint is on disk",
    "auto_commit_interval_ms": "offsets are committed when a checkpoint is on disk",
    "default_offset_commit_callback": "offsets are committed when a checkpoint is on disk",
    "consumer_timeout_ms": "the stream has no end",
    "sasl_plain_password": "use W2V_STREAM_KAFKA_PASSWORD or --kafka-password-file",
}

_WITHOUT_DEFAULT = {"receive_buffer_bytes": int, "send_buffer_bytes": int}

_ASSIGNORS: dict[str, Any] = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}


def for_client(client: Any, config: dict[str, Any]) -> dict[str, Any]:
    """The settings of a consumer that another client, such as KafkaProducer, has as well."""
    return {key: value for key, value in config.items() if key in client.DEFAULT_CONFIG}


def consumer_config(settings: KafkaSettings, **defaults: Any) -> dict[str, Any]:
    """Keyword arguments of KafkaConsumer; ConfigurationError names the setting that is wrong.

    ``defaults`` come in place of those of the source.
    """
    config = {**_OURS, **defaults}
    for key, text in settings.kafka_config.items():
        name = re.sub("[.-]", "_", key)
        if name in _FIXED:
            raise ConfigurationError(f"kafka setting {key} cannot be set: {_FIXED[name]}")
        if name not in KafkaConsumer.DEFAULT_CONFIG:
            known = sorted(KafkaConsumer.DEFAULT_CONFIG)
            raise ConfigurationError(f"unknown kafka setting {key!r}{nearest(name, known)}")
        config[name] = _parse(key, name, text)
    config["bootstrap_servers"] = list(settings.kafka_bootstrap_servers)
    config["group_id"] = settings.kafka_group
    if settings.kafka_username is not None:
        config["sasl_plain_username"] = settings.kafka_username
    password = _password(settings)
    if password is not None:
        config["sasl_plain_password"] = password
    _check(config)
    return config


def _parse(key: str, name: str, text: str) -> Any:
    """A setting's value in the type of its default."""
    default = KafkaConsumer.DEFAULT_CONFIG[name]
    kind = _WITHOUT_DEFAULT.get(name, type(default))
    try:
        if name == "partition_assignment_strategy":
            return [_ASSIGNORS[strategy.strip()] for strategy in text.split(",")]
        if name == "api_version":
            return tuple(int(part) for part in text.replace(".", ",").split(","))
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind in (int, float):
            return kind(text)
        if default is None and name not in ("ssl_context", "sasl_oauth_token_provider"):
            return text
        if kind is str:
            return text
    except KeyError:
        choices = "true, false" if kind is bool else ", ".join(_ASSIGNORS)
        raise ConfigurationError(f"kafka setting {key} must be one of {choices}") from None
    except ValueError:
        raise ConfigurationError(f"kafka setting {key} must be a number, not {text!r}") from None
    raise ConfigurationError(f"kafka setting {key} takes a Python object: it cannot be set here")


def _password(settings: KafkaSettings) -> str | None:
    if settings.kafka_password is not None and settings.kafka_password_file is not None:
        raise ConfigurationError("give a Kafka password or --kafka-password-file, not both")
    if settings.kafka_password is not None:
        return settings.kafka_password.get_secret_value()
    file = settings.kafka_password_file
    if file is None:
        return None
    try:
        return file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--kafka-password-file {file} cannot be read: {error}") from error


def _check(config: dict[str, Any]) -> None:
    protocol = config.get("security_protocol", "PLAINTEXT")
    if protocol not in ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"):
        raise ConfigurationError(
            f"kafka setting security_protocol is {protocol!r}; "
            "it must be PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
        )
    for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile", "ssl_crlfile"):
        if name in config and not os.access(config[name], os.R_OK):
            raise ConfigurationError(f"kafka setting {name}: {config[name]} cannot be read")
    has_user = "sasl_plain_username" in config
    if has_user and not protocol.startswith("SASL_"):
        raise ConfigurationError(
            "--kafka-username needs --kafka-config security_protocol=SASL_SSL (or SASL_PLAINTEXT)"
        )
    mechanism = config.get("sasl_mechanism")
    if protocol.startswith("SASL_") and mechanism is None:
        raise ConfigurationError(
            f"security_protocol={protocol} needs --kafka-config sasl_mechanism=SCRAM-SHA-256 "
            "(or SCRAM-SHA-512, PLAIN)"
        )
    if (mechanism or "").startswith(("SCRAM", "PLAIN")) and not (
        has_user and "sasl_plain_password" in config
    ):
        raise ConfigurationError(
            f"sasl_mechanism={mechanism} needs --kafka-username, and a password in "
            "W2V_STREAM_KAFKA_PASSWORD or in the file of --kafka-password-file"
        )
