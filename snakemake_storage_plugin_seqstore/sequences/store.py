"""SequenceStore: one file of sequences, written once, then read by anybody at any time."""

from __future__ import annotations

import fnmatch
import heapq
import json
import os
import random
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import build, codec
from snakemake_storage_plugin_seqstore.sequences.output import binary_output
from snakemake_storage_plugin_seqstore.sequences.rows import MAX_INT, MIN_INT, Page, Rows
from snakemake_storage_plugin_seqstore.sequences.selection import Selection
from snakemake_storage_plugin_seqstore.sequences.writer import Row, Writer

_LINE = 60
_MAX_CUT = 4096
_PAGE = 2000


class Record(NamedTuple):
    """One record of a database."""

    gid: int
    header: str | None
    seq: str


class SequenceStore:
    """A SQLite database of sequences, their headers, lengths and hashes.

    Made by :meth:`build`, :meth:`open_writer` or :meth:`open_reader`; each is a context manager.
    A reader may be shared between threads, and goes on working in forked processes. Every sequence
    that it returns has been checked against the length and the hash that were stored with it.
    """

    _writer: Writer | None = None
    _rows: Rows | None = None
    _count: int | None = None
    path: Path

    build = staticmethod(build.build)

    # ---- opening and closing

    @classmethod
    def open_writer(cls, path: str | os.PathLike[str]) -> SequenceStore:
        """Start a new database.

        Nothing is seen at ``path`` until :meth:`close_publish`. As a context manager a writer
        publishes when its block ends, and discards everything when the block raises.

        Parameters
        ----------
        path : path-like
            Where it will be; a file that is there is replaced.

        Returns
        -------
        SequenceStore
            For :meth:`insert_rows` and :meth:`close_publish`, by one thread at a time.
        """
        store = cls.__new__(cls)
        store._writer = Writer(path)
        store.path = store._writer.path
        return store

    @classmethod
    def open_reader(cls, path: str | os.PathLike[str]) -> SequenceStore:
        """Open a finished database; it is never locked, and nothing is written beside it.

        Parameters
        ----------
        path : path-like
            Any file name, with ``?``, ``#``, ``%`` or spaces too.

        Returns
        -------
        SequenceStore

        Raises
        ------
        StoreError
            If it is missing or not a sequence database.
        DamageError
            If it is truncated or damaged.
        """
        store = cls.__new__(cls)
        store.path = Path(os.fsdecode(path))
        store._rows = Rows(store.path)
        return store

    def close(self) -> None:
        """Close a reader, or a writer without publishing: then nothing of it remains."""
        if self._writer is not None:
            self._writer.close()
        if self._rows is not None:
            self._rows.pool.close()

    def __enter__(self) -> SequenceStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._writer is not None and not self._writer.closed:
            self.close_publish()
        else:
            self.close()

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        mode = "reader" if self._writer is None else "writer"
        return f"<SequenceStore {mode} of {str(self.path)!r}>"

    # ---- writing

    def insert_rows(self, rows: Iterable[Row]) -> None:
        """Add rows: all of them, or none if one is wrong.

        Parameters
        ----------
        rows : iterable of tuple
            ``(gid, len, hash8, seq, shard, local_idx, header)``, see :meth:`encode_seq`,
            :meth:`hash8` and :meth:`encode_header`. The length is in characters.

        Raises
        ------
        InputError
            If a row is malformed or its gid is taken.
        StoreError
            If the file cannot be written; it can then not be published any more.
        """
        self._writing().insert(rows)

    def close_publish(self) -> None:
        """Make the database durable and put it in its place, in one step for every reader.

        Raises
        ------
        StoreError
            If anything failed; what was at the path is then still there.
        """
        self._writing().publish()

    def _writing(self) -> Writer:
        if self._writer is None:
            raise RuntimeError(f"{self!r}: this needs a writer (SequenceStore.open_writer)")
        return self._writer

    # ---- single records

    def get_seq(self, gid: int) -> str | None:
        """Return a sequence, or None if there is no such gid."""
        data = self._reading().sequence(int(gid))
        return None if data is None else data.decode()

    def get_subseq(self, gid: int, start: int, end: int) -> str | None:
        """Return part of a sequence, or None if there is no such gid.

        Parameters
        ----------
        gid : int
            The record.
        start, end : int
            0-based, half-open, in characters.

        Raises
        ------
        InputError
            If the range is not within the sequence.
        """
        seq = self.get_seq(gid)
        if seq is None:
            return None
        if not 0 <= start <= end <= len(seq):
            raise InputError(
                f"{self.path}: {start}-{end} is not within gid {gid}, which has {len(seq)} residues"
            )
        return seq[start:end]

    def get_header_len(self, gid: int) -> tuple[str | None, int | None]:
        """Return header and length, or (None, None) if there is no such gid."""
        return self.get_many_header_len([gid])[0][1:]

    # ---- many records

    def get_many_header_len(self, gids: Iterable[int]) -> list[tuple[int, str | None, int | None]]:
        """Return (gid, header, length) of each gid, in the order asked.

        A gid that is asked for twice is there twice; one that does not exist has None for the rest.
        """
        return [meta[:3] for meta in self.get_many_meta(gids)]

    def get_many_meta(
        self, gids: Iterable[int]
    ) -> list[tuple[int, str | None, int | None, int | None]]:
        """Return (gid, header, length, hash8) of each gid, in the order asked.

        A gid that is asked for twice is there twice; one that does not exist has None for the rest.
        """
        rows = self._reading()
        wanted = list(map(int, gids))
        found: dict[int, tuple[int, str | None, int, int | None]] = {}
        for page in rows.fetch("header, len, hash8", wanted):
            known, blobs, lengths, digests = zip(*page, strict=True)
            headers = rows.texts(known, rows.headers(known, blobs))
            metas = zip(known, headers, lengths, digests, strict=True)
            found.update(zip(known, metas, strict=True))
        return [found.get(gid) or (gid, None, None, None) for gid in wanted]

    def get_many_seqs(self, gids: Iterable[int]) -> list[str | None]:
        """Return the sequence of each gid, in the order asked; None where it does not exist."""
        rows = self._reading()
        wanted = list(map(int, gids))
        found: dict[int, str] = {}
        for page in rows.fetch("len, hash8, seq", wanted, rows.page_records):
            known, *columns = zip(*page, strict=True)
            seqs = rows.sequences(known, *columns)
            found.update(zip(known, map(bytes.decode, seqs), strict=True))
        return list(map(found.get, wanted))

    def __len__(self) -> int:
        if self._count is None:
            self._count = self._reading().column("SELECT count(*) FROM sequences")[0]
        return self._count

    def __iter__(self) -> Iterator[Record]:
        """Iterate over all records by ascending gid, in bounded memory."""
        return self.records()

    def records(self, gids: Iterable[int] | None = None) -> Iterator[Record]:
        """Iterate over records in bounded memory.

        Parameters
        ----------
        gids : iterable of int, optional
            Which ones, in this order; by default all, by ascending gid.

        Yields
        ------
        Record

        Raises
        ------
        InputError
            If a gid does not exist.
        """
        rows = self._reading()
        for page in rows.pages(gids):
            headers = rows.texts(page.gids, page.headers)
            yield from map(Record, page.gids, headers, map(bytes.decode, page.seqs))

    # ---- finding

    def get_gids_by_length_range(self, min_len: int | None, max_len: int | None) -> list[int]:
        """Return the gids of all sequences with ``min_len`` to ``max_len`` residues, both included.

        None means no limit at that end. They come by length, then by gid.
        """
        low = MIN_INT if min_len is None else max(int(min_len), MIN_INT)
        high = MAX_INT if max_len is None else min(int(max_len), MAX_INT)
        # One row a length, with a list, takes less than half the time of one row a gid.
        lists = self._reading().column(
            "SELECT json_group_array(gid) FROM sequences "
            "WHERE len BETWEEN ? AND ? GROUP BY len ORDER BY len",
            low,
            high,
        )
        return [gid for found in lists for gid in sorted(json.loads(found))]

    def find_hash(self, hash8: int) -> list[int]:
        """Return the gids of all sequences with this :meth:`hash8`, ascending."""
        return self._reading().column("SELECT gid FROM sequences WHERE hash8=? ORDER BY gid", hash8)

    def find_name(self, name: str) -> list[int]:
        """Return the gids of all records whose header has this first word, ascending."""
        word = name.encode()
        if codec.first_word(word) != word or not word:
            return []
        # The name alone or with a blank behind it, or a header that begins with a blank.
        where = "header >= ? AND header < ? OR header >= ? AND header < ?"
        low, blank, high = codec.PLAIN + word, codec.PLAIN + b"\t", codec.PLAIN + b"!"
        found = self._candidates(word, where, low, low + b"!", blank, high)
        return sorted(gid for gid, header in found if codec.first_word(header) == word)

    def find_header(self, header: str) -> list[int]:
        """Return the gids of all records with exactly this header, ascending."""
        text = header.encode()
        found = self._candidates(codec.first_word(text), "header = ?", codec.PLAIN + text)
        return sorted(gid for gid, other in found if other == text)

    def _candidates(self, word: bytes, where: str, *values: bytes) -> Iterator[tuple[int, bytes]]:
        """Give the records that may be meant: by the index if there is one, else by a scan."""
        rows = self._reading()
        if rows.format.compact:
            gids = rows.column("SELECT gid FROM seqstore_names WHERE key=?", codec.name_key(word))
            found = [row for page in rows.fetch("header", gids) for row in page]
        else:
            # idx_header sorts plain headers by text, and all compressed ones behind them.
            sql = f"SELECT gid, header FROM sequences WHERE {where} OR header >= x'01'"
            with rows.pool.connection() as connection:
                found = connection.execute(sql, values).fetchall()
        for gid, blob in found:
            header = rows.header(gid, blob)
            if header is not None:
                yield gid, header

    def select(self, selection: Selection) -> list[int]:
        """Return the gids of a selection, ascending, each once.

        Raises
        ------
        InputError
            If one of the gids that the selection names does not exist.
        """
        gids = sorted(self.get_gids_by_length_range(selection.min_len, selection.max_len))
        if selection.gids is not None:
            wanted = set(selection.gids)
            pages = self._reading().fetch("len", wanted)
            missing = wanted.difference(gid for page in pages for gid, _ in page)
            if missing:
                few = ", ".join(map(str, sorted(missing)[:5]))
                raise InputError(f"{self.path} has no gid {few}", f"{len(missing):,} are missing")
            gids = [gid for gid in gids if gid in wanted]
        if selection.name is not None or selection.header is not None:
            gids = self._matching(gids, selection)
        if selection.sample is not None:
            # Of all of Python's generators, random() alone is promised to stay the same for ever.
            draw = random.Random(selection.seed).random
            gids = sorted(
                gid for _, gid in heapq.nsmallest(selection.sample, ((draw(), g) for g in gids))
            )
        return gids

    def _matching(self, gids: list[int], selection: Selection) -> list[int]:
        if selection.name is not None and not re.search(r"[*?\[]", selection.name):
            named = set(self.find_name(selection.name))
            gids = [gid for gid in gids if gid in named]
        name = re.compile(fnmatch.translate(selection.name or "*")).match
        whole = re.compile(fnmatch.translate(selection.header or "*")).match
        found = []
        for start in range(0, len(gids), _PAGE):
            for gid, header, _ in self.get_many_header_len(gids[start : start + _PAGE]):
                text = header or ""
                word = codec.first_word(text.encode()).decode()
                if name(word) and whole(text):
                    found.append(gid)
        return found

    # ---- out

    def write_fasta(
        self, target: str | os.PathLike[str] | BinaryIO, gids: Iterable[int] | None = None
    ) -> int:
        """Write records as FASTA, with their headers as stored and 60 residues a line.

        Parameters
        ----------
        target : path-like or binary file
            A path ending in ``.gz`` or ``.zst`` is compressed; it appears when it is complete.
        gids : iterable of int, optional
            Which records, in this order; by default all, by ascending gid.

        Returns
        -------
        int
            Number of records written. One without header gets its gid as name.

        Raises
        ------
        InputError
            If a gid does not exist, or a header has a line break.
        """
        written = 0
        with binary_output(target, compress=True) as out:
            for page in self._reading().pages(gids):
                out.write(_fasta(self.path, page))
                written += len(page.gids)
        return written

    @classmethod
    def validate(cls, path: str | os.PathLike[str], deep: bool = False) -> int:
        """Check that a file is a sound, non-empty sequence database.

        Parameters
        ----------
        path : path-like
            The file.
        deep : bool
            Also decode every record and compare it with its length and hash.

        Returns
        -------
        int
            Number of sequences.

        Raises
        ------
        SeqstoreError
            With the reason.
        """
        with cls.open_reader(path) as store:
            problems = store._reading().column("PRAGMA quick_check(1)")
            if problems != ["ok"]:
                raise DamageError(f"{store.path} is damaged: {problems[0]}")
            if not len(store):
                raise StoreError(f"{store.path} has no sequences")
            if deep:
                for _ in store:
                    pass
            return len(store)

    # ---- the seed's encoding

    @staticmethod
    def hash8(seq: str) -> int:
        """Return the first 8 bytes of the sequence's SHA-1 as a little-endian signed integer."""
        return codec.hash8(seq.encode())

    @staticmethod
    def encode_seq(seq: str, compress: bool = True) -> bytes:
        """Encode a sequence: flag 0x01 and a zstd frame if ``compress``, else 0x00 and the text."""
        return codec.encode_text(seq, compress)

    @staticmethod
    def decode_seq(blob: bytes) -> str:
        """Decode what :meth:`encode_seq` made."""
        return codec.decode_text(blob)

    @staticmethod
    def encode_header(header: str | None, compress: bool = True) -> bytes | None:
        """Encode a header like a sequence; None stays None."""
        return None if header is None else codec.encode_text(header, compress)

    @staticmethod
    def decode_header(blob: bytes | None) -> str | None:
        """Decode what :meth:`encode_header` made."""
        return codec.decode_text(blob, codec.MAX_HEADER_BYTES) if blob else None

    def _reading(self) -> Rows:
        if self._rows is None:
            raise RuntimeError(f"{self!r}: this needs a reader (SequenceStore.open_reader)")
        return self._rows


def _fasta(path: Path, page: Page) -> bytes:
    lines: list[bytes] = []
    for gid, header, seq in zip(*page, strict=True):
        if header is None:
            header = b"%d" % gid
        elif b"\n" in header or b"\r" in header:
            raise InputError(
                f"{path}: the header of gid {gid} has a line break, FASTA cannot hold it"
            )
        lines.append(b">" + header)
        lines += _cut(seq)
    lines.append(b"")
    return b"\n".join(lines)


def _cut(seq: bytes) -> Iterable[bytes]:
    if len(seq) <= _MAX_CUT:
        return _cutter(len(seq))(seq)
    return [seq[i : i + _LINE] for i in range(0, len(seq), _LINE)]


@lru_cache(_MAX_CUT)
def _cutter(length: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """Return what cuts a sequence of this length into lines, twice as fast as slicing."""
    full, rest = divmod(length, _LINE)
    return struct.Struct(f"{_LINE}s" * full + (f"{rest}s" if rest else "")).unpack
