"""Answers over HTTP are found once a snapshot, and remembered in bounded memory."""

from __future__ import annotations

from streamer.http import search
from streamer.http.search import MAX_REMEMBERED_BYTES


def test_an_answer_is_found_once_a_snapshot() -> None:
    memory = search._Memory()
    found: list[str] = []

    def ask(snapshot: str, question: str) -> bytes:
        def find() -> bytes:
            found.append(question)
            return f"{snapshot} {question}".encode()

        return memory.recall(snapshot, question, find)

    assert [ask("1", "a"), ask("1", "a"), ask("1", "b")] == [b"1 a", b"1 a", b"1 b"]
    assert ask("2", "a") == b"2 a"
    assert found == ["a", "b", "a"]


def test_what_was_not_asked_for_longest_is_forgotten_first() -> None:
    memory = search._Memory()
    large = bytes(MAX_REMEMBERED_BYTES // 4)
    for question in "abcadea":
        assert memory.recall("1", question, lambda: large) is large
        assert sum(map(len, memory._answers.values())) <= MAX_REMEMBERED_BYTES
    assert memory.recall("1", "a", lambda: b"new") is large
    assert memory.recall("1", "b", lambda: b"new") == b"new"
    huge = bytes(MAX_REMEMBERED_BYTES + 1)
    assert memory.recall("1", "f", lambda: huge) is huge
    assert memory._answers == {}
    assert memory._bytes == 0
