"""Alerts from a topic into a topic: each planted message is told once, by its key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from streamer.alerts.alert import Alert
from streamer.alerts.targets.kafka import KafkaTarget
from streamer.cluster.worker_log import WorkerLog
from tests.kafka.cluster import Cluster
from tests.kafka.process import Daemon

_PLANTED = [f"planted {name} went wrong" for name in ("disk", "network", "clock", "memory")]


def _calm(seed: int, number: int) -> list[bytes]:
    chance = np.random.default_rng(seed)
    return [b"user u%d came from h%d" % (a, b) for a, b in chance.integers(0, 20, (number, 2))]


def test_planted_messages_are_told_once_though_the_daemon_is_killed(
    cluster: Cluster, daemon: Callable[..., Daemon]
) -> None:
    """With topic, partition and offset; sent again after SIGKILL they have the same key."""
    topic, told = cluster.topic(2), cluster.topic()
    options = [
        "--kafka-topic", topic, "--kafka-group", topic, "--boundaries", "--sample", "0",
        "--alerts", f"kafka:{told}", "--alert-warm-up", "2000", "--alert-limit", "1000",
    ]  # fmt: skip

    def found() -> list[dict[str, Any]]:
        return [orjson.loads(record.value) for record in cluster.read(told)]

    for part, text in enumerate(_PLANTED):
        cluster.produce(topic, [*_calm(part, 4000), text.encode(), *_calm(part + 10, 1000)])
        every = "1s" if part % 2 else "1h"
        process = daemon(*options, "--snapshot-every", every)
        process.wait_until(lambda text=text: any(alert["text"] == text for alert in found()))
        if part < len(_PLANTED) - 1:
            process.kill()
    process.wait_until(lambda: process.saved_words() > 0)
    assert process.stop() == 0
    by_key: dict[bytes, set[str]] = {}
    for record in cluster.read(told):
        by_key.setdefault(record.key, set()).add(orjson.loads(record.value)["text"])
    assert all(len(texts) == 1 for texts in by_key.values())
    texts = [text for (text,) in by_key.values()]
    assert [texts.count(text) for text in _PLANTED] == [1] * len(_PLANTED)
    for alert in found():
        assert set(alert["position"]) == {"topic", "partition", "offset"}
        assert alert["position"]["topic"] == topic


def test_an_alert_that_is_too_long_for_its_topic_is_dropped_and_holds_up_nothing(
    cluster: Cluster,
) -> None:
    told = cluster.topic()
    config = {"bootstrap_servers": cluster.bootstrap_servers}
    target = KafkaTarget(f"kafka:{told}", config, WorkerLog(), lambda: False)
    for name, text in (("long", "a" * (2 << 20)), ("short", "a")):
        target.send(Alert(name, "now", {}, 9.5, 0.001, [], "a", text=text))
    assert target.settle()
    target.close()
    assert (target.sent, target.dropped) == (1, 1)
    assert [record.key for record in cluster.read(told)] == [b"short"]
