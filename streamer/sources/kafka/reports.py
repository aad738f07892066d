"""What the Kafka source reports: events, and figures that become fields and metrics."""

from __future__ import annotations

from streamer.catalog import Event, Family

_PARTITION = {
    "topic": "the topic",
    "partition": "number of the partition",
}
_PARTITIONS = {
    "count": "number of partitions",
    "seconds": "time it took",
}

EVENTS = (
    Event(
        "kafka_client",
        "warning",
        "kafka-python: {message}.",
        {"logger": "which of its loggers", "message": "a warning of kafka-python"},
    ),
    Event("kafka_connected", "info", "Connected to Kafka.", {"group": "consumer group"}),
    Event(
        "kafka_unreachable",
        "warning",
        "Kafka cannot be reached: {reason}. Trying again.",
        {
            "reason": "why",
            "retry_seconds": "pause before the next attempt",
            "bootstrap_servers": "addresses that were tried",
            "note": "what may be wrong",
        },
    ),
    Event(
        "kafka_error",
        "warning",
        "Kafka: {reason}.",
        {
            "reason": "what went wrong",
            "retry_seconds": "pause before the next attempt",
            "note": "when it happened",
        },
    ),
    Event(
        "kafka_topic_unknown",
        "warning",
        "Topic {topic} does not exist; waiting for it to be created.",
        {"topic": "the topic", "note": "what happens now"},
    ),
    Event(
        "kafka_reads_nothing",
        "warning",
        "Nothing is read from {topics} for {seconds} seconds: {reason}; action: {action}.",
        {
            "reason": "why",
            "group": "consumer group",
            "topics": "topics or pattern",
            "seconds": "for how long",
            "action": "what is done about it: rejoin or reconnect",
        },
    ),
    Event(
        "kafka_reading_again",
        "info",
        "Messages are read again.",
        {"group": "consumer group"},
    ),
    Event(
        "kafka_group_unknown",
        "warning",
        "The members of group {group} cannot be listed: {reason}.",
        {"group": "consumer group", "reason": "why"},
    ),
    Event(
        "kafka_spare_member",
        "info",
        "Other members of group {group} have all partitions; this one waits for one to be free.",
        {"group": "consumer group", "note": "what that means"},
    ),
    Event(
        "kafka_partition_begun",
        "info",
        "Reading {topic}/{partition} from offset {offset}: {reason}.",
        {**_PARTITION, "offset": "next offset to read", "reason": "why there"},
    ),
    Event(
        "kafka_messages_expired",
        "error",
        "{lost:,} messages of {topic}/{partition} were deleted before they could be read.",
        {
            **_PARTITION,
            "offset": "next offset to read",
            "lost": "number of messages",
            "reason": "why reading starts there",
        },
    ),
    Event(
        "kafka_topic_shorter",
        "error",
        "{topic}/{partition} ends before the checkpoint's position: the topic was truncated.",
        {
            **_PARTITION,
            "offset": "next offset to read",
            "note": "what may have happened",
        },
    ),
    Event(
        "kafka_topic_recreated",
        "warning",
        "Topic {topic} was deleted and created again; {topic}/{partition} is read from its start.",
        {
            **_PARTITION,
            "offset": "next offset to read",
            "note": "what happens now",
        },
    ),
    Event(
        "kafka_partitions_released",
        "info",
        "{count} partitions were released.",
        _PARTITIONS,
    ),
    Event(
        "kafka_partitions_lost",
        "warning",
        "{count} partitions were lost: {note}.",
        {**_PARTITIONS, "note": "what follows"},
    ),
    Event(
        "kafka_commit_failed",
        "warning",
        "Committing offsets failed: {reason}. It is tried again.",
        {"reason": "why", "retry_seconds": "pause before the next attempt"},
    ),
    Event(
        "dead_letter_failed",
        "warning",
        "A message could not be sent to dead-letter topic {topic}: {reason}.",
        {"topic": "the dead-letter topic", "reason": "why"},
    ),
    Event(
        "dead_letters_wait",
        "error",
        "{messages} messages could not be stored in dead-letter topic {topic}: {reason}. "
        "Checkpoints wait until they are.",
        {
            "topic": "the dead-letter topic",
            "messages": "number of messages",
            "reason": "why",
            "retry_seconds": "pause before the next attempt",
        },
    ),
)

FIGURES = (
    Family("messages", "counter", "Messages read."),
    Family("lag_messages", "gauge", "Messages in the topics that are not learned yet."),
    Family(
        "lag_checkpointed_messages",
        "gauge",
        "Messages in the topics that are not in a snapshot yet.",
    ),
    Family("rebalances", "counter", "Times that the group assigned partitions again."),
    Family("source_errors", "counter", "Errors of the connection, of commits and of the group."),
    Family("lost_messages", "counter", "Messages that were deleted before they could be read."),
    Family(
        "stalls", "counter", "Times that nothing was read although there was something to read."
    ),
    Family("stalled_seconds", "gauge", "For how long nothing is read although there is something."),
    Family("buffered_bytes", "gauge", "Bytes of messages that are fetched and not learned yet."),
)
