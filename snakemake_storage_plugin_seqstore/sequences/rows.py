"""Rows of a finished database, decoded and checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import Any, NamedTuple

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.sequences import codec, schema
from snakemake_storage_plugin_seqstore.sequences.pool import Pool

# Records are read in pages: of so many, which a processor's cache holds, but of no more residues
# than this unless a single one has more.
_PAGE_RECORDS = 1000
_PAGE_RESIDUES = 1 << 26
MIN_INT, MAX_INT = -(2**63), 2**63 - 1
_SELECT_SEQ = "SELECT len, hash8, seq FROM sequences WHERE gid=?"
# One statement for any number of gids; the order of the tables keeps SQLite from a scan.
_SELECT_MANY = "SELECT gid, {} FROM json_each(?) CROSS JOIN sequences ON gid = value"


class Page(NamedTuple):
    """Decoded records."""

    gids: Sequence[int]
    headers: Sequence[bytes | None]
    seqs: Sequence[bytes]


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

    def fetch(
        self, columns: str, gids: Iterable[int], size: int = _PAGE_RECORDS
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Give gid and columns of each gid that exists, once and in any order, `size` at a time."""
        sql = _SELECT_MANY.format(columns)
        wanted = [gid for gid in sorted(set(gids)) if MIN_INT <= gid <= MAX_INT]
        for start in range(0, len(wanted), size):
            page = wanted[start : start + size]
            with self.pool.connection() as connection:
                rows = connection.execute(sql, (str(page),)).fetchall()
            if rows:
                yield rows

    def pages(self, gids: Iterable[int] | None = None) -> Iterator[Page]:
        """Give all records by ascending gid, or these in their order.

        Raises
        ------
        InputError
            If a gid does not exist.
        """
        for rows in self._all() if gids is None else self._asked(gids):
            found, lengths, digests, blobs, headers = zip(*rows, strict=True)
            seqs = self.sequences(found, lengths, digests, blobs)
            yield Page(found, self.headers(found, headers), seqs)

    def _all(self) -> Iterator[list[tuple[Any, ...]]]:
        start = MIN_INT
        while True:
            with self.pool.connection() as connection:
                rows = connection.execute(
                    "SELECT gid, len, hash8, seq, header FROM sequences "
                    "WHERE gid >= ? ORDER BY gid LIMIT ?",
                    (start, self.page_records),
                ).fetchall()
            if rows:
                yield rows
            if len(rows) < self.page_records or rows[-1][0] == MAX_INT:
                return
            start = rows[-1][0] + 1

    def _asked(self, gids: Iterable[int]) -> Iterator[list[tuple[Any, ...]]]:
        asked = list(map(int, gids))
        for start in range(0, len(asked), self.page_records):
            wanted = asked[start : start + self.page_records]
            pages = self.fetch("len, hash8, seq, header", wanted)
            found = {row[0]: row for page in pages for row in page}
            for gid in wanted:
                if gid not in found:
                    raise InputError(f"{self.path} has no gid {gid}")
            yield [found[gid] for gid in wanted]

    @cached_property
    def page_records(self) -> int:
        """How many sequences are read at once, so that memory stays bounded."""
        (longest,) = self.column("SELECT CAST(max(len) AS INTEGER) FROM sequences")
        return max(1, min(_PAGE_RECORDS, _PAGE_RESIDUES // max(1, longest or 0)))

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
        return None if row is None else self._decode(gid, *row)

    def sequences(
        self,
        gids: Sequence[int],
        lengths: Sequence[int],
        digests: Sequence[int | None],
        blobs: Sequence[bytes],
    ) -> list[bytes]:
        """Decode sequences.

        Raises
        ------
        DamageError
            If one does not have the length and the hash that were stored with it.
        """
        try:
            limit = min(sum(lengths), codec.MAX_BYTES)
            seqs = self.format.sequences.decode_many(self._with_others(blobs), limit)
            found = codec.hashes8([sha1(seq, usedforsecurity=False).digest() for seq in seqs])
            if found == digests and tuple(map(len, seqs)) == lengths:
                return seqs
        except (TypeError, ValueError):
            pass
        # Something is wrong, or unusual: no hashes, say, or characters that are not ASCII.
        return list(map(self._decode, gids, lengths, digests, blobs))

    def _decode(self, gid: int, length: int, digest: int | None, blob: bytes) -> bytes:
        try:
            (blob,) = self._with_others([blob])
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

    def _with_others(self, blobs: Sequence[bytes]) -> Sequence[bytes]:
        """Put the blobs of other records where these refer to them."""
        if not self.format.compact or not any(blob[:1] == codec.SAME for blob in blobs):
            return blobs
        gids = [codec.same_gid(blob) if blob[:1] == codec.SAME else None for blob in blobs]
        pages = self.fetch("seq", (gid for gid in gids if gid is not None))
        others: dict[int, bytes] = {gid: blob for page in pages for gid, blob in page}
        for gid in gids:
            if gid is not None and others.get(gid, codec.SAME)[:1] == codec.SAME:
                raise ValueError(f"it is said to be that of gid {gid}, which has none")
        return [blob if gid is None else others[gid] for blob, gid in zip(blobs, gids, strict=True)]

    def headers(self, gids: Sequence[int], blobs: Sequence[bytes | None]) -> list[bytes | None]:
        """Decode headers; DamageError if that is impossible."""
        try:
            # Where one is None the next line says so.
            return [*self.format.headers.decode_many(blobs, codec.MAX_HEADER_BYTES)]  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return list(map(self.header, gids, blobs))

    def header(self, gid: int, blob: bytes | None) -> bytes | None:
        """Decode a header; DamageError if that is impossible."""
        if not blob:
            return None
        try:
            return self.format.headers.decode(blob, codec.MAX_HEADER_BYTES)
        except (TypeError, ValueError) as error:
            raise self._damaged(gid, f"its header cannot be decoded: {error}") from None

    def texts(self, gids: Sequence[int], headers: Sequence[bytes | None]) -> list[str | None]:
        """Return headers as text; DamageError if one is not UTF-8."""
        try:
            return [*map(bytes.decode, headers)]  # type: ignore[arg-type]
        except (TypeError, UnicodeDecodeError):
            return list(map(self._text, gids, headers))

    def _text(self, gid: int, header: bytes | None) -> str | None:
        try:
            return None if header is None else header.decode()
        except UnicodeDecodeError as error:
            raise self._damaged(gid, f"its header is not UTF-8: {error}") from None

    def _damaged(self, gid: int, what: str) -> DamageError:
        return DamageError(f"{self.path} is damaged at gid {gid}: {what}")
