"""Vectors of lines by the command and over HTTP, by the model's own tokenizer."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import numpy as np
import pytest

from streamer.commands.embed import _embedded
from streamer.commands.line_files import Block, writer_of
from streamer.commands.output_file import output_file
from streamer.http.text_questions import MAX_LINES
from tests.integration.test_cli import run
from tests.integration.test_views import Served
from w2v_online import load_vectors
from w2v_online.snapshots import npy

LINES = [f"GET /shop/{i % 7} from 10.0.0.{i % 250} took {i % 90} ms" for i in range(900)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of log lines in lower case."""
    folder = tmp_path_factory.mktemp("embed") / "snapshots"
    text = "".join(f"{line}\n" for line in LINES).encode()
    options = ["--tokenizer", "log", "--lowercase", "--vector-size", "8"]
    result = run("run", "--snapshot-dir", folder, *options, stdin=text)
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def text() -> bytes:
    """Lines with known and unknown words, an empty one, and a last one without a line feed."""
    return f"{LINES[0]}\n\nGET strange\n".encode() + "é".encode("latin-1")


def _documents(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_every_line_gets_a_vector(folder: Path, text: bytes, tmp_path: Path) -> None:
    """The same in all formats, from a file, compressed or not, and from standard input."""
    file = tmp_path / "app.log"
    file.write_bytes(gzip.compress(text))
    result = run("embed", folder, "--output", "-", stdin=gzip.compress(text))
    assert result.returncode == 0, result.stderr
    assert "4 lines to -" in result.stderr
    assert "2 lines without a known token" in result.stderr
    assert "1 lines could not be decoded" in result.stderr
    documents = _documents(result.stdout)
    assert [document["line"] for document in documents] == [1, 2, 3, 4]
    assert [document["tokens"] for document in documents] == [8, 0, 2, 1]
    assert [document["known_tokens"] for document in documents] == [8, 0, 1, 0]
    assert [document["text"] for document in documents] == [LINES[0], "", "GET strange", "\ufffd"]
    wv = load_vectors(folder)
    expected = wv.embed_lines([LINES[0], "", "GET strange", "?"])
    np.testing.assert_array_equal(
        np.array([document["vector"] for document in documents], np.float32), expected
    )
    assert run("embed", folder, file, "--output", tmp_path / "x.npy").returncode == 0
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), expected)
    result = run("embed", folder, file, "--output", tmp_path / "x.jsonl", "--no-text")
    assert result.stdout == ""
    lines = _documents((tmp_path / "x.jsonl").read_text())
    assert "text" not in lines[0]
    assert [line["vector"] for line in lines] == [document["vector"] for document in documents]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32", "lzma", "zip"])
def test_a_file_is_read_as_standard_input_is(folder: Path, tmp_path: Path, encoding: str) -> None:
    """Without a line more, whatever it is packed in or written by."""
    file, text = tmp_path / "app.log", f"{LINES[0]}\nGET strange\n"
    if encoding == "lzma":
        file.write_bytes(lzma.compress(text.encode(), lzma.FORMAT_ALONE))
    elif encoding == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("app.log", text)
    else:
        file.write_bytes(text.encode(encoding))
    result = run("embed", folder, file, "--output", "-")
    assert result.returncode == 0, result.stderr
    assert [document["known_tokens"] for document in _documents(result.stdout)] == [8, 1]


def test_vectors_go_straight_to_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by way of the folder for temporary files, which may be in memory."""
    monkeypatch.setattr(tempfile, "tempdir", "/proc")
    output = tmp_path / "x.npy"
    vectors = np.arange(24, dtype=np.float32).reshape(6, 4)
    with output_file(output) as file, writer_of(output)(file, 4, False) as writer:
        for first in (0, 3):
            embedded = cast(Any, SimpleNamespace(vectors=vectors[first : first + 3]))
            writer.write(Block(first + 1, [b"a"] * 3, embedded))
    np.testing.assert_array_equal(np.load(output), vectors)
    assert npy.map_array(output).shape == (6, 4)


def test_long_lines_are_embedded_few_at_a_time() -> None:
    """So that memory stays bounded."""
    line = b"a b c " * 20_000 + b"\n"
    lines = cast(Any, SimpleNamespace(embed=lambda block: None))
    blocks = list(_embedded(io.BytesIO(line * 30), lines))
    assert [block.first_number for block in blocks][:2] == [1, 1 + len(blocks[0].lines)]
    assert sum(len(block.lines) for block in blocks) == 30
    assert max(len(block.lines) for block in blocks) * len(line) < 3 << 20


def test_parquet_has_a_column_of_vectors(folder: Path, text: bytes, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    assert run("embed", folder, "--output", tmp_path / "x.parquet", stdin=text).returncode == 0
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.column_names == [
        "line",
        "tokens",
        "known_tokens",
        "inferred_tokens",
        "vector",
        "text",
    ]
    assert table["text"].to_pylist()[2] == "GET strange"
    vectors = table["vector"].combine_chunks().flatten().to_numpy().reshape(-1, 8)
    expected = load_vectors(folder).embed_lines(text.split(b"\n"))
    np.testing.assert_array_equal(vectors, expected)


def test_what_cannot_be_embedded_is_said(folder: Path, tmp_path: Path) -> None:
    """Text of another kind, an output of no format, and an empty input, which is no mistake."""
    output = tmp_path / "x.npy"
    result = run("embed", folder, "--output", output, stdin=b"nothing here\nis known\n")
    assert result.returncode == 1
    assert "none of 4 tokens in 2 lines has a vector" in result.stderr
    assert not output.exists()
    assert run("embed", folder, "--output", tmp_path / "x.txt").returncode == 2
    assert run("embed", folder, tmp_path / "missing", "--output", output).returncode == 2
    assert run("embed", folder, "--output", tmp_path / "no" / "x.npy").returncode == 1
    assert run("embed", folder, "--output", output).returncode == 0
    assert np.load(output).shape == (0, 8)


@pytest.fixture(scope="module")
def served(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(folder, tmp_path_factory.mktemp("served") / "log")
    yield served
    served.process.terminate()
    assert served.process.wait(180) == 0


def test_a_text_is_split_as_the_model_has_learned(served: Served) -> None:
    _, answer = served.get(f"/v1/text?text={quote('GET 10.1.2.3 (Shop) 17 nobody')}")
    assert answer["text"]["known"] == ["get", "<IP>", "shop", "<NUM>"]
    assert answer["text"]["unknown"] == ["nobody"]


@pytest.mark.parametrize("with_ngrams", [True, False])
def test_unknown_words_are_inferred_if_asked(
    folder: Path, tmp_path: Path, with_ngrams: bool
) -> None:
    """By models that have n-grams; that vectors are inferred is in the answer."""
    options = ["--subwords"] if with_ngrams else []
    text = "".join(f"{line}\n" for line in LINES).encode()
    args = ["--lowercase", "--vector-size", "8", "--min-count", "2", *options]
    assert run("run", "--snapshot-dir", tmp_path / "s", *args, stdin=text).returncode == 0
    served = Served(tmp_path / "s", tmp_path / "log")
    try:
        assert served.get("/v1/vectors?word=frmo")[0] == 404
        status, answer = served.get("/v1/vectors?word=frmo&word=from&infer=1")
        if not with_ngrams:
            assert status == 404
            assert "--subwords" in answer["error"]
            return
        assert answer["vectors"]["frmo"]["inferred"] is True
        assert "inferred" not in answer["vectors"]["from"]
        expected = load_vectors(tmp_path / "s").infer("frmo")
        np.testing.assert_allclose(answer["vectors"]["frmo"]["vector"], expected, rtol=1e-6)
        _, answer = served.get("/v1/neighbors?word=frmo&word=from&infer=1&topn=2")
        assert answer["inferred"] == ["frmo"]
        assert len(answer["neighbors"]["frmo"]) == 2
    finally:
        served.process.kill()
        served.process.wait()


def test_lines_are_embedded_over_http(served: Served, folder: Path) -> None:
    lines = [LINES[3], "", "GET nobody"]
    status, answer = served.post("/v1/embed", json.dumps({"lines": lines}).encode())
    assert status == 200
    embedded = answer["embed"]
    np.testing.assert_array_equal(
        np.array(embedded["vectors"], np.float32), load_vectors(folder).embed_lines(lines)
    )
    assert embedded["tokens"] == [8, 0, 2]
    assert embedded["known_tokens"] == [8, 0, 1]


@pytest.mark.parametrize("path", ["/v1/embed", "/v1/score"])
@pytest.mark.parametrize(
    ("body", "headers", "status", "message"),
    [
        (b"{}", {}, 400, "lines: field required"),
        (b"[", {}, 400, "body: invalid json"),
        (b'{"lines": "GET"}', {}, 400, "lines: input should be a valid"),
        (b'{"lines": []}', {}, 400, "lines: "),
        (json.dumps({"lines": [""] * (MAX_LINES + 1)}).encode(), {}, 400, "lines: "),
        (b'{"lines": ["a"]}', {"Content-Type": "text/plain"}, 415, "application/json"),
        (None, {"Content-Length": "1048577"}, 413, "at most 1,048,576 bytes"),
        (None, {"Transfer-Encoding": "chunked"}, 413, "with their length"),
    ],
)
def test_what_is_no_list_of_lines_is_refused(
    served: Served,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
    status: int,
    message: str,
) -> None:
    found, answer = served.post(path, body, **headers)
    assert found == status
    assert message in str(answer["error"])
