"""From FASTA and FASTQ files to a database."""

from __future__ import annotations

import hashlib
import os
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Literal

from ..errors import InputError
from ..progress import Progress
from . import codec, fasta, schema
from .codec import Codec
from .filters import ALPHABETS, Filter, Kept
from .writer import Row, Writer

# A dictionary is trained on the first records.
_TRAINING_BYTES = 16 << 20
_first_int64 = struct.Struct("<q").unpack_from


@dataclass(frozen=True)
class BuildReport:
    """What became of the records that were read.

    Parameters
    ----------
    read, written : int
        Records read, and records in the database.
    too_short, too_long, illegal, duplicates : int
        Records left out, by the first reason that applies, in this order.
    residues : int
        Residues in the database.
    """

    read: int
    written: int
    too_short: int
    too_long: int
    illegal: int
    duplicates: int
    residues: int


def build(
    path: str | os.PathLike[str],
    sources: Iterable[str | os.PathLike[str]],
    *,
    encoding: Literal["portable", "compact"] = "portable",
    alphabet: Literal["any", "protein", "dna", "rna"] = "any",
    illegal: Literal["error", "skip"] = "error",
    min_len: int | None = None,
    max_len: int | None = None,
    drop_duplicates: bool = False,
    unique_names: bool = True,
    threads: int = 1,
) -> BuildReport:
    """Build a database from FASTA and FASTQ files.

    Memory stays bounded however large the files are. Records keep their order: gids count from 0,
    ``shard`` is the position of the file in ``sources`` and ``local_idx`` that of the record in it.

    Parameters
    ----------
    path : path-like
        The database; it is replaced when the build is complete, and untouched if it fails.
    sources : iterable of path-like
        Files, plain or compressed (gzip, bgzip, zstd, bzip2, xz). FASTQ qualities are dropped.
    encoding : {"portable", "compact"}
        Portable files can be read by every program that knows the schema; compact ones take half
        the space and can be read by this package alone.
    alphabet : {"any", "protein", "dna", "rna"}
        Allowed residues, in either case: IUPAC codes, and ``*`` in proteins; "any" are all letters,
        ``*``, ``-`` and ``.``.
    illegal : {"error", "skip"}
        What to do with a sequence that has other characters.
    min_len, max_len : int, optional
        Leave out sequences with fewer or more residues.
    drop_duplicates : bool
        Keep only the first of records whose sequences are equal.
    unique_names : bool
        Make it an error if two records have the same name (first word of the header).
    threads : int
        Threads that compress, beside the one that reads and the one that writes.

    Returns
    -------
    BuildReport

    Raises
    ------
    InputError
        If a file cannot be read or a record is wrong; it names the file and the record.
    StoreError
        If the database cannot be written.
    """
    _require("encoding", encoding, ("portable", "compact"))
    _require("alphabet", alphabet, ALPHABETS)
    _require("illegal", illegal, ("error", "skip"))
    if threads < 1:
        raise InputError(f"threads={threads}", "at least 1 is needed")
    if isinstance(sources, str | os.PathLike):
        raise InputError("sources must be a list of files", "put the one file into a list")
    files = [Path(os.fsdecode(source)) for source in sources]
    if not files:
        raise InputError(f"no source files to build {os.fsdecode(path)} from")
    kept = Filter(alphabet, illegal == "skip", min_len, max_len, drop_duplicates)
    with closing(Writer(path)) as writer:
        batches = _read(files, kept)
        loader = _Loader(writer, Codec())
        if encoding == "compact":
            loader, batches = _compact_loader(writer, batches)
        loader.load(batches, threads)
        if not loader.written:
            raise InputError(
                f"none of the {kept.read:,} sequences in {', '.join(map(str, files))} is left",
                "see the limits on length and alphabet",
            )
        loader.index()
        if unique_names:
            _require_unique_names(loader, files)
        writer.publish()
    return BuildReport(
        read=kept.read,
        written=loader.written,
        too_short=kept.too_short,
        too_long=kept.too_long,
        illegal=kept.illegal,
        duplicates=kept.duplicates,
        residues=loader.residues,
    )


def _require(name: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise InputError(f"{name}={value!r} is unknown", f"allowed: {', '.join(allowed)}")


def _read(files: list[Path], kept: Filter) -> Iterator[Kept]:
    for file in files:
        if not file.exists():  # before hours of work on the files before it
            raise InputError(f"{file}: no such file")
    sizes = [file.stat().st_size for file in files]
    with Progress("read", "sequences", sum(sizes)) as progress:
        for shard, file in enumerate(files):
            for batch in fasta.read(file):
                yield kept.apply(batch, shard)
                progress.update(len(batch.seqs), sum(sizes[:shard]) + batch.done)


class _Loader:
    """Puts records into a database whose headers stay plain, and so can be found by idx_header."""

    def __init__(self, writer: Writer, sequences: Codec) -> None:
        self.writer = writer
        self.written = 0
        self.residues = 0
        self._sequences = sequences

    def load(self, batches: Iterable[Kept], threads: int) -> None:
        """Encode and insert all batches, in order, while the next ones are being read."""
        with ThreadPoolExecutor(threads) as encoders, ThreadPoolExecutor(1) as inserter:
            encoding: deque[Future[tuple[list[Row], list[tuple[int, int]]]]] = deque()
            inserting: deque[Future[None]] = deque()
            for kept in batches:
                if not kept.seqs:
                    continue
                encoding.append(encoders.submit(self._rows, kept, self.written))
                self.written += len(kept.seqs)
                self.residues += sum(map(len, kept.seqs))
                # What waits is what is in memory.
                if len(encoding) > threads:
                    inserting.append(inserter.submit(self._insert, *encoding.popleft().result()))
                if len(inserting) > 1:
                    inserting.popleft().result()
            for rows in encoding:
                inserting.append(inserter.submit(self._insert, *rows.result()))
            for done in inserting:
                done.result()

    def index(self) -> None:
        """Make what is needed for finding records."""
        self.writer.index()

    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""
        # Control characters other than the tab are refused in headers, and nothing else sorts
        # before the blank: so headers with the same name are neighbours in the index.
        before, gid_before = None, 0
        rows = self.writer.connection.execute("SELECT header, gid FROM sequences ORDER BY header")
        for header, gid in rows:
            name = header[1:].split(None, 1)[0]
            if name == before:
                return gid_before, gid
            before, gid_before = name, gid
        return None

    def header(self, blob: bytes) -> bytes:
        """Decode the header of a row."""
        return blob[1:]

    def _rows(self, kept: Kept, gid: int) -> tuple[list[Row], list[tuple[int, int]]]:
        """Encode records, whose gids count from ``gid``; and their names' keys."""
        sha1 = hashlib.sha1
        hashes = [_first_int64(sha1(seq, usedforsecurity=False).digest())[0] for seq in kept.seqs]
        rows: Iterator[Row] = zip(  # as many as the shortest: one column is endless
            range(gid, gid + len(kept.seqs)),
            map(len, kept.seqs),
            hashes,
            self._sequences.encode_many(kept.seqs),
            repeat(kept.shard),
            kept.indexes,
            self._encode_headers(kept.headers),
            strict=False,
        )
        return list(rows), []

    def _encode_headers(self, headers: list[bytes]) -> list[bytes]:
        return [codec.PLAIN + header for header in headers]

    def _insert(self, rows: list[Row], names: list[tuple[int, int]]) -> None:
        self.writer.insert_trusted(rows)


class _CompactLoader(_Loader):
    """Puts records into a compact database: with dictionaries, and a table of names' hashes."""

    def __init__(self, writer: Writer, sequences: Codec, headers: Codec) -> None:
        super().__init__(writer, sequences)
        self._headers = headers
        for statement in schema.COMPACT_TABLES:
            writer.connection.execute(statement)
        writer.connection.execute("CREATE TEMP TABLE unsorted_names (key INTEGER, gid INTEGER)")
        writer.connection.execute(
            "INSERT INTO seqstore_format VALUES (?,?,?)",
            (schema.COMPACT_VERSION, sequences.dictionary, headers.dictionary),
        )

    def index(self) -> None:
        """Make what is needed for finding records."""
        self.writer.index(headers=False)
        with self.writer.guard():
            # In order: a tree that is filled at random has to be read again and again.
            self.writer.connection.execute(
                "INSERT INTO seqstore_names SELECT key, gid FROM unsorted_names ORDER BY key, gid"
            )

    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""
        connection = self.writer.connection
        several = "SELECT key FROM seqstore_names GROUP BY key HAVING count(*) > 1"
        for (key,) in connection.execute(several):
            seen: dict[bytes, int] = {}
            same_key = (
                "SELECT gid, header FROM seqstore_names JOIN sequences USING (gid) "
                "WHERE key = ? ORDER BY gid"
            )
            for gid, blob in connection.execute(same_key, (key,)):
                name = codec.first_word(self.header(blob))
                if name in seen:
                    return seen[name], gid
                seen[name] = gid
        return None

    def header(self, blob: bytes) -> bytes:
        """Decode the header of a row."""
        return self._headers.decode(blob)

    def _rows(self, kept: Kept, gid: int) -> tuple[list[Row], list[tuple[int, int]]]:
        rows, _ = super()._rows(kept, gid)
        keys = (codec.hash8(codec.first_word(header)) for header in kept.headers)
        return rows, list(zip(keys, range(gid, gid + len(rows)), strict=True))

    def _encode_headers(self, headers: list[bytes]) -> list[bytes]:
        return self._headers.encode_many(headers)

    def _insert(self, rows: list[Row], names: list[tuple[int, int]]) -> None:
        super()._insert(rows, names)
        with self.writer.guard():
            self.writer.connection.executemany("INSERT INTO unsorted_names VALUES (?,?)", names)


def _compact_loader(
    writer: Writer, batches: Iterator[Kept]
) -> tuple[_CompactLoader, Iterator[Kept]]:
    """Train the dictionaries on the first records; return all batches with the loader."""
    first: list[Kept] = []
    size = 0
    for kept in batches:
        first.append(kept)
        size += sum(map(len, kept.seqs))
        if size >= _TRAINING_BYTES:
            break
    sequences = codec.train([seq for kept in first for seq in kept.seqs])
    headers = codec.train([header for kept in first for header in kept.headers])
    loader = _CompactLoader(writer, Codec(sequences), Codec(headers, codec.HEADER_LEVEL))
    return loader, chain(first, batches)


def _require_unique_names(loader: _Loader, files: list[Path]) -> None:
    same = loader.same_name()
    if same is None:
        return
    places = []
    for gid in same:
        shard, index, header = loader.writer.connection.execute(
            "SELECT shard, local_idx, header FROM sequences WHERE gid=?", (gid,)
        ).fetchone()
        places.append(f"{files[shard]} (record {index + 1})")
    name = codec.first_word(loader.header(header)).decode()
    raise InputError(
        f"two records have the name {name!r}: {' and '.join(places)}",
        "rename one of them, or build with unique_names=False",
    )
