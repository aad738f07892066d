"""Targets of alerts: files and webhooks, with a real HTTP server on this machine."""

import base64
import errno
import json
import os
import resource
import threading
import traceback
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from streamer.alerts.alert import Alert
from streamer.alerts.targets import webhook
from streamer.alerts.targets.registry import check_target, open_target
from streamer.cluster.worker_log import WorkerLog
from streamer.errors import ConfigurationError

_ALERT = Alert(
    id="00ff", time="2026-01-01T00:00:00.000+00:00", position={"file": "a.log", "line": 3},
    surprise=9.5, p=0.0001, words=[("failed", 9.0)], kind="disk # failed", text="disk 3 failed",
)  # fmt: skip


class Receiver:
    """Keeps the bodies that are posted; ``answers`` are the next statuses, then 200."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.paths: list[str] = []
        self.users: list[str | None] = []
        self.answers: list[int] = []
        self.blocked = threading.Event()
        self.blocked.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.blocked.wait(30)
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 200:
                    receiver.bodies.append(body)
                    receiver.paths.append(self.path)
                    receiver.users.append(self.headers["Authorization"])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.blocked.set()
    made.server.shutdown()
    made.server.server_close()
    made.thread.join(10)


def _open(text: str, log: WorkerLog | None = None) -> Any:
    return open_target(text, {}, log or WorkerLog(), lambda: False)


def test_a_file_has_each_alert_once(tmp_path: Path) -> None:
    """Those after the checkpoint come again after a crash; a line that was cut is deleted."""
    path = tmp_path / "a.jsonl"
    target = _open(str(path))
    target.restore({})
    target.send(_ALERT)
    assert target.settle()
    state = target.state()
    later, counted = replace(_ALERT, id="11"), replace(_ALERT, id="11", count=3)
    target.send(later)
    target.send(counted)
    target.close()
    with path.open("ab") as file:
        file.write(b'{"id":"22", "cou')
    again = _open(str(path))
    again.restore(state)
    for alert in (later, counted, replace(_ALERT, id="22")):
        again.send(alert)
    again.close()
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(alert["id"], alert["count"]) for alert in found] == [
        ("00ff", 1), ("11", 1), ("11", 3), ("22", 1),
    ]  # fmt: skip


def test_a_file_that_cannot_be_written_for_a_while_has_each_alert_in_the_end(
    tmp_path: Path,
) -> None:
    """As on a full disk: no checkpoint passes what waits, and nothing else stops."""
    path = tmp_path / "a.jsonl"
    log = WorkerLog()
    target = _open(str(path), log)
    alerts = [replace(_ALERT, id=f"{i}") for i in range(3)]
    target.send(alerts[0])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 10, limits[1]))
    try:
        target.send(alerts[1])
        target.send(alerts[2])
        assert not target.settle()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert target.sent == 1
    assert [event for _, event, _ in log.take()] == ["alerts_not_written"]
    assert target.settle()
    target.close()
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["0", "1", "2"]
    assert (target.sent, target.dropped) == (3, 0)


def test_alerts_for_a_pipe_without_a_reader_are_dropped(tmp_path: Path) -> None:
    """The run goes on, and so do its checkpoints; who reads later gets whole lines again."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    log = WorkerLog()
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    target = _open(str(pipe), log)
    target.send(_ALERT)
    assert os.read(reader, 1 << 16) == _ALERT.as_json() + b"\n"
    os.close(reader)
    for _ in range(3):
        target.send(_ALERT)
        assert target.settle()
    assert (target.sent, target.dropped) == (1, 3)
    (event,) = log.take()
    assert event == ("warning", "alerts_dropped", {"target": str(pipe), "reason": "Broken pipe"})
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    target.send(_ALERT)
    assert os.read(reader, 1 << 16) == _ALERT.as_json() + b"\n"
    os.close(reader)
    target.send(_ALERT)
    assert [event for _, event, _ in log.take()] == ["alerts_dropped"]
    assert (target.sent, target.dropped) == (2, 4)
    target.close()


def test_a_pipe_that_nothing_reads_stops_the_start(tmp_path: Path) -> None:
    """Opening it would wait for a reader, whatever signals arrive."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ConfigurationError, match="start its reader first"):
        _open(str(pipe))


def test_a_line_that_a_pipe_has_half_of_is_ended_before_the_next(tmp_path: Path) -> None:
    """So that a reader loses no other line with it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    target = _open(str(pipe))
    os.set_blocking(target._file.fileno(), False)
    target.send(replace(_ALERT, text="x" * (1 << 20)))
    half = os.read(reader, 1 << 20)
    assert half
    target.send(_ALERT)
    assert os.read(reader, 1 << 20) == b"\n" + _ALERT.as_json() + b"\n"
    assert (target.sent, target.dropped) == (1, 1)
    target.close()
    os.close(reader)


def test_a_file_that_was_rotated_away_begins_anew(tmp_path: Path) -> None:
    """Also if what was there before is not known at all."""
    path = tmp_path / "a.jsonl"
    for state in ({"bytes": 10_000}, {}):
        target = _open(str(path))
        target.restore(state)
        target.send(_ALERT)
        target.close()
    assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize("creates", [False, True])
@pytest.mark.parametrize("deletes", [False, True])
def test_a_file_that_is_rotated_away_is_opened_anew(
    tmp_path: Path, creates: bool, deletes: bool
) -> None:
    """As by logrotate: what comes later is in the file that has the name."""
    path, rotated = tmp_path / "a.jsonl", tmp_path / "a.jsonl.1"
    target = _open(str(path))
    target.send(_ALERT)
    path.rename(rotated)
    if creates:
        path.touch()
    if deletes:
        rotated.unlink()
    target.send(replace(_ALERT, id="11"))
    target.send(replace(_ALERT, id="22"))
    assert target.settle()
    assert target.state() == {"bytes": path.stat().st_size, "inode": path.stat().st_ino}
    target.close()
    assert _ids(path) == ["11", "22"]
    if not deletes:
        assert _ids(rotated) == ["00ff"]


def test_alerts_in_a_renamed_file_are_not_written_again(tmp_path: Path) -> None:
    """After a crash, though the rotation came between them; earlier ones are no matter."""
    path, rotated = tmp_path / "a.jsonl", tmp_path / "a.jsonl.1"
    alerts = [replace(_ALERT, id=f"{i}") for i in range(5)]
    target = _open(str(path))
    target.send(alerts[0])
    assert target.settle()
    state = target.state()
    target.send(alerts[1])
    path.rename(rotated)
    for alert in alerts[2:4]:
        target.send(alert)
    target.close()
    again = _open(str(path))
    again.restore(state)
    for alert in alerts[1:]:
        again.send(alert)
    again.close()
    assert (_ids(rotated), _ids(path)) == (["0", "1"], ["2", "3", "4"])


def test_a_file_that_has_another_ones_inode_is_read_from_its_begin(tmp_path: Path) -> None:
    """A place within a line is none of this file."""
    path = tmp_path / "a.jsonl"
    target = _open(str(path))
    target.send(_ALERT)
    state = target.state()
    target.send(_ALERT)
    again = _open(str(path))
    again.restore(state | {"bytes": state["bytes"] + 5})
    again.send(_ALERT)
    again.close()
    target.close()
    assert _ids(path) == ["00ff", "00ff"]


def test_lines_wait_while_the_file_cannot_be_opened_anew(tmp_path: Path) -> None:
    """No checkpoint passes them, and each is written in the end."""
    path, log = tmp_path / "a.jsonl", WorkerLog()
    target = _open(str(path), log)
    path.unlink()
    os.mkfifo(path)  # which nothing reads
    for i in range(2):
        target.send(replace(_ALERT, id=f"{i}"))
        assert not target.settle()
    (event,) = log.take()
    assert event[:2] == ("error", "alerts_not_written")
    path.unlink()
    assert target.settle()
    target.close()
    assert _ids(path) == ["0", "1"]


def test_a_line_that_is_cut_where_a_file_was_full_is_whole_in_the_next(tmp_path: Path) -> None:
    """Rotated because the disk was full, maybe."""
    path = tmp_path / "a.jsonl"
    target = _open(str(path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        target.send(_ALERT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.stat().st_size == 10
    path.unlink()
    assert target.settle()
    target.close()
    assert _ids(path) == ["00ff"]


def test_a_file_that_does_not_reach_the_disk_holds_up_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network's disk that is full; nothing stops."""
    log = WorkerLog()
    target = _open(str(tmp_path / "a.jsonl"), log)
    target.send(_ALERT)

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        assert not target.settle()
    assert [event for _, event, _ in log.take()] == ["alerts_not_written"]
    assert target.settle()
    target.close()


def _ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def test_lines_are_appended(tmp_path: Path) -> None:
    """A file that is there is gone on with."""
    file = tmp_path / "alerts.jsonl"
    for _ in range(2):
        target = _open(str(file))
        target.send(_ALERT)
        assert target.settle()
        target.close()
    ids = [json.loads(line)["id"] for line in file.read_text().splitlines()]
    assert ids == ["00ff", "00ff"]


def test_a_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    """With the flag's name."""
    with pytest.raises(ConfigurationError, match="--alerts"):
        _open(str(tmp_path / "missing" / "alerts.jsonl"))


def test_a_webhook_gets_the_alert_as_json(receiver: Receiver) -> None:
    """What a file gets a line of."""
    target = _open(receiver.url + "/hook")
    target.send(_ALERT)
    target.close()
    assert receiver.bodies == [json.loads(_ALERT.as_json())]
    assert (target.sent, target.dropped) == (1, 0)


def test_alertmanager_gets_its_own_format(receiver: Receiver) -> None:
    """At the path of its API, with labels, annotations and a start."""
    target = _open("alertmanager+" + receiver.url)
    target.send(_ALERT)
    target.close()
    assert receiver.paths == ["/api/v2/alerts"]
    ((alert,),) = receiver.bodies
    assert alert["labels"]["alertname"] == "UnexpectedRecord"
    assert alert["annotations"]["summary"].startswith("Unexpected: disk 3 failed")


@pytest.mark.parametrize("prefix", ["", "alertmanager+"])
def test_user_and_password_in_a_url_are_sent(receiver: Receiver, prefix: str) -> None:
    """As Alertmanager behind a proxy wants them; they are in no name."""
    target = _open(prefix + receiver.url.replace("//", "//me:sesame%40@"))
    target.send(_ALERT)
    target.close()
    assert receiver.users == ["Basic " + base64.b64encode(b"me:sesame@").decode()]
    assert "sesame" not in target.name


@pytest.mark.parametrize(
    ("written", "meant"), [("пароль", "пароль"), ("%D0%BF€", "п€"), ("a%FFb", None)]
)
def test_a_password_of_any_script_is_sent_in_utf8(
    receiver: Receiver, written: str, meant: str | None
) -> None:
    """As RFC 7617 has it; bytes that are no UTF-8 are sent as they are."""
    target = _open(receiver.url.replace("//", f"//me:{written}@"))
    target.send(_ALERT)
    target.close()
    sent = b"me:a\xffb" if meant is None else f"me:{meant}".encode()
    assert receiver.users == ["Basic " + base64.b64encode(sent).decode()]


@pytest.mark.parametrize("prefix", ["", "alertmanager+", "slack+"])
def test_a_webhook_is_told_nothing_of_a_record_without_text(
    receiver: Receiver, prefix: str
) -> None:
    """With ``--alert-text off``: neither words nor what the record's kind says."""
    value = {"value": "17 ms", "p": 0.001, "usual": [1.0, 2.0]}
    target = _open(prefix + receiver.url)
    target.send(replace(_ALERT, text=None, values=[value]))
    target.close()
    (body,) = receiver.bodies
    told = json.dumps(body)
    assert not [word for word in ("disk", "failed", "17 ms") if word in told]


def test_slack_like_receivers_get_a_text(receiver: Receiver) -> None:
    """One sentence."""
    target = _open("slack+" + receiver.url + "/services/x")
    target.send(_ALERT)
    target.close()
    assert receiver.bodies == [{"text": _ALERT.summary}]


def test_an_answer_that_asks_to_wait_is_tried_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert arrives once."""
    monkeypatch.setattr(webhook, "_BACKOFF_SECONDS", 0.01)
    receiver.answers = [503, 429]
    target = _open(receiver.url)
    target.send(_ALERT)
    target.close()
    assert len(receiver.bodies) == 1
    assert (target.sent, target.dropped) == (1, 0)


def test_a_slow_receiver_holds_up_nobody(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit into the queue is dropped, counted and said once."""
    monkeypatch.setattr(webhook, "MAX_WAITING", 3)
    receiver.blocked.clear()
    log = WorkerLog()
    target = _open(receiver.url, log)
    for _ in range(20):
        target.send(_ALERT)
    assert target.dropped >= 16
    assert [event for _, event, _ in log.take()] == ["alerts_dropped"]
    receiver.blocked.set()
    target.close()
    assert target.sent + target.dropped == 20


def test_a_webhook_that_refuses_is_told_without_its_path(receiver: Receiver) -> None:
    """The path of a webhook is a secret."""
    receiver.answers = [404]
    log = WorkerLog()
    target = _open(receiver.url + "/services/SECRET", log)
    target.send(_ALERT)
    target.close()
    lines = str(log.take())
    assert target.dropped == 1
    assert "404" in lines
    assert "SECRET" not in lines


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "teams+https://host/x", "http://", "kafka://host:9092", "kafka:"]
)
def test_a_wrong_target_stops_the_start(url: str) -> None:
    """And says which forms there are."""
    with pytest.raises(ConfigurationError, match="--alerts"):
        _open(url)


@pytest.mark.parametrize("prefix", ["", "slack+"])
@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com:99999/services/SECRET",
        "https://hooks.example.com:port/services/SECRET",
        "https://[::1/SECRET",
        "https://hooks example.com/SECRET",
        "https://me:SECRET/x@hooks.example.com/x",
        "https:/hooks.example.com/SECRET",
        "HTTPS:hooks.example.com/SECRET",
    ],
)
def test_a_mistyped_url_stops_the_start_and_is_not_shown(prefix: str, url: str) -> None:
    """Its path and its password are secrets; neither the message nor its cause quotes them."""
    for ask in (_open, lambda text: check_target(text, has_kafka=False)):
        with pytest.raises(ConfigurationError, match="--alerts takes a webhook as") as raised:
            ask(prefix + url)
        assert "SECRET" not in "".join(traceback.format_exception_only(raised.value))
        assert raised.value.__cause__ is None
        assert raised.value.__suppress_context__ or raised.value.__context__ is None
