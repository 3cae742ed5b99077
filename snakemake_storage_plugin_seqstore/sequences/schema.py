"""The SQLite file: its tables, how it is opened, and how a wrong one is recognised early."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from snakemake_storage_plugin_seqstore.errors import DamageError, StoreError

TABLE = """CREATE TABLE sequences (
    gid       INTEGER PRIMARY KEY,
    len       INTEGER NOT NULL,
    hash8     INTEGER,
    seq       BLOB NOT NULL,
    shard     INTEGER,
    local_idx INTEGER,
    header    BLOB
)"""
INDEX_LEN = "CREATE INDEX idx_len ON sequences(len)"
INDEX_HASH8 = "CREATE INDEX idx_hash8 ON sequences(hash8)"
INDEX_HEADER = "CREATE INDEX idx_header ON sequences(header)"
COLUMNS = ("gid", "len", "hash8", "seq", "shard", "local_idx", "header")
_TYPES = ("INTEGER", "INTEGER", "INTEGER", "BLOB", "INTEGER", "INTEGER", "BLOB")

# All integers that SQLite has.
MIN_INT, MAX_INT = -(2**63), 2**63 - 1

_MAGIC = b"SQLite format 3\x00"


def uri(path: str | os.PathLike[str], options: str) -> str:
    """Return SQLite's URI of a file; any byte of the path that means something there is quoted."""
    return f"file://{quote(os.fsencode(os.path.abspath(path)))}?{options}"


def connect(path: str | os.PathLike[str]) -> sqlite3.Connection:
    """Open a finished file for reading: nothing is locked, and nothing is written beside it."""
    connection = sqlite3.connect(
        uri(path, "mode=ro&immutable=1&cache=private"),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=32,
    )
    # What a foreign file defines must not run functions that reach beyond it.
    connection.execute("PRAGMA trusted_schema=OFF")
    # A reader that sorts, or joins, must not fill the memory of a small job.
    connection.execute("PRAGMA temp_store=FILE")
    return connection


def check_file(path: Path) -> None:
    """Refuse what cannot be a finished sequence database, before SQLite looks at it.

    Raises
    ------
    StoreError
        If it is missing, not a regular file, foreign or unfinished.
    DamageError
        If it is shorter than its own header says.
    """
    if not path.exists():
        raise StoreError(f"{path}: no such sequence database")
    if not path.is_file():
        raise StoreError(f"{path} is not a file", "a sequence database is one SQLite file")
    with open(path, "rb") as file:
        head = file.read(100)
        size = os.fstat(file.fileno()).st_size
    if not size:
        raise StoreError(f"{path} is empty, so it is not a sequence database")
    if not head.startswith(_MAGIC):
        raise StoreError(f"{path} is not a sequence database", "it is not a SQLite file")
    if len(head) < 100:
        raise DamageError(f"{path} is truncated: {size} bytes, not even its header is whole")
    for suffix in ("-journal", "-wal"):
        beside = path.with_name(path.name + suffix)
        if beside.exists() and beside.stat().st_size:
            raise StoreError(
                f"{path} is unfinished: {beside.name} lies beside it",
                "let the program that wrote it finish or recover it",
            )
    if 2 in head[18:20]:
        raise StoreError(
            f"{path} is in SQLite's WAL mode, which readers on other machines cannot use",
            'run "PRAGMA journal_mode=DELETE" on it',
        )
    page_size = int.from_bytes(head[16:18], "big")
    # The page count is meant only if it was written by the same change as the rest of the header.
    pages = int.from_bytes(head[28:32], "big") if head[24:28] == head[92:96] else 0
    expected = pages * (65536 if page_size == 1 else page_size)
    if size < expected:
        raise DamageError(f"{path} is truncated: {size:,} bytes of {expected:,}")


def check_tables(cursor: sqlite3.Cursor, path: Path) -> None:
    """Refuse an open file whose table and indexes are not those of a sequence database.

    A flipped bit in what says how they are made could make every answer wrong.
    """
    master = cursor.execute("SELECT name, sql FROM sqlite_master").fetchall()
    table = cursor.execute("PRAGMA table_info(sequences)").fetchall()
    columns = [(name, kind.upper(), key) for _, name, kind, _, _, key in table[: len(COLUMNS)]]
    if columns != [(*column, column[0] == "gid") for column in zip(COLUMNS, _TYPES, strict=True)]:
        found = ", ".join(sorted(str(name) for name, _ in master)) or "no tables"
        raise StoreError(
            f"{path} is not a sequence database: it has no table sequences({', '.join(COLUMNS)}) "
            "of the right types, with gid as its primary key",
            f"found: {found}",
        )
    made = {_bare(str(sql)) for _, sql in master}
    for bare, sql in _INDEXES.items():
        if bare not in made:
            raise StoreError(f'{path} is not a sequence database: nothing in it is by "{sql}"')


def _bare(sql: str) -> str:
    """Return a statement without what programs write differently."""
    return "".join(sql.split()).lower()


_INDEXES = {_bare(sql): sql for sql in (INDEX_LEN, INDEX_HASH8, INDEX_HEADER)}
