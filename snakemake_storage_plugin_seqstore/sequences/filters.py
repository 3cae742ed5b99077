"""Which records go into a database: by length, by alphabet, the first of equal ones."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.sequences.fasta import Batch

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS = {
    # `-` and `.` are gaps, `*` ends a translation; the rest are IUPAC's codes.
    "any": _LETTERS + b"*-.",
    "protein": _LETTERS + b"*",
    "dna": b"ACGTRYSWKMBDHVN",
    "rna": b"ACGURYSWKMBDHVN",
}


@dataclass
class Kept:
    """The records of one batch that passed.

    Parameters
    ----------
    shard : int
        Position of their file among the sources.
    indexes : sequence of int
        Position of each record in its file, from 0.
    headers, seqs : list of bytes
        The records.
    """

    shard: int
    indexes: list[int] | range
    headers: list[bytes]
    seqs: list[bytes]


class Filter:
    """Passes or drops records, and counts what it drops and why.

    Parameters
    ----------
    alphabet : str
        One of :data:`ALPHABETS`; case does not count.
    skip_illegal : bool
        Drop sequences with other characters; otherwise they are an error.
    min_len, max_len : int, optional
        Drop shorter and longer sequences.
    drop_duplicates : bool
        Drop sequences that were there before.
    """

    def __init__(
        self,
        alphabet: str,
        skip_illegal: bool,
        min_len: int | None,
        max_len: int | None,
        drop_duplicates: bool,
    ) -> None:
        self.read = self.too_short = self.too_long = self.illegal = self.duplicates = 0
        self._alphabet = alphabet
        self._allowed = ALPHABETS[alphabet] + ALPHABETS[alphabet].lower()
        self._skip_illegal = skip_illegal
        self._min_len = min_len
        self._max_len = max_len
        self._first = FirstOfEqual() if drop_duplicates else None

    def apply(self, batch: Batch, shard: int) -> Kept:
        """Return the records of a batch that pass.

        Raises
        ------
        InputError
            If a sequence is empty, or has a character that is not allowed.
        """
        self.read += len(batch.seqs)
        first = batch.first - 1
        kept = Kept(shard, range(first, first + len(batch.seqs)), batch.headers, batch.seqs)
        # Batches are looked at as a whole first: nearly always nothing is wrong with any record.
        lengths = [len(seq) for seq in batch.seqs]
        if (
            min(lengths) < max(self._min_len or 0, 1)
            or (self._max_len is not None and max(lengths) > self._max_len)
            or b"".join(batch.seqs).translate(None, self._allowed)
        ):
            kept = _subset(kept, [self._passes(batch, index) for index in range(len(lengths))])
        if self._first is not None:
            new = [self._first(seq, 0) is None for seq in kept.seqs]
            self.duplicates += new.count(False)
            kept = _subset(kept, new)
        return kept

    def close(self) -> None:
        """Free what is remembered of the sequences."""
        if self._first is not None:
            self._first.close()

    def _passes(self, batch: Batch, index: int) -> bool:
        seq = batch.seqs[index]
        if not seq:
            raise InputError(
                f"{batch.where(index)}: the sequence is empty", "remove the record from the file"
            )
        if self._min_len is not None and len(seq) < self._min_len:
            self.too_short += 1
            return False
        if self._max_len is not None and len(seq) > self._max_len:
            self.too_long += 1
            return False
        if not seq.translate(None, self._allowed):
            return True
        if not self._skip_illegal:
            position, character = next(
                (position, character)
                for position, character in enumerate(seq.decode(), 1)
                if character.encode() not in self._allowed
            )
            raise InputError(
                f"{batch.where(index)}: illegal character {character!r} "
                f"at residue {position}, alphabet is '{self._alphabet}'",
                "illegal='skip' leaves such records out",
            )
        self.illegal += 1
        return False


def _subset(kept: Kept, flags: list[bool]) -> Kept:
    chosen = [i for i, flag in enumerate(flags) if flag]
    return Kept(
        kept.shard,
        [kept.indexes[i] for i in chosen],
        [kept.headers[i] for i in chosen],
        [kept.seqs[i] for i in chosen],
    )


class FirstOfEqual:
    """Finds, for every sequence, the first one that is equal to it.

    Knows them by their SHA-1, in a temporary database that spills to disk.
    """

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=OFF",
            "PRAGMA cache_size=-32768",
            "BEGIN",
            "CREATE TABLE seen (digest BLOB PRIMARY KEY, gid INTEGER) WITHOUT ROWID",
        ):
            self._connection.execute(statement)

    def __call__(self, seq: bytes, gid: int) -> int | None:
        """Return the gid that came with the first equal sequence, or None if this is the first."""
        digest = hashlib.sha1(seq, usedforsecurity=False).digest()
        added = self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?,?)", (digest, gid))
        if added.rowcount:
            return None
        (first,) = self._connection.execute(
            "SELECT gid FROM seen WHERE digest=?", (digest,)
        ).fetchone()
        return int(first)

    def close(self) -> None:
        """Remove the temporary database."""
        self._connection.close()
