"""The OpenAPI description of the HTTP server, made from the models that check requests."""

from __future__ import annotations

from typing import Any

from streamer.http.mute import MUTE, Mute
from streamer.http.question import Question
from streamer.http.snapshot_questions import SNAPSHOT_QUESTIONS
from streamer.http.text_questions import TEXT_QUESTIONS
from streamer.http.word_questions import WORD_QUESTIONS

QUESTIONS: dict[str, type[Question]] = {
    **WORD_QUESTIONS,
    **TEXT_QUESTIONS,
    **SNAPSHOT_QUESTIONS,
}
"""All questions by path."""

_NUMBER = {"type": "number"}
_STRING = {"type": "string"}


def _rows(**properties: dict[str, Any]) -> dict[str, Any]:
    item = {"type": "object", "required": list(properties), "properties": properties}
    return {"type": "array", "items": item}


def _columns(*names: str, of: dict[str, Any]) -> dict[str, Any]:
    return {name: {"type": "array", "items": of} for name in names}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


_NEAR = _rows(word=_STRING, count=_NUMBER, cosine=_NUMBER)
_COUNTED = _rows(word=_STRING, count=_NUMBER)
_PERHAPS = {"type": ["number", "null"]}
_WORDS = {"type": "array", "items": _STRING}

_ANSWERS: dict[str, dict[str, Any]] = {
    "neighbors": {"type": "object", "additionalProperties": _NEAR},
    "analogy": _NEAR,
    "text": _object({"known": _WORDS, "unknown": _WORDS, "neighbors": _NEAR}),
    "embed": _object(
        {
            "vectors": {"type": "array", "items": {"type": "array", "items": _NUMBER}},
            **_columns("tokens", "known_tokens", of=_NUMBER),
        }
    ),
    "score": _object(
        {
            "by": _STRING,
            "of": _STRING,
            "lines": _rows(
                line=_NUMBER,
                surprise=_NUMBER,
                p=_PERHAPS,
                context=_NUMBER,
                rarity=_NUMBER,
                tokens=_NUMBER,
                unknown_tokens=_NUMBER,
                words=_rows(word=_STRING, surprise=_NUMBER),
            ),
        }
    ),
    "predict": _rows(word=_STRING, probability=_NUMBER),
    "changes": _object(
        {
            "since": _STRING,
            **dict.fromkeys(("new", "moved", "gone"), _NUMBER),
            "changes": _rows(change=_STRING, word=_STRING),
        }
    ),
    "spellings": _COUNTED,
    "words": _COUNTED,
    "examples": _COUNTED,
    "snapshots": _rows(name=_STRING, created=_STRING, words=_NUMBER, vocabulary=_NUMBER),
    "map": _object(
        {
            "before": {"type": ["string", "null"]},
            **_columns("words", of=_STRING),
            **_columns("x", "y", "counts", "ages", of=_NUMBER),
            **_columns("is_new", of={"type": "boolean"}),
            **_columns("moved", "relative", of=_PERHAPS),
            "clusters": _rows(name=_STRING, x=_NUMBER, y=_NUMBER, words=_NUMBER),
        }
    ),
    "drift": _object(
        {
            "since": _STRING,
            "words": _rows(
                word=_STRING,
                moved=_NUMBER,
                relative=_NUMBER,
                old_count=_NUMBER,
                new_count=_NUMBER,
                old_neighbors=_WORDS,
                new_neighbors=_WORDS,
            ),
        }
    ),
    "changing": _rows(word=_STRING, score=_NUMBER, count=_NUMBER, neighbors=_WORDS),
    "history": _rows(
        snapshot=_STRING,
        created=_STRING,
        words=_NUMBER,
        count=_NUMBER,
        moved=_PERHAPS,
        moved_in_all=_NUMBER,
        neighbors=_WORDS,
    ),
    "similarity": _NUMBER,
    "vectors": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["count", "vector"],
            "properties": {
                "id": _NUMBER,
                "count": _NUMBER,
                "inferred": {"type": "boolean"},
                "vector": {"type": "array", "items": _NUMBER},
            },
        },
    },
}

_BESIDES: dict[str, dict[str, Any]] = {
    "vectors": {"unknown": _WORDS},
    "neighbors": {"unknown": _WORDS, "counts": {"type": "object", "additionalProperties": _NUMBER}},
}
"""Parts of an answer that have another name than the question."""

_PLAIN = {
    "/metrics": ("Metrics for Prometheus.", "text/plain", {"200": "The metrics."}),
    "/healthz": (
        "Whether the main loop of the daemon is running.",
        "application/json",
        {"200": "The loop is running.", "503": "The loop hangs: restart the daemon."},
    ),
    "/v1/events": (
        "Server-sent events for the page: the curves of the last hour, then the current state.",
        "text/event-stream",
        {"200": "Events `history`, once, and `status`, every two seconds; JSON each."},
    ),
    "/readyz": (
        "Whether the daemon is ready.",
        "application/json",
        {
            "200": "The daemon is learning and snapshots are written on time.",
            "503": "`problems` lists why not: name, text and advice of each.",
        },
    ),
}


def description(version: str) -> dict[str, Any]:
    """The document that ``/openapi.json`` answers with, OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "w2v-stream",
            "version": version,
            "description": "A daemon that learns word vectors from a stream: its state, and "
            "questions to its newest snapshot.",
        },
        "paths": {
            **{path: _plain(*entry) for path, entry in _PLAIN.items()},
            **{path: _question(path, question) for path, question in QUESTIONS.items()},
            MUTE: _mute(),
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": _STRING},
                }
            },
        },
        "security": [{}, {"token": []}],
    }


def _plain(summary: str, media_type: str, codes: dict[str, str]) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "responses": {
                code: {"description": text, "content": {media_type: {}}}
                for code, text in codes.items()
            },
        }
    }


def _mute() -> dict[str, Any]:
    codes = {
        "200": "The new state.",
        "400": "What is wrong with the request.",
        "404": "There is no such kind, or no --alerts.",
    }
    return {
        "post": {
            "summary": (Mute.__doc__ or "").strip(),
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": Mute.model_json_schema()}},
            },
            "responses": {
                code: {"description": text, "content": {"application/json": {}}}
                for code, text in codes.items()
            },
        }
    }


def method_of(question: type[Question]) -> str:
    """How it is asked."""
    return "POST" if question.max_body_bytes else "GET"


def _question(path: str, question: type[Question]) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    schema = question.model_json_schema()
    answer = {
        "type": "object",
        "required": ["snapshot", name],
        "properties": {"snapshot": _STRING, name: _ANSWERS[name], **_BESIDES.get(name, {})},
    }
    failures = {
        "400": "The question is malformed.",
        "401": "A bearer token is needed.",
        "404": "A word has no vector, or there is nothing to compare with.",
        "503": "There is no snapshot yet, or too many questions wait.",
    }
    error = {"schema": {"$ref": "#/components/schemas/Error"}}
    return {
        method_of(question).lower(): {
            "operationId": name,
            "summary": schema["description"],
            **(_body(schema) if question.max_body_bytes else _parameters(schema)),
            "responses": {
                "200": {
                    "description": "The answer, and the snapshot that it is from.",
                    "content": {"application/json": {"schema": answer}},
                },
                **{
                    code: {"description": text, "content": {"application/json": error}}
                    for code, text in failures.items()
                },
            },
        }
    }


def _parameters(schema: dict[str, Any]) -> dict[str, Any]:
    parameters = []
    for key, entry in schema["properties"].items():
        entry = {k: v for k, v in entry.items() if k != "title"}
        text = entry.pop("description", None)
        parameters.append(
            {
                "name": key,
                "in": "query",
                "required": key in schema.get("required", []),
                **({"description": text} if text else {}),
                "schema": entry,
            }
        )
    return {"parameters": parameters}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    body = {k: v for k, v in schema.items() if k not in ("title", "description")}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": body}}}}
