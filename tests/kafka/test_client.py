"""The adapter: which kafka-python it was checked against, and what it adds to its consumer."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kafka
import pytest
from kafka.consumer.fetcher import CompletedFetch, Fetcher
from kafka.errors import CorruptRecordError, LeaderNotAvailableError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.structs import OffsetAndTimestamp

from streamer.sources.kafka import client
from streamer.sources.kafka.client import CHECKED_VERSIONS, Consumer
from tests.kafka.cluster import Cluster

_PRIVATE = {
    "": ["_cluster", "_coordinator", "_fetcher", "_manager", "_net", "_subscription"],
    "_cluster": ["_last_successful_refresh_ms", "available_partitions_for_topic",
                 "metadata_refresh_in_progress", "partitions_for_topic", "request_update",
                 "set_topics", "topic_id"],
    "_coordinator": ["_handle_heartbeat_response", "need_rejoin", "rejoining", "request_rejoin"],
    "_fetcher": ["PartitionRecords", "_isolation_level", "_parse_fetched_data"],
    "_manager": ["_conns", "wait_for"],
    "_net": ["run", "sleep"],
    "_subscription": ["_lock", "assignment", "is_assigned"],
}  # fmt: skip
"""What the adapter uses that kafka-python does not promise, by the part that has it."""

_P = kafka.TopicPartition("t", 0)


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """One that has met no broker."""
    made = Consumer(
        bootstrap_servers="127.0.0.1:1", api_version=(4, 0), group_id="g",
        isolation_level="read_committed",
    )  # fmt: skip
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


def _fetched(values: list[bytes], *, is_damaged: bool) -> CompletedFetch:
    batch = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
    for offset, value in enumerate(values):
        batch.append(offset, timestamp=0, key=None, value=value, headers=[])
    data = bytearray(batch.build())
    data[-3] ^= 0xFF * is_damaged
    answer = SimpleNamespace(
        error_code=0, high_watermark=3, last_stable_offset=3, records=bytes(data),
        aborted_transactions=None, diverging_epoch=None, preferred_read_replica=-1,
    )  # fmt: skip
    return CompletedFetch(_P, 0, 12, answer, None)


def test_a_damaged_batch_is_an_error_each_time_and_read_once_it_is_whole(
    consumer: Consumer,
) -> None:
    """The client kept what it could read no further, and looked for more of it for ever."""
    consumer.assign([_P])
    consumer.seek(_P, 0)
    fetcher, values = consumer._fetcher, [b"a", b"b", b"c"]
    for _ in range(2):
        fetcher._completed_fetches.append(_fetched(values, is_damaged=True))
        with pytest.raises(CorruptRecordError):
            fetcher.fetched_records()
        assert not fetcher._next_partition_records
        assert fetcher.fetched_records() == ({}, False)
    fetcher._completed_fetches.append(_fetched(values, is_damaged=False))
    records, _ = fetcher.fetched_records()
    assert records[_P][0].value.text == b"a\nb\nc\n"
    assert consumer.position_of(_P) == 3


def test_a_partition_without_a_leader_is_an_error_that_may_pass(
    consumer: Consumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client raised KeyError, which ended the daemon, as soon as one of several had none."""
    other = kafka.TopicPartition("t", 1)

    async def send(fetcher: Any, _node: int, asked: Iterable[Any]) -> Any:
        fetchers.append(fetcher)
        level = fetcher._isolation_level
        return {p: OffsetAndTimestamp(9 - level, -1, -1) for p in asked}, set()

    fetchers: list[Any] = [consumer._fetcher]
    monkeypatch.setattr(consumer._cluster, "leader_for_partition", lambda p: 1 if p == _P else -1)
    monkeypatch.setattr(Fetcher, "_send_list_offsets_request", send)
    for ask in (consumer.beginning_offsets, consumer.end_offsets, consumer.log_ends):
        with pytest.raises(LeaderNotAvailableError, match="t/1 has no leader"):
            ask([_P, other], timeout_ms=10_000)
    assert fetchers[-1]._isolation_level != consumer._fetcher._isolation_level
    assert consumer._fetcher._isolation_level == fetchers[0]._isolation_level
    assert consumer.log_ends([_P], timeout_ms=10_000) == {_P: 9}


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
