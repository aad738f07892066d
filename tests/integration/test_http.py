"""The HTTP side of a real daemon, as a scraper, a prober, a client and an intruder meet it."""

from __future__ import annotations

import asyncio
import http.client
import json
import platform
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamer.config.address import Address
from streamer.http import server as http_server
from streamer.http.server import EXCHANGE_SECONDS, MAX_HEADER_BYTES, HttpServer
from streamer.telemetry.log import LogLevel, make_log
from tests.integration.daemons import COMMAND, SMALL, environment, wait_until
from w2v_online import LearnerConfig, __version__, load_vectors
from w2v_online.learning.objectives.ns import NegativeSampling
from w2v_online.learning.rates import rate_scale

TOKEN = "sesame-0123456789"


class Daemon:
    """A daemon that reads what it is given and answers over HTTP."""

    def __init__(self, folder: Path, *args: str, until: int = 200, **options: Any) -> None:
        self.folder = folder / "s"
        self.log = folder / "log"
        with self.log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [
                    *COMMAND, "--snapshot-dir", str(self.folder), *SMALL, "--progress", "off",
                    "--http", "127.0.0.1:0", *args,
                ],
                stdin=subprocess.PIPE, stderr=stderr, env=environment(), **options,
            )  # fmt: skip
        wait_until(lambda: "event=http_listening" in self.log.read_text())
        self.port = int(re.findall(r"address=127.0.0.1:(\d+)", self.log.read_text())[0])
        wait_until(lambda: self.is_ready(until))

    def is_ready(self, status: int) -> bool:
        """Whether /readyz answers so, and the kernels are loaded."""
        found, answer = self.get("/readyz")
        names = [problem["name"] for problem in answer["problems"]]
        return found == status and names != ["loading"]

    def learn(self, text: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        is_json = response.headers.get("content-type") == "application/json"
        return response.status, json.loads(body) if is_json else body.decode()

    def metrics(self) -> dict[str, float]:
        status, text = self.get("/metrics")
        assert status == 200
        return {
            sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def raw(self, data: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=240)
        client.sendall(data)
        return client

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, kind: object, _error: object, _traceback: object) -> None:
        if kind is not None:
            self.kill()
            return
        self.process.terminate()
        code = self.process.wait(180)
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert code == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that has learned a few sentences and written a snapshot of them."""
    text = "the cat sat on the mat\nthe höhle a+b&c\n".encode() * 50 + b"x" * 100 + b"\n"
    with Daemon(tmp_path_factory.mktemp("http"), "--snapshot-every", "100words") as started:
        started.learn(text)
        wait_until(lambda: started.metrics()["w2v_stream_snapshots_total"] >= 1)
        yield started


def test_metrics_count_what_was_learned(daemon: Daemon) -> None:
    found = daemon.metrics()
    assert found["w2v_stream_words_total"] == 50 * 9 + 1
    assert found["w2v_stream_records_total"] == 101
    assert found["w2v_stream_errors_total long_token"] == 1
    assert found["w2v_stream_vocabulary_words"] == 7
    assert found["w2v_stream_pairs_total positive"] > 0
    assert found["w2v_stream_pairs_total negative"] > found["w2v_stream_pairs_total positive"]
    assert found["w2v_stream_recent_loss negative"] > 0
    assert found["w2v_stream_snapshot_size_bytes"] > 7 * 16 * 4
    assert found[f"w2v_stream_build_info {platform.python_version()} {__version__}"] == 1
    profile = NegativeSampling.skip_gram
    highest = profile.input_share * LearnerConfig().alpha * rate_scale(profile, 0)
    assert 0 < found["w2v_stream_learning_rate input 50"] <= highest
    assert found["w2v_stream_learning_rate output 0"] <= found[
        "w2v_stream_learning_rate output 100"
    ]  # fmt: skip


@pytest.mark.parametrize("loss", ["hs", "softmax"])
def test_losses_without_negatives_have_none_in_the_metrics(tmp_path: Path, loss: str) -> None:
    """Their loss of a pair is all of its -log p; nodes of the tree are counted as what they are."""
    with Daemon(tmp_path, "--loss", loss) as daemon:
        daemon.learn(b"a b c d e f g h\n" * 100)
        wait_until(lambda: daemon.metrics()["w2v_stream_words_total"] == 800)
        found = daemon.metrics()
    pairs, lost = (found[f"w2v_stream_{name}_total positive"] for name in ("pairs", "loss"))
    assert 0 < found["w2v_stream_recent_loss positive"] < 4
    assert found["w2v_stream_recent_loss positive"] == pytest.approx(lost / pairs, rel=0.01)
    assert not [name for name in found if name.endswith(" negative")]
    nodes = found.get("w2v_stream_nodes_total", 0)
    assert (pairs <= nodes <= 7 * pairs) if loss == "hs" else nodes == 0


def test_answers_are_those_of_the_newest_snapshot(daemon: Daemon) -> None:
    vectors = load_vectors(daemon.folder)
    status, answer = daemon.get("/v1/neighbors?word=cat&word=mat&topn=3")
    assert status == 200
    assert answer["snapshot"] == vectors.path.name
    for word in ("cat", "mat"):
        found = {near["word"]: near["cosine"] for near in answer["neighbors"][word]}
        assert found == pytest.approx(dict(vectors.most_similar(word, topn=3)))
    _, answer = daemon.get("/v1/similarity?a=cat&b=mat")
    assert answer["similarity"] == pytest.approx(vectors.similarity("cat", "mat"))
    word = "höhle"
    _, answer = daemon.get(f"/v1/vectors?word={quote(word)}&word={quote('a+b&c')}")
    assert answer["vectors"][word]["vector"] == pytest.approx(vectors[word].tolist())
    assert answer["vectors"]["a+b&c"]["count"] == 50


def test_a_newer_snapshot_is_asked_soon(tmp_path: Path) -> None:
    with Daemon(tmp_path, "--snapshot-every", "30words") as daemon:
        assert daemon.get("/v1/vectors?word=new")[0] == 503
        for line in (b"a b c\n", b"new b c\n"):
            daemon.learn(line * 20)
            path = f"/v1/vectors?word={line.split()[0].decode()}"
            wait_until(lambda path=path: daemon.get(path)[0] == 200)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/v1/neighbors", 400, "word: field required"),
        ("/v1/neighbors?word=", 400, "at least 1 character"),
        ("/v1/neighbors?word=cat&topn=0", 400, "topn"),
        ("/v1/neighbors?word=cat&topn=1001", 400, "topn"),
        ("/v1/neighbors?word=cat&topn=1e3", 400, "topn"),
        ("/v1/neighbors?word=cat&topn=1&topn=2", 400, "topn"),
        ("/v1/neighbors?word=cat&restrict_vocab=-1", 400, "restrict_vocab"),
        ("/v1/neighbors?word=cat&top=3", 400, "top: unknown parameter; did you mean topn?"),
        ("/v1/neighbors?" + "&".join(["word=cat"] * 17), 400, "at most 16"),
        ("/v1/similarity?a=cat", 400, "b: field required"),
        ("/v1/similarity?a=%ff&b=cat", 404, "has no vector"),
        ("/v1/vectors?word=dog", 404, "'dog' has no vector"),
        ("/v1", 404, "Not Found"),
        ("/v1/neighbors/../../etc/passwd", 404, "Not Found"),
    ],
)
def test_wrong_questions_are_refused_with_a_reason(
    daemon: Daemon, path: str, status: int, message: str
) -> None:
    found, answer = daemon.get(path)
    assert found == status
    assert message in answer["error"]


def test_only_get_is_taken_and_no_body(daemon: Daemon) -> None:
    assert daemon.get("/v1/vectors?word=cat", method="DELETE")[0] == 405
    huge = (
        f"POST /v1/vectors HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n".encode()
    )
    with daemon.raw(huge) as client:
        answer = client.makefile("rb").read()  # ends: the connection is closed, not read from
    assert answer.startswith(b"HTTP/1.1 413")


def test_garbage_and_endless_headers_are_cut_off(daemon: Daemon) -> None:
    with daemon.raw(b"\x16\x03\x01 this is not HTTP\r\n\r\n") as client:
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 400")
    with daemon.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 2 * MAX_HEADER_BYTES) as client:
        assert client.makefile("rb").read().startswith(b"HTTP/1.1 400")


def test_requests_on_one_connection_are_answered_in_order(daemon: Daemon) -> None:
    """Requests sent ahead get their answers in turn; who sends too many ahead is cut off."""
    asked = [b"/healthz", b"/v1/vectors?word=cat", b"/readyz"]
    with daemon.raw(
        b"".join(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path for path in asked)
    ) as client:
        received = client.makefile("rb")
        for key in (b"alive", b"snapshot", b"ready"):
            while (line := received.readline()).strip():
                if line.lower().startswith(b"content-length"):
                    size = int(line.split()[1])
            assert received.read(size).startswith(b'{"' + key)
    with daemon.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000) as client:
        try:
            assert client.makefile("rb").read().count(b"HTTP/1.1") < 1000
        except ConnectionResetError:
            pass
    assert daemon.get("/healthz")[0] == 200


def test_the_head_of_endless_events_ends(daemon: Daemon) -> None:
    """The connection is free for the next request, and no page's place is taken."""
    head = b"HEAD /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with daemon.raw(head + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") as client:
        received = client.makefile("rb")
        first, second = ([*iter(received.readline, b"\r\n")] for _ in range(2))
    assert (first[0][:12], second[0][:12]) == (b"HTTP/1.1 200", b"HTTP/1.1 200")
    assert any(b"text/event-stream" in line for line in first)


def test_answers_are_sent_at_once() -> None:
    """A connection does not wait to fill packets: on a kept one that would cost 40 ms a request."""
    server = HttpServer(Address("127.0.0.1", 0), None)
    try:
        with socket.create_connection(("127.0.0.1", server.address.port)):
            accepted, _ = server._socket.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        server.close()


def test_an_answer_that_takes_long_to_find_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map can take longer than a client may: nobody is cut off for the server's own time."""
    monkeypatch.setattr(http_server, "EXCHANGE_SECONDS", 0.2)

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"found"})

    server = HttpServer(Address("127.0.0.1", 0), make_log("text", LogLevel("error")))
    server.start(answer)
    try:
        with urllib.request.urlopen(f"http://{server.address}/", timeout=60) as response:
            assert response.read() == b"found"
        with socket.create_connection(("127.0.0.1", server.address.port), 60) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
            try:
                assert client.recv(100) == b""
            except ConnectionResetError:
                pass
    finally:
        server.close()


def test_slow_and_idle_clients_are_closed_and_hinder_nobody(daemon: Daemon) -> None:
    """200 connections that never finish a request: others are answered, then they are closed."""
    began = time.monotonic()
    slow = [daemon.raw(b"GET /metrics HT" if i % 2 else b"") for i in range(200)]
    assert daemon.get("/healthz") == (200, {"alive": True})
    assert daemon.get("/v1/vectors?word=cat")[0] == 200
    for client in slow:
        with client:
            try:
                assert client.recv(1) == b""
            except ConnectionResetError:
                pass
    assert time.monotonic() - began < EXCHANGE_SECONDS + 10


def test_many_clients_at_once_are_answered_or_turned_away(daemon: Daemon) -> None:
    request = b"GET /v1/neighbors?word=cat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    clients = [daemon.raw(request) for _ in range(200)]
    codes = {200: 0, 503: 0}
    for client in clients:
        with client:
            codes[int(client.makefile("rb").readline().split()[1])] += 1
    assert codes[200] >= 64
    assert sum(codes.values()) == 200


def test_the_description_is_of_what_is_answered(daemon: Daemon) -> None:
    """Every path in it answers, and every answer has the properties that it promises."""
    status, document = daemon.get("/openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    asked = {"word": "cat", "a": "cat", "b": "mat", "c": "sat", "text": "the+cat"}
    document["paths"].pop("/v1/events")  # has no end
    document["paths"].pop("/v1/alerts/mute")  # answered on the page
    for path in ("/v1/embed", "/v1/score"):  # answered in test_embed and test_score_http
        posted = document["paths"].pop(path)["post"]
        body = posted["requestBody"]["content"]["application/json"]["schema"]
        assert body["required"] == ["lines"]
    for path, methods in document["paths"].items():
        wanted = [p["name"] for p in methods["get"].get("parameters", []) if p["required"]]
        query = "&".join(f"{name}={asked[name]}" for name in wanted)
        status, answer = daemon.get(f"{path}?{query}")
        promised = methods["get"]["responses"][str(status)]
        schema = promised["content"].get("application/json", {}).get("schema", {})
        assert set(schema.get("properties", answer)) == set(answer)


def test_who_listens_here_alone_answers_to_no_foreign_name(daemon: Daemon) -> None:
    """A page elsewhere may let its name lead to this machine; its readers must not ask for it."""
    for host, status in (
        ("localhost", 200), ("localhost:80", 200), ("127.0.0.1:8787", 200), ("[::1]:8787", 200),
        ("evil.example", 421), ("evil.example:8787", 421), ("localhost.evil5", 421), ("a:b:c", 421),
    ):  # fmt: skip
        assert daemon.get("/v1/neighbors?word=cat", Host=host)[0] == status, host


def test_a_token_is_asked_for_but_not_by_probes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    with Daemon(tmp_path, "--http-token-file", str(file)) as daemon:
        for path in ("/metrics", "/v1/vectors?word=a", "/openapi.json", "/other"):
            assert daemon.get(path)[0] == 401
            assert daemon.get(path, Authorization="Bearer wrong")[0] == 401
            assert daemon.get(path, Authorization=f"Bearer {TOKEN}")[0] != 401
        assert daemon.get("/readyz")[0] == 200
    assert TOKEN not in daemon.log.read_text()


def test_a_port_that_is_taken_and_tokens_that_make_no_sense_stop_the_start(
    daemon: Daemon, tmp_path: Path
) -> None:
    for args, code, message in (
        (["--http", f"127.0.0.1:{daemon.port}"], 78, "cannot listen there"),
        (["--http", "nosuchhost.invalid:0"], 78, "cannot listen there: Name or service not known"),
        (["--http", "nonsense"], 2, "expected HOST:PORT"),
        (["--http-token-file", "x"], 78, "of no use without --http"),
        (["--http", ":0", "--http-token-file", str(tmp_path / "none")], 78, "cannot be read"),
        (["--http", ":0", "--http-token", "x"], 2, "must not be a flag"),
    ):
        result = subprocess.run(
            [*COMMAND, "--snapshot-dir", tmp_path / "s", *args],
            capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=240, check=False,
            env=environment(),
        )  # fmt: skip
        assert result.returncode == code, result.stderr
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_nothing_is_muted_where_there_are_no_alerts(daemon: Daemon) -> None:
    """The one request that changes something wants JSON, which foreign pages cannot send."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=240)
    body = b'{"kind_id": "00"}'
    for kind, status in (("application/json", 404), ("text/plain", 415)):
        connection.request("POST", "/v1/alerts/mute", body, {"Content-Type": kind})
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()
