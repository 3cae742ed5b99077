"""Writing one SQLite database: built beside its target, then put in its place."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import schema
from snakemake_storage_plugin_seqstore.sequences.publish import beside, publish, syncing

Blob = bytes | bytearray
Row = tuple[int, int, int | None, Blob, int | None, int | None, Blob | None]

# One statement for many rows: while it runs, Python's other threads run too. It takes memory, more
# than a processor's cache has if it is longer, so only few, with other numbers of rows, are kept.
_ROWS_PER_INSERT = 500
_STATEMENTS = 8
_INSERT_ONE = f"({','.join('?' * len(schema.COLUMNS))})"
_INSERT = "INSERT INTO sequences VALUES "
# Larger pages waste less space at their ends, and cost a little time for each single record.
_PAGE_SIZE = 16 * 1024
_CACHE_KIB = 4 * 1024


class Writer:
    """A database under construction, in a temporary file beside its target.

    The rollback journal is in memory, not off: so a batch that fails leaves none of its rows. It
    holds only the pages that a batch shares with those before it, which costs next to nothing. No
    journal is needed on disk: the target is untouched until it is replaced.

    Parameters
    ----------
    path : path-like
        The target. Missing parent directories are made.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.fsdecode(path))
        self._broken = False
        self._indexed = False
        try:
            self.building = beside(self.path)
            self.connection = sqlite3.connect(
                schema.uri(self.building, "mode=rwc&cache=private"),
                uri=True,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_STATEMENTS,
            )
        except (OSError, sqlite3.OperationalError) as error:
            raise StoreError(f"cannot write {self.path}: {error}") from error
        _writers.add(self)
        # Runs on close(), when a forgotten writer is collected, and when the interpreter ends.
        self._discard = weakref.finalize(
            self, _discard, self.connection, self.building, os.getpid()
        )
        try:
            for pragma in (
                f"page_size={_PAGE_SIZE}",  # first, for the size of the cache depends on it
                "locking_mode=EXCLUSIVE",
                "journal_mode=MEMORY",
                "synchronous=OFF",  # the finished file is fsynced as a whole
                "temp_store=FILE",  # indexes are sorted there, in bounded memory
                f"cache_size=-{_CACHE_KIB}",
            ):
                self.connection.execute(f"PRAGMA {pragma}")
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute(schema.TABLE)
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"cannot write {self.path}: {error}") from error

    @property
    def closed(self) -> bool:
        """Whether it was published or discarded."""
        return not self._discard.alive

    def insert(self, rows: Iterable[Row]) -> None:
        """Add rows: all of them, or none if one cannot be added.

        Raises
        ------
        InputError
            If a row is not what the schema asks for or its gid is taken; the message names the gid.
        StoreError
            If the file cannot be written; the writer then refuses to publish.
        """
        self.insert_trusted(_checked(rows))

    def insert_trusted(self, rows: Iterable[Row]) -> None:
        """Do as :meth:`insert`, with rows that need no check because this package made them."""
        self.require_open()
        with self.guard():
            self.connection.execute("SAVEPOINT batch")
        try:
            with self.guard():
                self._insert(chain.from_iterable(rows))
        except BaseException:
            # After an error such as a full disk SQLite has rolled back everything by itself.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK TO batch")
                self.connection.execute("RELEASE batch")
            raise
        self.connection.execute("RELEASE batch")

    def _insert(self, values: Iterator[Any]) -> None:
        width = len(schema.COLUMNS)
        variables = self.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        rows = min(_ROWS_PER_INSERT, variables // width)
        while batch := list(islice(values, rows * width)):
            statement = _INSERT + ",".join([_INSERT_ONE] * (len(batch) // width))
            try:
                self.connection.execute(statement, batch)
            except sqlite3.IntegrityError as error:
                raise InputError(f"{self.path}: {self._taken(batch[::width]) or error}") from None

    def _taken(self, gids: Sequence[int]) -> str | None:
        seen: set[int] = set()
        for gid in gids:
            find = self.connection.execute("SELECT 1 FROM sequences WHERE gid=?", (gid,))
            if gid in seen or find.fetchone():
                return f"gid {gid} is given twice"
            seen.add(gid)
        return None

    @contextlib.contextmanager
    def guard(self, *others: type[Exception]) -> Iterator[None]:
        """Turn SQLite's errors, and others, into ours; this file must then not be published."""
        kinds: tuple[type[Exception], ...] = (sqlite3.Error, *others)
        try:
            yield
        except kinds as error:
            self._broken = True
            raise StoreError(f"cannot write {self.path}: {error}") from error

    def require_open(self) -> None:
        """Refuse a writer that is closed or whose file is incomplete."""
        if self.closed:
            raise RuntimeError(f"the writer of {self.path} is closed")
        if self._broken:
            raise StoreError(
                f"{self.path}: an earlier write failed, so the file is incomplete",
                "close this writer and build again",
            )

    def index(self) -> None:
        """Make the indexes when all rows are in: that is several times faster than keeping them."""
        self.require_open()
        with self.guard(OSError), syncing(self.building):
            self.connection.execute(schema.INDEX_LEN)
            self.connection.execute(schema.INDEX_HASH8)
            self.connection.execute(schema.INDEX_HEADER)
        self._indexed = True

    def publish(self) -> None:
        """Make the file durable and put it in the target's place, in one step for every reader.

        Raises
        ------
        StoreError
            If anything failed, now or before; the target is then as it was.
        """
        if not self._indexed:
            self.index()
        self.require_open()
        try:
            with self.guard(OSError):
                self.connection.execute("COMMIT")
                self.connection.close()
                publish(self.building, self.path)  # SQLite wrote with synchronous=OFF
        finally:
            self.close()

    def close(self) -> None:
        """Discard what was not published."""
        self._discard()


def _checked(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        problem = _problem(row)
        if problem:
            gid = row[0] if isinstance(row, tuple | list) and row else "?"
            raise InputError(f"row of gid {gid!r}: {problem}")
        yield row


def _problem(row: Row) -> str | None:
    if not isinstance(row, tuple | list) or len(row) != len(schema.COLUMNS):
        return f"a row is ({', '.join(schema.COLUMNS)})"
    gid, length, digest, seq, shard, local_idx, header = row
    integers = {"gid": gid, "len": length, "hash8": digest, "shard": shard, "local_idx": local_idx}
    for name, value in integers.items():
        if value is None and name not in ("gid", "len"):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
            return f"{name} must be an int of at most 64 bits, not {value!r}"
    if length < 0:
        return f"len must not be negative, it is {length}"
    for name, blob in (("seq", seq), ("header", header)):
        if blob is None and name == "header":
            continue
        if not isinstance(blob, bytes) or blob[:1] not in (b"\x00", b"\x01"):
            return f"{name} must be bytes that begin with the flag 0x00 or 0x01 (see encode_{name})"
    return None


def _discard(connection: sqlite3.Connection, building: Path, pid: int) -> None:
    # A forked child inherits the writer but does not own it.
    if os.getpid() != pid:
        return
    connection.close()
    building.unlink(missing_ok=True)


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _after_fork() -> None:
    # Were the child's copy of a connection ever closed, SQLite would roll back the parent's file.
    for writer in _writers:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(writer.connection))


os.register_at_fork(after_in_child=_after_fork)
