"""From records to the rows of a new database, in either encoding."""

from __future__ import annotations

import json
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, repeat
from typing import NamedTuple

from snakemake_storage_plugin_seqstore.sequences import codec, schema
from snakemake_storage_plugin_seqstore.sequences.codec import Codec
from snakemake_storage_plugin_seqstore.sequences.filters import FirstOfEqual, Kept
from snakemake_storage_plugin_seqstore.sequences.writer import Row, Writer

# Dictionaries are trained on the first records.
_TRAINING_BYTES = 8 << 20
# Shorter sequences are stored again: naming the other record would not be shorter.
_SHORTEST_SHARED = 16
# As many names are compared by hashes in memory; to find equal ones in more takes a scan.
_MAX_NAMES = 2_000_000


class _Encoded(NamedTuple):
    rows: Iterable[Row]
    names: list[int]  # the key of each, where the encoding needs them


class PortableLoader:
    """Puts records into a database whose headers stay plain, so that idx_header finds names.

    Parameters
    ----------
    writer : Writer
        The new database.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.written = 0
        self.residues = 0
        self._sequences = Codec()
        self._names = array("q")

    def load(self, batches: Iterable[Kept], threads: int) -> None:
        """Encode and insert all batches, in order, while the next ones are being read."""
        with ThreadPoolExecutor(threads) as encoders, ThreadPoolExecutor(1) as inserter:
            encoding: deque[Future[_Encoded]] = deque()
            inserting: deque[Future[None]] = deque()
            for kept in batches:
                if not kept.seqs:
                    continue
                encoding.append(self._submit(encoders, kept))
                self.written += len(kept.seqs)
                self.residues += sum(map(len, kept.seqs))
                # What waits is what is in memory.
                if len(encoding) > threads:
                    inserting.append(inserter.submit(self._insert, encoding.popleft().result()))
                if len(inserting) > 1:
                    inserting.popleft().result()
            for encoded in encoding:
                inserting.append(inserter.submit(self._insert, encoded.result()))
            for done in inserting:
                done.result()

    def index(self) -> None:
        """Make what is needed to find records."""
        self.writer.index()

    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""
        if len(set(self._names)) == self.written:
            return None  # which is nearly always so, and spares the rest
        # Headers have no control characters but the tab, so that nothing sorts between a name and
        # the blank behind it: in this order headers with the same name are neighbours.
        before, gid_before = None, 0
        rows = self.writer.connection.execute(
            "SELECT header, gid FROM sequences "
            "ORDER BY ltrim(CAST(substr(header, 2) AS TEXT), ' ' || char(9)), gid"
        )
        for header, gid in rows:
            name = header[1:].split(None, 1)[0]
            if name == before:
                return gid_before, gid
            before, gid_before = name, gid
        return None

    def header(self, blob: bytes) -> bytes:
        """Decode the header of a row."""
        return blob[1:]

    def _submit(self, encoders: ThreadPoolExecutor, kept: Kept) -> Future[_Encoded]:
        if len(self._names) < _MAX_NAMES:
            self._names.extend([hash(header.split(None, 1)[0]) for header in kept.headers])
        return encoders.submit(self._encode, kept, self.written)

    def _encode(self, kept: Kept, gid: int) -> _Encoded:
        seqs = self._sequences.encode_many(kept.seqs)
        headers = [codec.PLAIN + header for header in kept.headers]
        return _Encoded(_rows(kept, gid, seqs, headers), [])

    def _insert(self, encoded: _Encoded) -> None:
        self.writer.insert_trusted(encoded.rows)


class CompactLoader(PortableLoader):
    """Puts records into a compact database.

    Sequences and headers each get a dictionary, equal sequences are stored once, and a table of
    short hashes finds names.

    Parameters
    ----------
    writer : Writer
        The new database.
    batches : iterator of Kept
        The records, for :meth:`load`; the first ones are read at once to train the dictionaries.
    """

    def __init__(self, writer: Writer, batches: Iterator[Kept]) -> None:
        super().__init__(writer)
        first: list[Kept] = []
        size = 0
        for kept in batches:
            first.append(kept)
            size += sum(map(len, kept.seqs))
            if size >= _TRAINING_BYTES:
                break
        self.batches = chain(first, batches)
        self._first_of_equal = FirstOfEqual()
        self._sequences = Codec(codec.train([seq for kept in first for seq in kept.seqs]))
        self._headers = Codec(
            codec.train([header for kept in first for header in kept.headers]), codec.HEADER_LEVEL
        )
        with writer.guard():
            for statement in schema.COMPACT_TABLES:
                writer.connection.execute(statement)
            writer.connection.execute("CREATE TEMP TABLE unsorted_names (key INTEGER)")
            writer.connection.execute(
                "INSERT INTO seqstore_format VALUES (?,?,?)",
                (schema.COMPACT_VERSION, self._sequences.dictionary, self._headers.dictionary),
            )

    def load(self, batches: Iterable[Kept], threads: int) -> None:
        """Encode and insert all batches, in order, while the next ones are being read."""
        try:
            super().load(batches, threads)
        finally:
            self._first_of_equal.close()

    def index(self) -> None:
        """Make what is needed to find records."""
        self.writer.index(headers=False)
        with self.writer.guard():
            # In order: a tree that is filled at random has to be read again and again.
            self.writer.connection.execute(
                "INSERT INTO seqstore_names "
                "SELECT key, rowid - 1 FROM unsorted_names ORDER BY key, rowid"
            )

    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""
        connection = self.writer.connection
        shared = "SELECT key FROM seqstore_names GROUP BY key HAVING count(*) > 1"
        for (key,) in connection.execute(shared):
            rows = connection.execute(
                "SELECT gid, header FROM seqstore_names JOIN sequences USING (gid) "
                "WHERE key = ? ORDER BY gid",
                (key,),
            )
            seen: dict[bytes, int] = {}
            for gid, blob in rows:
                name = codec.first_word(self.header(blob))
                if name in seen:
                    return seen[name], gid
                seen[name] = gid
        return None

    def header(self, blob: bytes) -> bytes:
        """Decode the header of a row."""
        return self._headers.decode(blob)

    def _submit(self, encoders: ThreadPoolExecutor, kept: Kept) -> Future[_Encoded]:
        # Here, in order, so that it is always the first of equal sequences that is stored.
        same = [
            self._first_of_equal(digest, gid) if len(seq) >= _SHORTEST_SHARED else None
            for gid, (digest, seq) in enumerate(
                zip(kept.digests, kept.seqs, strict=True), self.written
            )
        ]
        return encoders.submit(self._encode_compact, kept, self.written, same)

    def _encode_compact(self, kept: Kept, gid: int, same: list[int | None]) -> _Encoded:
        stored = [seq for seq, first in zip(kept.seqs, same, strict=True) if first is None]
        blobs = iter(self._sequences.encode_many(stored) if stored else [])
        seqs = [next(blobs) if first is None else codec.same_as(first) for first in same]
        headers = self._headers.encode_many(kept.headers)
        keys = [codec.name_key(header.split(None, 1)[0]) for header in kept.headers]
        return _Encoded(_rows(kept, gid, seqs, headers), keys)

    def _insert(self, encoded: _Encoded) -> None:
        super()._insert(encoded)
        with self.writer.guard():
            # One statement for a whole batch: while it runs, Python's other threads run too.
            self.writer.connection.execute(
                "INSERT INTO unsorted_names (key) SELECT value FROM json_each(?)",
                (json.dumps(encoded.names),),
            )


def _rows(kept: Kept, gid: int, seqs: list[bytes], headers: list[bytes]) -> Iterable[Row]:
    """Give the rows of a batch whose first record has this gid."""
    return zip(
        range(gid, gid + len(seqs)),
        map(len, kept.seqs),
        codec.hashes8(kept.digests),
        seqs,
        repeat(kept.shard, len(seqs)),
        kept.indexes,
        headers,
        strict=True,
    )
