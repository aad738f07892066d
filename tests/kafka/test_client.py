"""The adapter: which kafka-python it was checked against, and what it adds to its consumer."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import kafka
import pytest
from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecordBatch

from streamer.sources.kafka import client
from streamer.sources.kafka.client import CHECKED_VERSIONS, Consumer
from tests.kafka.cluster import Cluster

_PRIVATE = {
    "": ["_cluster", "_coordinator", "_fetcher", "_manager", "_net", "_subscription"],
    "_cluster": ["_last_successful_refresh_ms", "metadata_refresh_in_progress",
                 "partitions_for_topic", "request_update", "set_topics", "topic_id"],
    "_coordinator": ["_handle_heartbeat_response", "need_rejoin", "rejoining", "request_rejoin"],
    "_fetcher": ["PartitionRecords", "_parse_fetched_data"],
    "_manager": ["_conns", "wait_for"],
    "_net": ["run", "sleep"],
    "_subscription": ["_lock", "assignment", "is_assigned"],
}  # fmt: skip
"""What the adapter uses that kafka-python does not promise, by the part that has it."""


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """One that has met no broker."""
    made = Consumer(bootstrap_servers="127.0.0.1:1", api_version=(4, 0), group_id="g")
    yield made
    made.close(autocommit=False, timeout_ms=0)


def test_this_version_of_the_client_was_checked() -> None:
    """Read what changed in ``_PRIVATE``, run tests/kafka, and add the version."""
    assert kafka.__version__ in CHECKED_VERSIONS


def test_private_parts_are_there(consumer: Consumer) -> None:
    for part, names in _PRIVATE.items():
        owner = getattr(consumer, part) if part else consumer
        missing = [name for name in names if not hasattr(owner, name)]
        assert not missing, f"kafka-python {kafka.__version__} has no {part}.{missing}"
    assert isinstance(Fetcher.PartitionRecords, type)
    batch = DefaultRecordBatch(bytearray(100))
    assert all(hasattr(batch, name) for name in ("_buffer", "_pos"))


def test_nobody_but_the_adapter_touches_private_parts() -> None:
    """A private attribute of anything but ``self`` is somebody else's."""
    adapter = Path(client.__file__)
    touched = [
        f"{file.name}:{node.lineno} {ast.unparse(node)}"
        for file in sorted(adapter.parent.glob("*.py"))
        if file != adapter
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute)
        and re.match("_[^_]", node.attr)
        and ast.unparse(node.value) != "self"
    ]
    assert not touched
    attributes = [
        node
        for node in ast.walk(ast.parse(adapter.read_text()))
        if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr)
    ]
    own = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)} | vars(
        Consumer
    ).keys()
    known = {name for names in _PRIVATE.values() for name in names} | {"_buffer", "_pos"}
    assert {node.attr for node in attributes} - own <= known


def test_a_join_that_has_begun_stays_needed(consumer: Consumer) -> None:
    """Also when what made it needed is gone: the join itself makes metadata snapshots equal."""
    coordinator = consumer._coordinator
    consumer.subscribe(["t"])
    coordinator._joined_subscription = {"t"}
    coordinator.rejoin_needed = False
    assert not coordinator.need_rejoin()
    coordinator.rejoining = True
    assert coordinator.need_rejoin()


def test_what_was_taken_away_is_neither_paused_nor_resumed(consumer: Consumer) -> None:
    partition = kafka.TopicPartition("t", 0)
    consumer.pause(partition)
    consumer.resume(partition)
    consumer.assign([partition])
    consumer.pause(partition)
    assert consumer.paused() == {partition}
    assert consumer.position_of(partition) is None
    consumer.seek(partition, 7)
    assert consumer.position_of(partition) == 7


@pytest.mark.parametrize("poll_milliseconds", [2, 5, 10, 50])
def test_short_polls_join_when_a_topic_comes(cluster: Cluster, poll_milliseconds: int) -> None:
    """The client forgot a join that was under way when a poll ended."""
    for attempt in range(3):
        name = f"short-{poll_milliseconds}-{attempt}-{time.time_ns()}"
        consumer = Consumer(
            bootstrap_servers=cluster.bootstrap_servers, group_id=name,
            allow_auto_create_topics=False, metadata_max_age_ms=500,
        )  # fmt: skip
        consumer.subscribe([name])
        until = time.monotonic() + 1
        while time.monotonic() < until:
            consumer.poll(timeout_ms=poll_milliseconds)
        cluster.topic(name=name)
        deadline = time.monotonic() + 180
        while not consumer.assignment():
            consumer.poll(timeout_ms=poll_milliseconds)
            assert time.monotonic() < deadline
        consumer.close(timeout_ms=5000)
