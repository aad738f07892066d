"""What is read from Kafka, where it begins, and how messages become records."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon, counts, lines_of, words_of
from w2v_online import load_vectors

Start = Callable[..., Daemon]
_OFTEN = ["--snapshot-every", "1s"]


def _group(topic: str) -> list[str]:
    return ["--kafka-group", f"g-{topic}"]


def test_kill_and_resume_equal_an_uninterrupted_run(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """SIGKILL loses and repeats nothing: counts are exact, and vectors the same bytes."""
    topic, lines = cluster.topic(), lines_of(60_000)
    options = ["--kafka-topic", topic, *_group(topic), "--snapshot-every", "50000words"]
    for life in range(3):
        cluster.produce(topic, lines[20_000 * life : 20_000 * (life + 1)])
        killed = daemon(*options, folder=tmp_path / "killed")
        killed.event("snapshot_written")
        killed.kill()
    last = daemon(*options, *_OFTEN, folder=tmp_path / "killed")
    last.wait_for_words(12 * len(lines))
    assert last.stop() == 0
    whole = daemon("--kafka-topic", topic, "--kafka-group", "other", *_OFTEN)
    whole.wait_for_words(12 * len(lines))
    assert whole.stop() == 0
    assert counts(tmp_path / "killed") == counts(tmp_path / "s") == words_of(lines)
    one, other = load_vectors(tmp_path / "killed"), load_vectors(tmp_path / "s")
    assert one.words == other.words
    assert np.array_equal(one.vectors, other.vectors)
    assert cluster.committed(f"g-{topic}", topic) == {0: len(lines)}


def test_compressed_messages(cluster: Cluster, daemon: Start, tmp_path: Path) -> None:
    topic, lines = cluster.topic(2), lines_of(500)
    codecs = ["gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        cluster.produce(topic, [*lines, None, b""], compression_type=codec)
    process = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN)
    process.wait_for_words(12 * len(lines) * len(codecs))
    assert process.stop() == 0
    assert counts(tmp_path / "s") == words_of(lines * len(codecs))


def test_a_message_of_several_lines_is_several_records(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"a b\nc d", b"e f\n", b"g" * 70 + b" " + b"long " * 400])
    process = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN, "--max-line-bytes", "1024")
    process.wait_for_words(407)
    assert process.stop() == 0
    manifest = load_vectors(tmp_path / "s").manifest
    # two, one, and a message of 2,071 bytes in three
    assert manifest["totals"]["records"] == 6
    assert manifest["totals"]["dropped_tokens"] == 1
    assert manifest["positions"]["kafka"]["partitions"] == {topic: {"0": 3}}


def test_json_fields_and_broken_documents(cluster: Cluster, daemon: Start, tmp_path: Path) -> None:
    documents = [
        {"log": {"text": "one two"}, "tags": ["x y", "z", 7]},
        {"log": {"text": "three"}, "other": 1},
        {"tags": [["s t"], ["u"]]},
        {"nothing": True},
        {"log": {"text": {"no": "text"}}},
    ]
    topic = cluster.topic()
    pretty = json.dumps({"log": {"text": "four"}}, indent=2).encode()
    texts = [json.dumps(document).encode() for document in documents]
    cluster.produce(topic, [*texts, pretty, b'{"log": ', b"\xff", None])
    process = daemon(
        "--kafka-topic", topic, *_group(topic), *_OFTEN, "--json-field", "log.text,tags"
    )
    process.wait_for_words(11)
    assert process.stop() == 0
    words = ["one", "two", "x", "y", "z", "7", "three", "s", "t", "u", "four"]
    assert counts(tmp_path / "s") == Counter(words)
    assert load_vectors(tmp_path / "s").manifest["counters"]["invalid_records"] == 4


def test_start_at_the_end_or_at_a_time(cluster: Cluster, daemon: Start, tmp_path: Path) -> None:
    """What was there before is left out, also when the first run ended before its checkpoint."""
    topic = cluster.topic()
    cluster.produce(topic, [b"old"])
    late = daemon("--kafka-topic", topic, *_group(topic), "--kafka-start", "latest")
    late.event("kafka_partition_begun")
    cluster.produce(topic, [b"new"])
    late.kill()
    again = daemon("--kafka-topic", topic, *_group(topic), "--kafka-start", "latest", *_OFTEN)
    again.wait_for_words(1)
    assert again.stop() == 0
    assert counts(tmp_path / "s") == Counter(["new"])
    timed = daemon(
        "--kafka-topic", topic, "--kafka-group", f"h-{topic}", *_OFTEN,
        "--kafka-start", "2001-01-01T00:00:00Z", folder=tmp_path / "timed",
    )  # fmt: skip
    timed.wait_for_words(2)
    assert timed.stop() == 0


@pytest.mark.parametrize("backoff_ms", [97, 247])
def test_patterns_and_new_partitions(
    cluster: Cluster, daemon: Start, tmp_path: Path, backoff_ms: int
) -> None:
    """A topic and a partition that come later are read from their beginning.

    However long the client waits between two questions for metadata: polls that were a little
    longer than that did not join the group for minutes.
    """
    first = cluster.topic(name=f"p-{tmp_path.name}-a")
    process = daemon(
        "--kafka-topic-pattern", f"p-{tmp_path.name}-.*", *_group(first), *_OFTEN,
        "--kafka-config", "metadata.max.age.ms=500", "--kafka-start", "latest",
        "--kafka-config", f"retry.backoff.ms={backoff_ms}",
    )  # fmt: skip
    process.event("kafka_partition_begun")
    cluster.produce(first, [b"one"])
    process.wait_for_words(1)
    cluster.add_partitions(first, 2)
    cluster.produce(first, [b"two"], partition=1)
    process.wait_for_words(2)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == Counter(["one", "two"])


def test_fixed_partitions_of_several_topics(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    topics = [cluster.topic(3), cluster.topic(3)]
    for topic in topics:
        cluster.produce(topic, [b"zero", b"one", b"two"])
    process = daemon(
        "--kafka-topic", ",".join(topics), "--kafka-partitions", "0-1", *_OFTEN, *_group(topics[0])
    )
    process.wait_for_words(4)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == Counter(["zero", "one"] * 2)
    assert cluster.committed(f"g-{topics[0]}", topics[1]) == {0: 1, 1: 1}


def test_the_checkpoint_wins_over_the_group(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """Offsets that somebody else set for the group do not move a model's position."""
    topic = cluster.topic()
    cluster.produce(topic, [b"a", b"b"])
    process = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN)
    process.wait_for_words(2)
    assert process.stop() == 0
    cluster.commit(f"g-{topic}", topic, 0)
    cluster.produce(topic, [b"c"])
    again = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN)
    again.wait_for_words(3)
    assert again.stop() == 0
    assert counts(tmp_path / "s") == Counter("abc")


@pytest.mark.parametrize("policy", ["earliest", "stop"])
def test_expired_messages_are_reported(
    cluster: Cluster, daemon: Start, tmp_path: Path, policy: str
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"a"])
    process = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN)
    process.wait_for_words(1)
    assert process.stop() == 0
    cluster.produce(topic, [b"b", b"c", b"d"])
    cluster.delete_before(topic, 0, 3)
    again = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN, "--kafka-expired", policy)
    if policy == "stop":
        assert again.process.wait(timeout=180) == 1
        again.wait_for("does not exist any more, and --kafka-expired is stop")
        return
    assert "lost=2" in again.event("kafka_messages_expired")
    again.wait_for_words(2)
    assert again.stop() == 0
    assert counts(tmp_path / "s") == Counter("ad")


def test_lines_sent_by_the_example_are_learned(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    topic = cluster.topic()
    subprocess.run(
        [sys.executable, "examples/produce.py", "--topic", topic, "-",
         "--bootstrap-servers", cluster.bootstrap_servers],
        input=b"one two\nthree\n", check=True, timeout=240,
    )  # fmt: skip
    process = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN)
    process.wait_for_words(3)
    assert process.stop() == 0
    assert load_vectors(tmp_path / "s").manifest["totals"]["records"] == 2


def test_a_snapshot_on_demand_is_committed(cluster: Cluster, daemon: Start) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"a"])
    process = daemon("--kafka-topic", topic, *_group(topic))
    process.event("kafka_partition_begun")
    while process.saved_words() < 1:  # asked before the message was learned, it holds none
        seen = len(process.lines)
        process.process.send_signal(signal.SIGUSR1)
        process.wait_until(lambda seen=seen: len(process.lines) > seen)
    process.wait_until(lambda: cluster.committed(f"g-{topic}", topic) == {0: 1})


def test_a_topic_made_again_while_nobody_reads_is_read_from_its_start(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """Also if it is longer than the former one was: its id tells."""
    topic = cluster.topic()
    cluster.produce(topic, [b"old"] * 10)
    options = ["--kafka-topic", topic, *_group(topic), *_OFTEN]
    process = daemon(*options)
    process.wait_for_words(10)
    assert process.stop() == 0
    cluster.recreate(topic)
    new = [b"new%d" % i for i in range(25)]
    cluster.produce(topic, new)
    again = daemon(*options)
    again.event("kafka_topic_recreated")
    again.wait_for_words(35)
    assert again.stop() == 0
    assert counts(tmp_path / "s") == words_of([*[b"old"] * 10, *new])
    assert cluster.committed(f"g-{topic}", topic) == {0: 25}
    third = daemon(*options)
    assert "reason=checkpoint" in third.event("kafka_partition_begun")
    assert third.stop() == 0


@pytest.mark.parametrize("fixed", [False, True])
def test_a_topic_made_again_while_it_is_read_is_read_from_its_start(
    cluster: Cluster, daemon: Start, tmp_path: Path, fixed: bool
) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"old"] * 10)
    options = ["--kafka-partitions", "0"] if fixed else []
    process = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN, *options)
    process.wait_for_words(10)
    cluster.recreate(topic)
    new = [b"new%d" % i for i in range(25)]
    cluster.produce(topic, new[:15])  # more than there were
    process.wait_for_words(25)
    cluster.produce(topic, new[15:])
    process.wait_for_words(35)
    process.event("kafka_topic_recreated")
    assert process.stop() == 0
    assert counts(tmp_path / "s") == words_of([*[b"old"] * 10, *new])
    assert cluster.committed(f"g-{topic}", topic) == {0: 25}


def test_transactions_leave_no_lag_and_are_passed(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """Markers take offsets and what is aborted stays unread; what an open one holds waits."""
    topic = cluster.topic()
    producer = cluster.transactional_producer(topic)
    for commit in (True, True, False, True, False):
        producer.begin_transaction()
        for _ in range(5):
            producer.send(topic, b"kept" if commit else b"aborted")
        producer.flush()
        producer.commit_transaction() if commit else producer.abort_transaction()
    process = daemon(
        "--kafka-topic", topic, *_group(topic), *_OFTEN, "--http", "127.0.0.1:0"
    )  # fmt: skip
    process.wait_for_words(15)

    def lags() -> list[float]:
        names = ("lag_messages", "lag_checkpointed_messages")
        return [process.metrics()[f"w2v_stream_source_{name}"] for name in names]

    process.wait_until(lambda: lags() == [0, 0])
    process.wait_until(lambda: cluster.committed(f"g-{topic}", topic) == {0: 30})
    producer.begin_transaction()
    producer.send(topic, b"later")
    producer.flush()
    cluster.produce(topic, [b"plain"])  # behind what is not decided
    process.wait_until(lambda: lags() == [0, 0])
    producer.commit_transaction()
    producer.close()
    process.wait_for_words(17)
    process.wait_until(lambda: lags() == [0, 0])
    assert process.metrics()["w2v_stream_source_stalls_total"] == 0
    assert process.stop() == 0
    assert counts(tmp_path / "s") == {"kept": 15, "later": 1, "plain": 1}
    assert cluster.committed(f"g-{topic}", topic) == {0: 33}


def test_an_offset_behind_what_is_undecided_is_kept(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """An operator's tools and other readers commit offsets within open transactions."""
    topic = cluster.topic()
    cluster.produce(topic, [b"old"] * 3)
    producer = cluster.transactional_producer(topic)
    producer.begin_transaction()
    producer.send(topic, b"undecided")
    producer.flush()
    cluster.commit(f"g-{topic}", topic, 4)
    process = daemon("--kafka-topic", topic, *_group(topic), *_OFTEN)
    begun = process.event("kafka_partition_begun")
    assert "offset=4" in begun
    assert "reason=group" in begun
    producer.commit_transaction()
    producer.close()
    cluster.produce(topic, [b"new"])
    process.wait_for_words(1)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == {"new": 1}
