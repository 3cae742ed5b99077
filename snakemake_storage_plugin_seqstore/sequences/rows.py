"""A reader of portable databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.sequences import codec, schema
from snakemake_storage_plugin_seqstore.sequences.pool import Pool
from snakemake_storage_plugin_seqstore.sequences.reader import MAX_INT, MIN_INT, Meta, Page

# Records are read in pages: of so many, which a processor's cache holds, but of no more residues
# than this unless a single one has more.
_PAGE_RECORDS = 1000
_PAGE_RESIDUES = 1 << 26
_SELECT_SEQ = "SELECT len, hash8, seq FROM sequences WHERE gid=?"
# One statement for any number of gids; the order of the tables keeps SQLite from a scan.
_SELECT_MANY = "SELECT gid, {} FROM json_each(?) CROSS JOIN sequences ON gid = value"


class Rows:
    """The records of a portable database; see :class:`Reader`.

    Parameters
    ----------
    path : Path
        A finished database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pool = Pool(path)
        with self.pool.connection() as connection:
            schema.check_tables(connection, path)

    @cached_property
    def _count(self) -> int:
        (count,) = self.column("SELECT count(*) FROM sequences")
        return int(count)

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Refuse to read from now on."""
        self.pool.close()

    def check(self) -> None:
        """Look for damage that can be found without decoding the records."""
        problems = self.column("PRAGMA quick_check(1)")
        if problems != ["ok"]:
            raise DamageError(f"{self.path} is damaged: {problems[0]}")

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
            seqs = self._seqs(found, lengths, digests, blobs)
            yield Page(found, self._headers(found, headers), seqs)

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

    def sequences(self, gids: Iterable[int]) -> Iterator[dict[int, bytes]]:
        """Give the sequences of those gids that exist, some at a time, in any order."""
        for page in self.fetch("len, hash8, seq", gids, self.page_records):
            found, *columns = zip(*page, strict=True)
            yield dict(zip(found, self._seqs(found, *columns), strict=True))

    def metas(self, gids: Iterable[int]) -> Iterator[list[Meta]]:
        """Give what is known of those gids that exist, some at a time, in any order."""
        for page in self.fetch("header, len, hash8", gids):
            found, blobs, lengths, digests = zip(*page, strict=True)
            headers = self.texts(found, self._headers(found, blobs))
            yield list(zip(found, headers, lengths, digests, strict=True))

    # ---- finding

    def with_length(self, low: int, high: int) -> list[int]:
        """Return the gids of sequences of such a length, by length, then by gid."""
        # One row a length, with a list, takes less than half the time of one row a gid.
        lists = self.column(
            "SELECT json_group_array(gid) FROM sequences "
            "WHERE len BETWEEN ? AND ? GROUP BY len ORDER BY len",
            low,
            high,
        )
        return [gid for found in lists for gid in sorted(json.loads(found))]

    def with_hash(self, hash8: int) -> list[int]:
        """Return the gids of sequences with this hash, ascending."""
        return self.column("SELECT gid FROM sequences WHERE hash8=? ORDER BY gid", hash8)

    def with_name(self, name: bytes) -> list[int]:
        """Return the gids of records whose header has this first word, ascending."""
        # The name alone or with a blank behind it, or a header that begins with a blank.
        where = "header >= ? AND header < ? OR header >= ? AND header < ?"
        low, blank, high = codec.PLAIN + name, codec.PLAIN + b"\t", codec.PLAIN + b"!"
        found = self._candidates(where, low, low + b"!", blank, high)
        return sorted(gid for gid, header in found if codec.first_word(header) == name)

    def with_header(self, header: bytes) -> list[int]:
        """Return the gids of records with exactly this header, ascending."""
        found = self._candidates("header = ?", codec.PLAIN + header)
        return sorted(gid for gid, other in found if other == header)

    def _candidates(self, where: str, *values: bytes) -> Iterator[tuple[int, bytes]]:
        # idx_header sorts plain headers by text, and all compressed ones behind them.
        sql = f"SELECT gid, header FROM sequences WHERE {where} OR header >= x'01'"
        with self.pool.connection() as connection:
            found = connection.execute(sql, values).fetchall()
        for gid, blob in found:
            header = self._header(gid, blob)
            if header is not None:
                yield gid, header

    # ---- decoding

    def _seqs(
        self,
        gids: Sequence[int],
        lengths: Sequence[int],
        digests: Sequence[int | None],
        blobs: Sequence[bytes],
    ) -> list[bytes]:
        try:
            seqs = codec.decode_many(blobs, min(sum(lengths), codec.MAX_BYTES))
            found = codec.hashes8([sha1(seq, usedforsecurity=False).digest() for seq in seqs])
            if found == digests and tuple(map(len, seqs)) == lengths:
                return seqs
        except (TypeError, ValueError):
            pass
        # Something is wrong, or unusual: no hashes, say, or characters that are not ASCII.
        return list(map(self._decode, gids, lengths, digests, blobs))

    def _decode(self, gid: int, length: int, digest: int | None, blob: bytes) -> bytes:
        try:
            # A character of UTF-8 has at most four bytes.
            data = codec.decode(blob, 4 * length)
            size = length if len(data) == length else len(data.decode())
        except (TypeError, ValueError) as error:
            raise self._damaged(gid, f"its sequence cannot be decoded: {error}") from None
        if size != length:
            raise self._damaged(gid, f"its sequence has {size} residues, not {length}")
        if digest is not None and codec.hash8(data) != digest:
            raise self._damaged(gid, "its sequence does not have the hash that was stored with it")
        return data

    def _headers(self, gids: Sequence[int], blobs: Sequence[bytes | None]) -> list[bytes | None]:
        try:
            # Where one is None the next line says so.
            return [*codec.decode_many(blobs, codec.MAX_HEADER_BYTES)]  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return list(map(self._header, gids, blobs))

    def _header(self, gid: int, blob: bytes | None) -> bytes | None:
        if not blob:
            return None
        try:
            return codec.decode(blob, codec.MAX_HEADER_BYTES)
        except (TypeError, ValueError) as error:
            raise self._damaged(gid, f"its header cannot be decoded: {error}") from None

    def texts(self, gids: Sequence[int], headers: Sequence[bytes | None]) -> list[str | None]:
        """Return headers of a page as text."""
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
