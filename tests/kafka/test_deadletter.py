"""Messages that cannot be decoded: counted, kept, never in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson

from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon, counts
from w2v_online import load_vectors

Start = Callable[..., Daemon]


def _poisoned(number: int) -> list[bytes]:
    """Every tenth message is bad, in four ways."""
    bad = [b"\xff\xfe", b'{"text": ', b'{"other": "x"}', b'{"text": {"not": "text"}}']
    return [
        bad[i // 10 % 4] + b" " * (i % 7) if i % 10 == 0 else orjson.dumps({"text": f"w{i % 97}"})
        for i in range(number)
    ]


def test_poison_is_counted_and_kept_and_nothing_else_lost(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """Also across SIGKILL: each poison message is in the topic, with where it came from."""
    topic, letters, messages = cluster.topic(4), cluster.topic(), _poisoned(8_000)
    cluster.produce(topic, messages)
    options = [
        "--kafka-topic", topic, "--kafka-group", topic, "--kafka-dead-letter-topic", letters,
        "--json-field", "text",
    ]  # fmt: skip
    killed = daemon(*options, "--snapshot-every", "2000words")
    killed.event("snapshot_written")
    killed.kill()
    process = daemon(*options, "--snapshot-every", "1s")
    process.wait_for_words(7_200)
    assert process.stop() == 0
    good = Counter(f"w{i % 97}" for i in range(8_000) if i % 10)
    assert counts(tmp_path / "s") == good
    assert load_vectors(tmp_path / "s").manifest["counters"]["invalid_records"] == 800
    kept = {}
    for record in cluster.read(letters):
        headers = {key: value.decode() for key, value in record.headers}
        assert headers["topic"] == topic
        assert headers["reason"].startswith(("broken JSON", "JSON "))
        kept[int(headers["partition"]), int(headers["offset"])] = record.value
    assert Counter(kept.values()) == Counter(messages[::10])


def test_text_that_is_not_utf8_is_a_letter_or_keeps_its_words(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    topic, letters = cluster.topic(), cluster.topic()
    cluster.produce(topic, [b"good", b"caf\xe9 bad\nline", b"good"])
    with_letters = daemon(
        "--kafka-topic", topic, "--kafka-group", f"g-{topic}", "--snapshot-every", "1s",
        "--kafka-dead-letter-topic", letters,
    )  # fmt: skip
    with_letters.wait_for_words(2)
    assert with_letters.stop() == 0
    assert [record.value for record in cluster.read(letters)] == [b"caf\xe9 bad\nline"]
    without = daemon("--kafka-topic", topic, "--snapshot-every", "1s", folder=tmp_path / "without")
    without.wait_for_words(5)
    assert without.stop() == 0
    assert counts(tmp_path / "without") == Counter(["good", "good", "caf\ufffd", "bad", "line"])


def test_a_letter_that_is_too_long_for_its_topic_holds_up_nothing(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """It comes without its text, which is where its headers say; those after it come whole."""
    topic = cluster.topic(max_message_bytes=str(4 << 20))
    letters = cluster.topic(max_message_bytes=str(1 << 20))
    long, short = [b"\xff" + b"a " * size for size in (1 << 20, 1)]
    messages = [b"good", long, short, b"good"]
    cluster.produce(topic, messages, max_request_size=4 << 20)
    process = daemon(
        "--kafka-topic", topic, "--kafka-group", topic, "--kafka-dead-letter-topic", letters,
        "--snapshot-every", "1s",
    )  # fmt: skip
    process.wait_for_words(2)
    process.wait_until(lambda: len(cluster.read(letters)) == 2)
    process.wait_until(lambda: process.saved_words() == 2)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == {"good": 2}
    kept = {dict(record.headers)["offset"]: record.value for record in cluster.read(letters)}
    assert kept == {b"1": b"", b"2": short}


def test_errors_stop_names_the_message(cluster: Cluster, daemon: Start, tmp_path: Path) -> None:
    topic = cluster.topic()
    cluster.produce(topic, [b"good"])
    options = ["--kafka-topic", topic, "--kafka-group", topic, "--errors", "stop"]
    process = daemon(*options, "--snapshot-every", "1s")
    process.wait_for_words(1)
    cluster.produce(topic, [b"\xff"])
    assert process.process.wait(timeout=180) == 1
    process.wait_for(f"topic {topic}, partition 0, offset 1: not UTF-8")
    assert counts(tmp_path / "s") == Counter(["good"])


def test_a_misspelt_field_is_said_while_messages_come(cluster: Cluster, daemon: Start) -> None:
    topic = cluster.topic()
    document = orjson.dumps({"message": "text", "level": "info"})
    cluster.produce(topic, [*[document] * 200, b'{"mesage": "good"}'])
    process = daemon("--kafka-topic", topic, "--kafka-group", topic, "--json-field", "mesage")
    said = process.event("records_invalid")
    assert 'reason="JSON has no field mesage; it has message, level"' in said
    assert process.stop() == 0


def test_letters_are_not_read_though_the_pattern_matches_them(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    """What is produced after the letter is read, and the letter is not."""
    name = tmp_path.name
    topic, letters = cluster.topic(name=f"{name}-logs"), cluster.topic(name=f"{name}-dead")
    cluster.produce(topic, [b'{"text": "good"}', b'{"broken'])
    process = daemon(
        "--kafka-topic-pattern", f"{name}-.*", "--kafka-group", name, "--snapshot-every", "1s",
        "--kafka-dead-letter-topic", letters, "--json-field", "text",
        "--kafka-config", "metadata_max_age_ms=500",
    )  # fmt: skip
    process.wait_until(lambda: len(cluster.read(letters)) == 1)
    later = cluster.topic(name=f"{name}-later")
    cluster.produce(letters, [b'{"text": "letter"}'])
    cluster.produce(later, [b'{"text": "later"}'])
    process.wait_for_words(2)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == Counter(["good", "later"])
    assert len(cluster.read(letters)) == 2


def test_letters_must_not_go_where_messages_come_from(daemon: Start) -> None:
    process = daemon("--kafka-topic", "a,b", "--kafka-dead-letter-topic", "b", servers="x:1")
    assert process.process.wait(timeout=60) == 78
    process.wait_for("--kafka-dead-letter-topic b is a --kafka-topic, too")


def test_framed_json_is_read_and_a_bad_one_kept_as_it_came(
    cluster: Cluster, daemon: Start, tmp_path: Path
) -> None:
    topic, letters = cluster.topic(), cluster.topic()
    frame = b"\0\0\0\0\x0c"
    good = [frame + b'{"text": "framed"}', b'\xef\xbb\xbf{"text": "marked"}', b'{"text": "plain"}']
    cluster.produce(topic, [*good, None, b"", frame + b'{"text": '])
    process = daemon(
        "--kafka-topic", topic, "--kafka-group", topic, "--json-field", "text",
        "--kafka-dead-letter-topic", letters, "--snapshot-every", "1s",
    )  # fmt: skip
    process.wait_for_words(3)
    process.wait_until(lambda: len(cluster.read(letters)) == 1)
    assert process.stop() == 0
    assert counts(tmp_path / "s") == Counter(["framed", "marked", "plain"])
    (letter,) = cluster.read(letters)
    assert letter.value == frame + b'{"text": '
    assert dict(letter.headers)["schema_id"] == b"12"
