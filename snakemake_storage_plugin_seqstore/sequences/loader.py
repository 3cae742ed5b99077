"""From records to a new database: while batches are being read, others are encoded and written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice, repeat
from operator import eq
from pathlib import Path
from typing import Any, NamedTuple

from snakemake_storage_plugin_seqstore.sequences import codec
from snakemake_storage_plugin_seqstore.sequences.filters import Kept
from snakemake_storage_plugin_seqstore.sequences.sorter import ascending
from snakemake_storage_plugin_seqstore.sequences.sqlite_writer import Row, Writer

# As many names are compared by hashes in 64 MB of memory; to find equal ones in more takes a scan.
_MAX_NAMES = 8_000_000


class Place(NamedTuple):
    """Where a record comes from: its file, its position in that, its name."""

    shard: int
    record: int
    name: bytes


class Loader(ABC):
    """Puts records into a new database.

    Parameters
    ----------
    path : Path
        The target.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        self.residues = 0

    def load(self, batches: Iterable[Kept], threads: int) -> None:
        """Encode and insert all batches, in order, while the next ones are being read."""
        with ThreadPoolExecutor(threads) as encoders, ThreadPoolExecutor(1) as inserter:
            encoding: deque[Future[Any]] = deque()
            inserting: deque[Future[None]] = deque()
            for kept in batches:
                if not kept.seqs:
                    continue
                encoding.append(self.submit(encoders, kept))
                self.written += len(kept.seqs)
                self.residues += sum(map(len, kept.seqs))
                # What waits is what is in memory.
                if len(encoding) > threads:
                    inserting.append(inserter.submit(self.insert, encoding.popleft().result()))
                if len(inserting) > 1:
                    inserting.popleft().result()
            for encoded in encoding:
                inserting.append(inserter.submit(self.insert, encoded.result()))
            for done in inserting:
                done.result()

    @abstractmethod
    def submit(self, encoders: Executor, kept: Kept) -> Future[Any]:
        """Begin to encode a batch; they come in order."""

    @abstractmethod
    def insert(self, encoded: Any) -> None:
        """Write what :meth:`submit` promised; they come in order."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is needed to find records."""

    @abstractmethod
    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""

    @abstractmethod
    def place(self, gid: int) -> Place:
        """Return where a record comes from."""

    @abstractmethod
    def publish(self) -> None:
        """Make the file durable and put it in the target's place."""

    @abstractmethod
    def close(self) -> None:
        """Discard what was not published."""


class PortableLoader(Loader):
    """Puts records into a SQLite database whose headers stay plain, so that idx_header finds names.

    Parameters
    ----------
    path : Path
        The target.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._writer = Writer(path)
        self._names = array("q")

    def submit(self, encoders: Executor, kept: Kept) -> Future[Iterable[Row]]:
        """Begin to encode a batch."""
        if len(self._names) < _MAX_NAMES:
            self._names.extend(map(hash, kept.names()))
        return encoders.submit(_rows, kept, self.written)

    def insert(self, encoded: Iterable[Row]) -> None:
        """Write an encoded batch."""
        self._writer.insert_trusted(encoded)

    def finish(self) -> None:
        """Make the indexes."""
        self._writer.index()

    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""
        names = ascending(self._names)
        if len(names) == self.written and not any(map(eq, names, islice(names, 1, None))):
            return None  # which is nearly always so, and spares the rest
        # Headers have no control characters but the tab, so that nothing sorts between a name and
        # the blank behind it: in this order headers with the same name are neighbours.
        before, gid_before = None, 0
        rows = self._writer.connection.execute(
            "SELECT header, gid FROM sequences "
            "ORDER BY ltrim(CAST(substr(header, 2) AS TEXT), ' ' || char(9)), gid"
        )
        for header, gid in rows:
            name = header[1:].split(None, 1)[0]
            if name == before:
                return gid_before, gid
            before, gid_before = name, gid
        return None

    def place(self, gid: int) -> Place:
        """Return where a record comes from."""
        shard, index, header = self._writer.connection.execute(
            "SELECT shard, local_idx, header FROM sequences WHERE gid=?", (gid,)
        ).fetchone()
        return Place(shard, index, codec.first_word(header[1:]))

    def publish(self) -> None:
        """Make the file durable and put it in the target's place."""
        self._writer.publish()

    def close(self) -> None:
        """Discard what was not published."""
        self._writer.close()


def _rows(kept: Kept, gid: int) -> Iterable[Row]:
    """Give the rows of a batch whose first record has this gid."""
    number = len(kept.seqs)
    return zip(
        range(gid, gid + number),
        map(len, kept.seqs),
        codec.hashes8(kept.digests),
        codec.encode_many(kept.seqs),
        repeat(kept.shard, number),
        kept.indexes,
        codec.plain_many(kept.headers),
        strict=True,
    )
