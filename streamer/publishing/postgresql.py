"""PostgreSQL with pgvector: one table with the columns word, count and vector.

``postgresql://USER:PASSWORD@HOST:PORT/DATABASE[?table=NAME&index=hnsw|none]``, with any other
parameter of libpq; the password may be in ``PGPASSWORD`` or a password file instead. Each batch is
copied into a staging table and merged in one transaction. The index is made when the first words
are there, and again when more than half of the words are sent: adding these to an index one by one
takes several times as long. Meanwhile searches read the whole table.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from streamer.publishing.store import Access, StoreError


class PostgresqlStore:
    """See the module."""

    def __init__(self, url: SplitResult, vector_size: int, _access: Access) -> None:
        # As in libpq a plus is one, and so is a space written as %20.
        options = dict(parse_qsl(url.query.replace("+", "%2B")))
        self._name = options.pop("table", "w2v_stream_vectors")
        self._table = sql.Identifier(self._name)
        self._has_index = options.pop("index", "hnsw") == "none"
        self._wants_index = not self._has_index
        self._index = sql.Identifier(f"{self._name}_cosine")
        rest = url._replace(scheme="", query=urlencode(options, quote_via=quote)).geturl()
        # No host stands for a socket; without one the slashes before it are left out.
        target = f"postgresql://{rest.removeprefix('//')}"
        statements: list[sql.SQL | sql.Composed] = [
            sql.SQL("CREATE EXTENSION IF NOT EXISTS vector"),
            sql.SQL(
                "CREATE TABLE IF NOT EXISTS {} (word text PRIMARY KEY, count double precision, "
                "vector vector({}))"
            ).format(self._table, sql.Literal(vector_size)),
        ]
        try:
            # Words are sent in UTF-8, whatever the database keeps them in.
            self._connection = psycopg.connect(target, autocommit=True, client_encoding="utf8")
            for statement in statements:
                self._connection.execute(statement)
        except psycopg.Error as error:
            raise _failed(error, url.password, options.get("password")) from error

    def holds(self, word: str) -> bool:
        """PostgreSQL's text has no NUL."""
        return "\0" not in word

    def words(self) -> set[str]:
        """See :class:`streamer.publishing.store.Store`."""
        try:
            rows = self._connection.execute(sql.SQL("SELECT word FROM {}").format(self._table))
            return {row[0] for row in rows}
        except psycopg.Error as error:
            raise _failed(error) from error

    def is_empty(self) -> bool:
        """See :class:`streamer.publishing.store.Store`."""
        try:
            rows = self._connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(self._table))
            return rows.fetchone() is None
        except psycopg.Error as error:
            raise _failed(error) from error

    def prepare(self, upserts: int, words: int) -> None:
        """Drop the index if most words are sent; :meth:`finish` makes it again."""
        if not self._wants_index or 2 * upserts <= words:
            return
        try:
            self._connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(self._index))
        except psycopg.Error as error:
            raise _failed(error) from error
        self._has_index = False

    def upsert(
        self, words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]
    ) -> int:
        """See :class:`streamer.publishing.store.Store`."""
        data = _binary_rows(words, vectors, counts)
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                cursor.execute(
                    sql.SQL("CREATE TEMP TABLE staging (LIKE {}) ON COMMIT DROP").format(
                        self._table
                    )
                )
                statement = "COPY staging (word, count, vector) FROM STDIN WITH (FORMAT BINARY)"
                with cursor.copy(statement) as copy:
                    copy.write(data)
                cursor.execute(
                    sql.SQL(
                        "INSERT INTO {} SELECT * FROM staging ON CONFLICT (word) DO UPDATE "
                        "SET count = excluded.count, vector = excluded.vector"
                    ).format(self._table)
                )
        except psycopg.Error as error:
            raise _failed(error) from error
        return len(data)

    def delete(self, words: Sequence[str]) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        try:
            statement = sql.SQL("DELETE FROM {} WHERE word = ANY(%s)").format(self._table)
            self._connection.execute(statement, (list(words),))
        except psycopg.Error as error:
            raise _failed(error) from error

    def finish(self) -> None:
        """Make the index if there is none."""
        if self._has_index:
            return
        statement = sql.SQL(
            "CREATE INDEX IF NOT EXISTS {} ON {} USING hnsw (vector vector_cosine_ops)"
        ).format(self._index, self._table)
        try:
            self._connection.execute(statement)
        except psycopg.Error as error:
            raise _failed(error) from error
        self._has_index = True

    def close(self) -> None:
        """See :class:`streamer.publishing.store.Store`."""
        self._connection.close()


def _binary_rows(words: Sequence[str], vectors: NDArray[np.float32], counts: NDArray[Any]) -> bytes:
    """Rows of text, float8 and vector as COPY takes them in PostgreSQL's binary format.

    A third of the bytes of text. See PostgreSQL's documentation of COPY, and ``vector_recv`` of
    pgvector: the number of dimensions, two bytes that are zero, and big-endian float4.
    """
    size = vectors.shape[1]
    parts = [b"PGCOPY\n\xff\r\n\0", struct.pack("!ii", 0, 0)]
    for word, count, vector in zip(words, counts.tolist(), vectors.astype(">f4"), strict=True):
        text = word.encode()
        parts += (
            struct.pack("!hi", 3, len(text)),
            text,
            struct.pack("!idihh", 8, count, 4 + 4 * size, size, 0),
            vector.tobytes(),
        )
    parts.append(struct.pack("!h", -1))
    return b"".join(parts)


def _failed(error: psycopg.Error, *secrets: str | None) -> StoreError:
    """The error without the secrets: libpq quotes a password that it cannot decode."""
    reason = str(error).strip() or type(error).__name__
    for secret in filter(None, secrets):
        reason = reason.replace(secret, "***")
    return StoreError(f"postgresql: {reason}")
