"""DuckDB: a table with a unique index, filled and asked by Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from bench.data import read_fasta
from bench.peers import Peer

_ROWS = 10_000
_SCHEMA = pa.schema(
    [("gid", pa.int64()), ("header", pa.string()), ("len", pa.int32()), ("seq", pa.string())]
)


class Duckdb(Peer):
    """One table."""

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        return f"DuckDB {duckdb.__version__}"

    def build(self, fasta: Path) -> None:
        """Make the database."""

        def batches() -> Iterator[pa.RecordBatch]:
            records = enumerate(read_fasta(fasta))
            while rows := list(islice(records, _ROWS)):
                gids = [gid for gid, _ in rows]
                headers = [header for _, (header, _) in rows]
                seqs = [seq for _, (_, seq) in rows]
                yield pa.record_batch([gids, headers, list(map(len, seqs)), seqs], schema=_SCHEMA)

        with duckdb.connect(str(self._path)) as connection:
            connection.register("rows", pa.RecordBatchReader.from_batches(_SCHEMA, batches()))
            connection.execute("CREATE TABLE sequences AS SELECT * FROM rows")
            connection.execute("CREATE UNIQUE INDEX idx_gid ON sequences(gid)")

    def open(self) -> None:
        """Open it."""
        self._connection = duckdb.connect(str(self._path), read_only=True)

    def get(self, gid: int) -> str:
        """Return one sequence."""
        rows = self._connection.execute("SELECT seq FROM sequences WHERE gid = ?", [gid])
        return str(rows.fetchall()[0][0])

    def batch(self, gids: list[int]) -> list[str]:
        """Return the sequences."""
        return [seq for (seq,) in self._join("seq", gids)]

    def lengths(self, shortest: int, longest: int) -> list[int]:
        """Return the gids of all sequences of such a length."""
        rows = self._connection.execute(
            "SELECT gid FROM sequences WHERE len BETWEEN ? AND ?", [shortest, longest]
        )
        return [gid for (gid,) in rows.fetchall()]

    def header(self, gid: int) -> tuple[str, int]:
        """Return header and length."""
        rows = self._connection.execute("SELECT header, len FROM sequences WHERE gid = ?", [gid])
        header, length = rows.fetchall()[0]
        return header, length

    def meta(self, gids: list[int]) -> list[tuple[str, int]]:
        """Return header and length of each."""
        return self._join("header, len", gids)

    def dump(self, path: Path) -> None:
        """Write FASTA, its lines wrapped by DuckDB itself."""
        wrapped = "rtrim(regexp_replace(seq, '(.{60})', '\\1\n', 'g'), '\n')"
        rows = self._connection.execute(
            f"SELECT concat('>', header, '\n', {wrapped}, '\n') FROM sequences"
        )
        with open(path, "w") as out:
            while page := rows.fetchmany(_ROWS):
                out.writelines(text for (text,) in page)

    def _join(self, columns: str, gids: list[int]) -> list[tuple]:  # type: ignore[type-arg]
        wanted = pa.table({"gid": gids, "position": range(len(gids))})
        self._connection.register("wanted", wanted)
        rows = self._connection.execute(
            f"SELECT {columns} FROM wanted JOIN sequences USING (gid) ORDER BY position"
        )
        return rows.fetchall()

    @property
    def _path(self) -> Path:
        return self.directory / "seqs.duckdb"
