"""A reader of portable databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import sha1
from pathlib import Path
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.sequences import codec, schema
from snakemake_storage_plugin_seqstore.sequences.pool import COMPLAINTS, Pool
from snakemake_storage_plugin_seqstore.sequences.schema import MAX_INT, MIN_INT
from snakemake_storage_plugin_seqstore.sequences.texts import (
    Meta,
    Numbers,
    Page,
    Texts,
    numbers,
    portions,
)
from snakemake_storage_plugin_seqstore.sequences.worker_process import ahead

# Records are read in pages: so many, but of no more residues unless a single one has more.
_PAGE_RECORDS = 2000
_PAGE_RESIDUES = 1 << 24
# 0 if the row behind it in the file has the next gid, 1 if there is none, 2 if it has another one:
# where no gids are missing, one of the two is then damaged. Nothing else in a row tells its gid.
_STRAY = """coalesce(
    2 * ((SELECT min(n.gid) FROM sequences n WHERE n.gid > sequences.gid) <> sequences.gid + 1), 1
)"""
_SELECT_SEQ = f"SELECT len, hash8, seq, {_STRAY} FROM sequences WHERE gid=?"
# A row for a whole page: SQLite makes it in one go, without Python's lock. It concatenates blobs
# as they are, though it calls the result a text; what is NULL is left out.
_NUMBERS = """group_concat(gid), group_concat(CAST(len AS INTEGER)),
    group_concat(CAST(hash8 AS INTEGER))"""
_SEQS = "group_concat(length(seq)), CAST(group_concat(seq, '') AS BLOB)"
_HEADERS = "group_concat(length(header)), CAST(group_concat(header, '') AS BLOB)"
_BETWEEN = "sequences WHERE gid BETWEEN ? AND ?"
# One statement for any number of gids; the order of the tables keeps SQLite from a scan.
_AMONG = "json_each(?) CROSS JOIN sequences ON gid = value"
_FIRST = "SELECT hash8, gid FROM sequences ORDER BY gid LIMIT 1"
_LAST = "SELECT hash8, gid FROM sequences ORDER BY gid DESC LIMIT 1"
_INDEXED = "SELECT 1 FROM sequences INDEXED BY idx_hash8 WHERE hash8 IS ? AND gid = ?"
# For count(*) alone SQLite takes whichever index it likes.
_COUNTS = [f"SELECT total(1) FROM sequences INDEXED BY {i}" for i in ("idx_len", "idx_hash8")]
_NEXT = """SELECT max(gid), count(*), total(len) FROM
    (SELECT gid, len FROM sequences WHERE gid >= ? ORDER BY gid LIMIT ?)"""
# SQLite's cache while rows and indexes are compared: with less it takes several times as long.
_CHECK_KIB = 32 * 1024
# For fewer records a row each takes less time.
_MANY = 8


class SqliteReader:
    """The records of a portable database; see :class:`Reader`.

    Parameters
    ----------
    path : Path
        A finished database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pool = Pool(path)
        self.version = self.pool.version
        with self.pool.cursor() as cursor:
            schema.check_tables(cursor, path)

    @cached_property
    def _ends(self) -> tuple[int, int]:
        """The first and the last gid."""
        gids = []
        with self.pool.cursor() as cursor:
            for end in (_FIRST, _LAST):
                for digest, gid in cursor.execute(end).fetchall():
                    if not cursor.execute(_INDEXED, (digest, gid)).fetchall():
                        raise self._damaged(gid, "an index does not have it")
                    gids.append(gid)
        return (gids[0], gids[1]) if gids else (0, -1)

    @cached_property
    def _count(self) -> int:
        first, last = self._ends
        (count,) = self.column("SELECT count(*) FROM sequences")
        if count != last - first + 1:  # there are gaps between the gids, or in an index
            counts = [count, *map(int, self.column(" UNION ALL ".join(_COUNTS)))]
            if len(set(counts)) > 1 or count > last - first + 1:
                raise DamageError(
                    f"{self.path} is damaged: its gids are from {first} to {last}, and the number "
                    f"of its records is one of {', '.join(map(str, counts))}"
                )
        return int(count)

    def __len__(self) -> int:
        return self._count

    def close(self) -> None:
        """Refuse to read from now on."""
        self.pool.close()

    def check(self, deep: bool = False) -> None:
        """Look for damage that can be found without decoding the records."""
        # The quick one does not compare the indexes with the rows.
        kind = "integrity" if deep else "quick"
        with self.pool.cursor() as cursor:
            cursor.execute(f"PRAGMA cache_size=-{_CHECK_KIB}")
            ((problem,),) = cursor.execute(f"PRAGMA {kind}_check(1)").fetchall()
        if problem != "ok":
            raise DamageError(f"{self.path} is damaged: {problem}")

    def column(self, sql: str, *values: Any) -> list[Any]:
        """Return the only column of a query."""
        with self.pool.cursor() as cursor:
            return [value for (value,) in cursor.execute(sql, values).fetchall()]

    def pages(self, gids: Iterable[int] | None = None) -> Iterator[Page]:
        """Give all records by ascending gid, or these in their order."""
        return map(self.page, self.portions(gids))

    def portions(self, gids: Iterable[int] | None = None) -> Iterator[Sequence[int]]:
        """Give the gids of pages: all by ascending gid, or these in their order."""
        return self._all() if gids is None else self._some(list(map(int, gids)))

    def _all(self) -> Iterator[range]:
        dense = self._dense
        if dense and _PAGE_RECORDS * self._longest <= _PAGE_RESIDUES:
            for start in range(0, len(dense), _PAGE_RECORDS):
                yield dense[start : start + _PAGE_RECORDS]
            return
        start, size, left = dense.start if dense else MIN_INT, _PAGE_RECORDS, len(self)
        while start <= MAX_INT:
            with self.pool.cursor() as cursor:
                ((last, count, residues),) = cursor.execute(_NEXT, (start, size)).fetchall()
            if not count:
                break
            if count > 1 and residues > _PAGE_RESIDUES:
                size = count // 2
                continue
            yield range(start, last + 1)
            start, size, left = last + 1, _PAGE_RECORDS, left - count
        if left:
            raise DamageError(
                f"{self.path} is damaged: it has {len(self) - left:,} records, and {len(self):,} "
                "in an index"
            )

    def _some(self, gids: Sequence[int]) -> Iterator[Sequence[int]]:
        for start in range(0, len(gids), _PAGE_RECORDS):
            some = gids[start : start + _PAGE_RECORDS]
            if len(some) * self._longest <= _PAGE_RESIDUES:
                yield some
                continue
            lengths = dict(self._select("gid, CAST(len AS INTEGER)", some))
            sizes = numbers(max(lengths.get(gid) or 0, 0) for gid in some)
            for cut in portions(sizes, _PAGE_RECORDS, _PAGE_RESIDUES):
                yield some[cut]

    @cached_property
    def _dense(self) -> range | None:
        """All gids, if none between the first and the last is missing."""
        first, last = self._ends
        return range(first, last + 1) if len(self) == last - first + 1 else None

    def _require_no_gaps(
        self, gids: Sequence[int], found: Container[int], strays: float = 0
    ) -> None:
        """Refuse a gap among dense gids: one of these is not found, or not followed by the next."""
        dense = self._dense
        if not dense:
            return
        for gid in gids:
            if gid in dense and gid not in found:
                raise self._damaged(gid, "it is not in its place")
        if strays > gids.count(dense[-1]):
            raise DamageError(
                f"{self.path} is damaged: a gid is wrong from {min(gids)} to {max(gids) + 1}"
            )

    @cached_property
    def _longest(self) -> int:
        (longest,) = self.column("SELECT CAST(max(len) AS INTEGER) FROM sequences")
        return longest or 0

    def page(self, gids: Sequence[int]) -> Page:
        """Return the records of a portion; InputError if a gid does not exist."""
        found: list[int]
        headers: Sequence[bytes | None]
        stray = "0" if isinstance(gids, range) else _STRAY  # of all in a range the gids tell that
        try:
            known, lengths, digests, strays, *blobs = self._joined(
                _NUMBERS, f"total({stray})", _HEADERS, _SEQS, gids=gids
            )
            found, headers = known.tolist(), _headers(*blobs[:2])
            seqs = _seqs(lengths, digests, *blobs[2:])
        except (TypeError, ValueError):
            rows = self._select(f"gid, {stray}, header, len, hash8, seq", gids)
            found, strays = [gid for gid, *_ in rows], sum(row[1] for row in rows)
            headers = self._page_headers((gid, blob) for gid, _, blob, *_ in rows)
            seqs = Texts.of([self._decode(gid, *row) for gid, _, _, *row in rows])
        if isinstance(gids, range):
            if found != (list(gids) if self._dense else sorted(set(found))):
                raise DamageError(
                    f"{self.path} is damaged: gids are missing from {gids[0]} to {gids[-1]}, or "
                    "are out of order"
                )
            return Page(found, headers, seqs)
        if strays or len(found) < len(gids):
            self._require_no_gaps(gids, set(found), strays)
        if found == gids:
            return Page(found, headers, seqs)
        places = {gid: place for place, gid in enumerate(found)}
        for gid in gids:
            if gid not in places:
                raise InputError(f"{self.path} has no gid {gid}")
        headers = list(headers)
        order = [places[gid] for gid in gids]
        return Page(gids, [headers[place] for place in order], seqs.take(numbers(order)))

    def _joined(self, *columns: str, gids: Sequence[int]) -> list[Any]:
        """Return numbers of records as arrays, and their texts joined.

        ValueError if there are too few for that, or they are too large.
        """
        few = not isinstance(gids, range) and len(gids) < _MANY
        if few or not self._is_utf8:
            raise ValueError("one by one is better")
        (row,) = self._select(", ".join(columns), gids)
        if None in row:
            raise ValueError("there are no rows, or something is NULL in all of them")
        values = [
            np.fromstring(value, np.int64, sep=",") if isinstance(value, str) else value
            for value in row
        ]
        if len({len(value) for value in values if isinstance(value, np.ndarray)}) != 1:
            raise ValueError("something is NULL")
        return values

    @cached_property
    def _is_utf8(self) -> bool:
        # In other databases SQLite would convert blobs that it takes for texts.
        return self.column("PRAGMA encoding") == ["UTF-8"]

    def _select(self, columns: str, gids: Sequence[int]) -> list[Any]:
        source, values = (
            (_BETWEEN, (gids[0], gids[-1])) if isinstance(gids, range) else (_AMONG, (str(gids),))
        )
        with self.pool.cursor() as cursor:
            try:
                return cursor.execute(f"SELECT {columns} FROM {source}", values).fetchall()
            except sqlite3.DataError as error:
                raise ValueError(f"a row is too large: {error}") from error

    def sequence(self, gid: int) -> bytes | None:
        """Return one sequence, or None if there is no such gid."""
        # Without pool.cursor(), which would take a fifth of the time.
        cursor = self.pool.take()
        try:
            row = cursor.execute(_SELECT_SEQ, (gid,)).fetchone()
        except OverflowError:  # an integer of more than 64 bits
            return None
        except COMPLAINTS as error:
            raise self.pool.damaged(error) from error
        finally:
            self.pool.give_back(cursor)
        if row is None:
            self._require_no_gaps([gid], ())
            return None
        length, digest, blob, stray = row
        if stray:
            self._require_no_gaps([gid], [gid], stray)
        return self._decode(gid, length, digest, blob)

    def sequences(self, gids: Iterable[int]) -> Iterator[dict[int, str]]:
        """Give the sequences of those gids that exist, some at a time, in any order."""
        return ahead(self._strings, self._some(_ascending(gids)))

    def _strings(self, gids: Sequence[int]) -> dict[int, str]:
        try:
            known, lengths, digests, strays, *blobs = self._joined(
                _NUMBERS, f"total({_STRAY})", _SEQS, gids=gids
            )
            seqs = _seqs(lengths, digests, *blobs).strings()
            found = dict(zip(known.tolist(), seqs, strict=True))
        except (TypeError, ValueError):
            rows = self._select(f"{_STRAY}, gid, len, hash8, seq", gids)
            found = {row[0]: self._decode(*row).decode() for _, *row in rows}
            strays = sum(row[0] for row in rows)
        if strays or len(found) < len(gids):
            self._require_no_gaps(gids, found, strays)
        return found

    def metas(self, gids: Iterable[int]) -> Iterator[list[Meta]]:
        """Give what is known of those gids that exist, some at a time, in any order."""
        wanted = _ascending(gids)
        starts = range(0, len(wanted), _PAGE_RECORDS)
        return ahead(self._metas, (wanted[start : start + _PAGE_RECORDS] for start in starts))

    def _metas(self, gids: Sequence[int]) -> list[Meta]:
        found = self._known(gids)
        if len(found) < len(gids):
            self._require_no_gaps(gids, {gid for gid, *_ in found})
        return found

    def _known(self, gids: Sequence[int]) -> list[Meta]:
        try:
            known, lengths, digests, *blobs = self._joined(_NUMBERS, _HEADERS, gids=gids)
            headers = _headers(*blobs).strings()
            return list(
                zip(known.tolist(), headers, lengths.tolist(), digests.tolist(), strict=True)
            )
        except (TypeError, ValueError):
            rows = self._select("gid, header, len, hash8", gids)
            decoded = self._page_headers((gid, blob) for gid, blob, *_ in rows)
            return [
                (gid, self._text(gid, header), *self._integers(gid, *row))
                for (gid, _, *row), header in zip(rows, decoded, strict=True)
            ]

    def _integers(self, gid: int, length: Any, digest: Any) -> tuple[int, int | None]:
        if not isinstance(length, int) or not isinstance(digest, int | None):
            raise self._damaged(gid, "its length or hash is no integer")
        return length, digest

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
        gids = [gid for found in lists for gid in sorted(json.loads(found))]
        if (low, high) == (MIN_INT, MAX_INT) and len(gids) != len(self):
            raise DamageError(
                f"{self.path} is damaged: an index gives {len(gids):,} of {len(self):,} gids"
            )
        return gids

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
        with self.pool.cursor() as cursor:
            found = cursor.execute(sql, values).fetchall()
        for gid, blob in found:
            header = self._header(gid, blob)
            if header is not None:
                yield gid, header

    # ---- decoding one by one

    def _decode(self, gid: int, length: int, digest: int | None, blob: bytes) -> bytes:
        try:
            # A character of UTF-8 has at most four bytes.
            data = codec.decode(blob, min(4 * length, codec.MAX_BYTES))
            size = len(data) if data.isascii() else len(data.decode())
        except (TypeError, ValueError) as error:
            raise self._damaged(gid, f"its sequence cannot be decoded: {error}") from None
        if size != length:
            raise self._damaged(gid, f"its sequence has {size} residues, not {length}")
        if digest is not None and codec.hash8(data) != digest:
            raise self._damaged(gid, "its sequence does not have the hash that was stored with it")
        return data

    def _header(self, gid: int, blob: bytes | None) -> bytes | None:
        if not blob:
            return None
        try:
            return codec.decode(blob, codec.MAX_HEADER_BYTES)
        except (TypeError, ValueError) as error:
            raise self._damaged(gid, f"its header cannot be decoded: {error}") from None

    def _page_headers(self, blobs: Iterable[tuple[int, Any]]) -> list[bytes | None]:
        """Return the headers of a page; little on disk must not fill the memory."""
        headers, size = [], 0
        for gid, blob in blobs:
            header = self._header(gid, blob)
            size += len(header or b"")
            if size > codec.MAX_HEADERS_BYTES:
                raise self._damaged(
                    gid, f"the headers up to it have more than {codec.MAX_HEADERS_BYTES:,} bytes"
                )
            headers.append(header)
        return headers

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


def _ascending(gids: Iterable[int]) -> list[int]:
    return [gid for gid in sorted(set(gids)) if MIN_INT <= gid <= MAX_INT]


def _headers(lengths: Numbers, blobs: bytes) -> Texts:
    return codec.decode_joined(blobs, lengths, limit=codec.MAX_HEADER_BYTES)


def _seqs(lengths: Numbers, digests: Numbers, sizes: Numbers, blobs: bytes) -> Texts:
    """Return sequences that are what was stored; ValueError if something is wrong, or unusual."""
    seqs = codec.decode_joined(blobs, sizes, lengths)
    if not seqs.data.isascii():
        raise ValueError("characters that are not ASCII")
    found = codec.hashes8([sha1(seq, usedforsecurity=False).digest() for seq in seqs])
    if not (np.array_equal(seqs.lengths, lengths) and np.array_equal(found, digests)):
        raise ValueError("other lengths or hashes, or none")
    return seqs
