"""Rows of a finished database, decoded and checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.sequences import codec, schema
from snakemake_storage_plugin_seqstore.sequences.pool import Pool

# Gids per statement (999 variables are what every build of SQLite allows), records per step.
_GIDS_PER_QUERY = 900
_PAGE = 2000
MIN_INT, MAX_INT = -(2**63), 2**63 - 1
_SELECT_SEQ = "SELECT len, hash8, seq FROM sequences WHERE gid=?"


class Rows:
    """The rows of one file; one object may be shared between threads, and over ``fork``.

    Parameters
    ----------
    path : Path
        A finished database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pool = Pool(path)
        with self.pool.connection() as connection:
            self.format = schema.read_format(connection, path)

    def column(self, sql: str, *values: Any) -> list[Any]:
        """Return the only column of a query."""
        with self.pool.connection() as connection:
            return [value for (value,) in connection.execute(sql, values).fetchall()]

    def fetch(self, columns: str, gids: Iterable[int]) -> Iterator[tuple[Any, ...]]:
        """Give gid and columns of each of these gids that exists, once and in any order."""
        marks = ",".join("?" * _GIDS_PER_QUERY)
        sql = f"SELECT gid, {columns} FROM sequences WHERE gid IN ({marks})"
        wanted: list[int | None] = [gid for gid in sorted(set(gids)) if MIN_INT <= gid <= MAX_INT]
        # One statement serves all steps: NULL equals nothing.
        wanted += [None] * (-len(wanted) % _GIDS_PER_QUERY)
        for start in range(0, len(wanted), _GIDS_PER_QUERY):
            with self.pool.connection() as connection:
                rows = connection.execute(sql, wanted[start : start + _GIDS_PER_QUERY]).fetchall()
            yield from rows

    def records(
        self, gids: Iterable[int] | None = None
    ) -> Iterator[tuple[int, bytes | None, bytes]]:
        """Give gid, header and sequence: of all records by gid, or of these in their order."""
        for page in self._all_pages() if gids is None else self._asked_pages(gids):
            for gid, length, digest, seq, header in page:
                yield gid, self.header(gid, header), self.decode(gid, length, digest, seq)

    def _all_pages(self) -> Iterator[list[tuple[Any, ...]]]:
        start = MIN_INT
        while True:
            with self.pool.connection() as connection:
                page = connection.execute(
                    "SELECT gid, len, hash8, seq, header FROM sequences "
                    "WHERE gid >= ? ORDER BY gid LIMIT ?",
                    (start, _PAGE),
                ).fetchall()
            yield page
            if len(page) < _PAGE or page[-1][0] == MAX_INT:
                return
            start = page[-1][0] + 1

    def _asked_pages(self, gids: Iterable[int]) -> Iterator[list[tuple[Any, ...]]]:
        asked = [int(gid) for gid in gids]
        for start in range(0, len(asked), _PAGE):
            wanted = asked[start : start + _PAGE]
            found = {row[0]: row for row in self.fetch("len, hash8, seq, header", wanted)}
            for gid in wanted:
                if gid not in found:
                    raise InputError(f"{self.path} has no gid {gid}")
            yield [found[gid] for gid in wanted]

    def sequence(self, gid: int) -> bytes | None:
        """Return one sequence, or None if there is no such gid."""
        # Without pool.connection(), which would take a fifth of the time.
        connection = self.pool.take()
        try:
            row = connection.execute(_SELECT_SEQ, (gid,)).fetchone()
        except OverflowError:  # an integer of more than 64 bits
            return None
        except sqlite3.DatabaseError as error:
            raise self.pool.damaged(error) from error
        finally:
            self.pool.give_back(connection)
        return None if row is None else self.decode(gid, *row)

    def decode(self, gid: int, length: int, digest: int | None, blob: bytes) -> bytes:
        """Decode a sequence.

        Raises
        ------
        DamageError
            If it does not have the length and the hash that were stored with it.
        """
        try:
            if blob[:1] == codec.SAME and self.format.compact:
                blob = self._other(codec.same_gid(blob))
            # A character of UTF-8 has at most four bytes.
            data = self.format.sequences.decode(blob, 4 * length)
            size = length if len(data) == length else len(data.decode())
        except (TypeError, ValueError) as error:
            raise self._damaged(gid, f"its sequence cannot be decoded: {error}") from None
        if size != length:
            raise self._damaged(gid, f"its sequence has {size} residues, not {length}")
        if digest is not None and codec.hash8(data) != digest:
            raise self._damaged(gid, "its sequence does not have the hash that was stored with it")
        return data

    def _other(self, gid: int) -> bytes:
        blobs = self.column("SELECT seq FROM sequences WHERE gid=?", gid)
        if not blobs or blobs[0][:1] == codec.SAME:
            raise ValueError(f"it is said to be that of gid {gid}, which has none")
        blob: bytes = blobs[0]
        return blob

    def header(self, gid: int, blob: bytes | None) -> bytes | None:
        """Decode a header; DamageError if that is impossible."""
        if not blob:
            return None
        try:
            return self.format.headers.decode(blob, codec.MAX_HEADER_BYTES)
        except (TypeError, ValueError) as error:
            raise self._damaged(gid, f"its header cannot be decoded: {error}") from None

    def header_text(self, gid: int, blob: bytes | None) -> str | None:
        """Decode a header to text."""
        return self.text(gid, self.header(gid, blob))

    def text(self, gid: int, header: bytes | None) -> str | None:
        """Return a header as text; DamageError if it is not UTF-8."""
        try:
            return None if header is None else header.decode()
        except UnicodeDecodeError as error:
            raise self._damaged(gid, f"its header is not UTF-8: {error}") from None

    def _damaged(self, gid: int, what: str) -> DamageError:
        return DamageError(f"{self.path} is damaged at gid {gid}: {what}")
