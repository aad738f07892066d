"""The parts of a service: addresses, health, messages to systemd, counters, reload."""

from __future__ import annotations

import json
import math
import os
import re
import socket
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from click.testing import CliRunner

import streamer.commands.serve as serve_module
import streamer.telemetry.health as health_module
from streamer import problems
from streamer.cli import main
from streamer.config.address import Address, parse_address
from streamer.config.settings import RunSettings
from streamer.config.types import Interval, parse_interval
from streamer.daemon.runtime import Runtime
from streamer.daemon.systemd import Notifier
from streamer.problems import LOADING, PROBLEMS, SOURCE_DISCONNECTED, STOPPING, STUCK
from streamer.telemetry.counters import Counters
from streamer.telemetry.health import STUCK_SECONDS, Health
from streamer.telemetry.log import LogLevel, make_log
from streamer.telemetry.metrics import make_registry
from tests.clock import Clock
from w2v_online import LearnerConfig, OnlineWord2Vec
from w2v_online.learning.rates import MIN_ALPHA, rate_scale, rate_table
from w2v_online.stats import BatchStats


@pytest.mark.parametrize(
    ("text", "host", "port", "is_loopback"),
    [
        ("8787", "127.0.0.1", 8787, True),
        (":0", "127.0.0.1", 0, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),
        ("[::1]:80", "::1", 80, True),
        ("localhost:1", "localhost", 1, True),
        ("example.org:1", "example.org", 1, False),
    ],
)
def test_an_address_is_this_machines_unless_it_says_otherwise(
    text: str, host: str, port: int, is_loopback: bool
) -> None:
    address = parse_address(text)
    assert isinstance(address, Address)
    assert (address.host, address.port, address.is_loopback) == (host, port, is_loopback)
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "1.2.3.4:70000", "::1:80", "http://x:80"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize("text", ["1000000s", "1234567m", "100000.5s", "90s", "36h", "7words"])
def test_a_span_that_was_printed_can_be_read(text: str) -> None:
    interval = parse_interval(text)
    assert isinstance(interval, Interval)
    assert parse_interval(str(interval)) == interval


def test_a_daemon_is_ready_while_its_checks_hold_and_alive_while_its_loop_turns() -> None:
    clock = Clock()
    health = Health(clock)
    clock.now += 2 * STUCK_SECONDS  # compiling takes as long as it takes
    assert health.is_alive()
    assert health.problems() == [LOADING]
    connected = [True]
    health.began({SOURCE_DISCONNECTED: lambda: not connected[0]})
    assert (health.is_alive(), health.problems()) == (True, [])
    connected[0] = False
    assert health.problems() == [SOURCE_DISCONNECTED]
    clock.now += STUCK_SECONDS
    assert not health.is_alive()
    assert health.problems() == [SOURCE_DISCONNECTED, STUCK]
    health.beat()
    assert health.is_alive()
    health.ending()
    clock.now += 2 * STUCK_SECONDS
    assert (health.is_alive(), health.problems()) == (True, [STOPPING])


def test_serve_stays_alive_and_ready_for_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no loop that could hang, so nobody must restart it after five minutes."""
    learner = OnlineWord2Vec(LearnerConfig(vector_size=8, min_count=1, max_vocab_size=100))
    learner.learn([["a", "word"]])
    learner.snapshot(tmp_path)
    monkeypatch.setattr(health_module, "STUCK_SECONDS", 0.0)
    monkeypatch.setattr(serve_module, "_listen_for_end", lambda: -1)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers: dict[str, int] = {}

    def ask(*_args: object) -> None:
        for path in ("healthz", "readyz"):
            connection = HTTPConnection("127.0.0.1", port, timeout=240)
            connection.request("GET", f"/{path}")
            answers[path] = connection.getresponse().status
            connection.close()

    monkeypatch.setattr(serve_module, "select", SimpleNamespace(select=ask))
    result = CliRunner().invoke(main, ["serve", str(tmp_path), "--http", str(port)])
    assert (result.exit_code, answers) == (0, {"healthz": 200, "readyz": 200})


def test_metrics_name_the_problem() -> None:
    """Every problem is a series, so that an alert can be written before it ever comes."""
    health = Health()
    registry = make_registry(health)

    def found() -> dict[str, float]:
        (family,) = (m for m in registry.collect() if m.name == "w2v_stream_problem")
        return {sample.labels["problem"]: sample.value for sample in family.samples}

    assert found() == {problem.name: problem is LOADING for problem in PROBLEMS}
    health.began({SOURCE_DISCONNECTED: lambda: True})
    assert [name for name, value in found().items() if value] == ["source_disconnected"]
    health.began({SOURCE_DISCONNECTED: lambda: False})
    assert not any(found().values())


def test_problems_are_told_apart_and_say_what_to_do() -> None:
    names = [problem.name for problem in PROBLEMS]
    assert len(set(names)) == len(names)
    for problem in PROBLEMS:
        assert re.fullmatch(r"[a-z_]+", problem.name)
        assert problem.text.endswith(".")
        assert problem.advice.endswith(".")
    given = {value for value in vars(problems).values() if isinstance(value, problems.Problem)}
    assert given == set(PROBLEMS)


def test_systemd_hears_of_readiness_life_and_end(tmp_path: Path) -> None:
    """The watchdog is fed twice in its time, and no oftener."""
    path, clock = str(tmp_path / "notify"), Clock()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(0)
        notifier = Notifier({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "4000000"}, clock)
        notifier.ready()
        notifier.alive(lambda: "1 word/s")
        clock.now += 1.9
        notifier.alive(lambda: "too early")
        clock.now += 0.2
        notifier.alive(lambda: "2 words/s")
        notifier.reloading()
        notifier.stopping()
        notifier.still_stopping(lambda: "too early, too")
        clock.now += 2.1
        notifier.still_stopping(lambda: "annealing 40%")
        notifier.close()
        received = [receiver.recv(4096).decode() for _ in range(6)]
    assert received[:3] == [
        "READY=1",
        "WATCHDOG=1\nSTATUS=1 word/s",
        "WATCHDOG=1\nSTATUS=2 words/s",
    ]
    assert received[3].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert received[4].startswith("STOPPING=1\n")
    assert received[5] == "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=annealing 40%"


def test_without_systemd_nothing_is_sent_and_nothing_fails(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        notifier = Notifier(environment)
        notifier.ready()
        notifier.alive(lambda: "")
        notifier.close()


def test_the_level_of_a_log_can_change(capsys: pytest.CaptureFixture[str]) -> None:
    level = LogLevel("warning")
    log = make_log("json", level)
    log.info("quiet")
    level.name = "debug"
    log.debug("loud")
    level.name = "error"
    log.warning("quiet")
    lines: list[dict[str, Any]] = [json.loads(x) for x in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["loud"]


def test_names_that_are_no_text_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    make_log("json", LogLevel("info")).info("shown", path=os.fsdecode(b"/tmp/\xff.log"))
    assert json.loads(capsys.readouterr().err)["path"] == "/tmp/\udcff.log"


def test_the_watchdog_is_fed_while_the_loop_waits_for_something_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that is away for long must not have the daemon aborted."""
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    monkeypatch.setenv("WATCHDOG_USEC", "2")
    settings = RunSettings(snapshot_dir=str(tmp_path / "s"))
    log, signals = make_log("json", LogLevel("error")), SimpleNamespace(stop=False)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(0)
        with Runtime(settings, *cast(Any, [signals, log, None])) as runtime:
            assert not runtime.waits()
            assert receiver.recv(4096).startswith(b"WATCHDOG=1")
            runtime.ending()
            assert receiver.recv(4096).startswith(b"STOPPING=1")
            runtime.waits()
            assert receiver.recv(4096).startswith(b"EXTEND_TIMEOUT_USEC=")


def test_a_line_of_the_log_can_be_taken_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Values with spaces, quotes or line feeds stay one value, in one line."""
    log = make_log("text", LogLevel("info"))
    values = {"a": 'one "two"\nthree', "b": "C:\\x", "c": "C:\\x y", "d": "1=2"}
    log.info("shown", **values, yes=True, no=False, none=None, number=1.5)
    line = capsys.readouterr().err
    fields = line.split(" ", 3)
    assert re.fullmatch(r"timestamp=20\d\d-\d\d-\d\dT[\d:]{8}(\.\d{6})?Z", fields[0])
    assert fields[1:] == [
        "level=info",
        "event=shown",
        r'a="one \"two\"\nthree" b=C:\x c="C:\\x y" d="1=2" yes no=false none= number=1.5' + "\n",
    ]


def test_counters_sum_batches_and_average_losses_of_late() -> None:
    counters = Counters()
    assert math.isnan(counters.loss)
    early = BatchStats(1, 10, 8, 4, 20, 8.0, 20.0)
    counters.add(early, 50)
    counters.add(BatchStats(), 7)
    assert (counters.words, counters.bytes, counters.sums.negative_pairs) == (10, 57, 20)
    assert (counters.loss, counters.loss_per_positive, counters.loss_per_negative) == (7, 2, 1)
    counters.add(BatchStats(1, 10**7, 10**7, 10**6, 5 * 10**6, 10**6, 10**6))
    assert counters.loss_per_positive == pytest.approx(1.0, abs=1e-6)
    assert counters.sums.positive_loss == 8 + 10**6


def test_learning_rates_are_those_that_rows_have() -> None:
    """Rates of rows by their updates, as the kernel looks them up."""
    learner = OnlineWord2Vec(LearnerConfig(vector_size=4, min_count=1, max_vocab_size=50))
    learner.learn([["a"] * 300 + ["b"] * 9 + ["c", "d"]])
    inputs, outputs = learner.learning_rates()
    table = rate_table(learner.objective.profile, learner.config.alpha, learner.config.window)
    table = np.maximum(table, np.float32(MIN_ALPHA))
    table *= np.float32(rate_scale(learner.objective.profile, learner.total_words))
    assert len(inputs) == len(outputs) == 4
    assert np.isin(inputs, table[0]).all()
    assert inputs[0] < inputs[1] <= inputs[3]
    assert len(learner.learning_rates(3)[0]) == 2
