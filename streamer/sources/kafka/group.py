"""What the members of a consumer group have, as the group's coordinator tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import GroupAuthorizationFailedError, KafkaError
from kafka.structs import TopicPartition

ANSWER_SECONDS = 5.0
"""Longest wait for a broker's answer."""

_REBALANCING = ("PreparingRebalance", "CompletingRebalance")


@dataclass(frozen=True)
class Group:
    """What the members other than the one that asks have."""

    is_rebalancing: bool
    partitions: frozenset[TopicPartition]


def ask_group(config: dict[str, Any], member_id: str) -> Group:
    """Ask about the group of a consumer with this configuration and member id.

    Raises KafkaError if there is no answer, or a refusal.
    """
    milliseconds = int(1000 * ANSWER_SECONDS)
    known = KafkaAdminClient.DEFAULT_CONFIG
    options = {key: value for key, value in config.items() if key in known}
    options |= {"request_timeout_ms": milliseconds, "bootstrap_timeout_ms": milliseconds}
    name = config["group_id"]
    admin = KafkaAdminClient(**options)
    try:
        told = admin.describe_groups([name])[name]
    finally:
        admin.close()
    if told["error"] and told["group_state"] != "Dead":
        refused = GroupAuthorizationFailedError.__name__ in told["error"]
        raise (GroupAuthorizationFailedError if refused else KafkaError)(told["error"])
    return Group(
        is_rebalancing=told["group_state"] in _REBALANCING,
        partitions=frozenset(
            TopicPartition(topic["topic"], number)
            for member in told["members"]
            if member["member_id"] != member_id and isinstance(member["member_assignment"], dict)
            for topic in member["member_assignment"]["assigned_partitions"]
            for number in topic["partitions"]
        ),
    )
