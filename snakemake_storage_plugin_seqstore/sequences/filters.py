"""Which records go into a database: by length, by alphabet, the first of equal ones."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.sequences.fastx_reader import Batch

logger = logging.getLogger(__name__)

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABETS = {
    # `-` and `.` are gaps, `*` ends a translation; the rest are IUPAC's codes.
    "any": _LETTERS + b"*-.",
    "protein": _LETTERS + b"*",
    "dna": b"ACGTRYSWKMBDHVN",
    "rna": b"ACGURYSWKMBDHVN",
}

# Sequences that are known by their hashes in memory: some 150 MB.
_MAX_LATEST = 1 << 20


@dataclass
class Kept:
    """The records of one batch that passed.

    Parameters
    ----------
    shard : int
        Position of their file among the sources.
    indexes : sequence of int
        Position of each record in its file, from 0.
    headers, seqs, digests : list of bytes
        The records, and the SHA-1 of each sequence.
    """

    shard: int
    indexes: Sequence[int]
    headers: list[bytes]
    seqs: list[bytes]
    digests: list[bytes]

    def names(self) -> list[bytes]:
        """Return the first word of each header."""
        return [header.split(None, 1)[0] for header in self.headers]

    def only(self, flags: Sequence[bool]) -> Kept:
        """Return the records whose flag is set."""
        return Kept(
            self.shard,
            list(compress(self.indexes, flags)),
            list(compress(self.headers, flags)),
            list(compress(self.seqs, flags)),
            list(compress(self.digests, flags)),
        )


class Filter:
    """Passes or drops records, and counts what it drops and why.

    Parameters
    ----------
    alphabet : str
        One of :data:`ALPHABETS`; case does not count.
    skip_illegal : bool
        Drop records that a database must not hold, sequences with other characters among them, and
        log each; otherwise the first one is an error.
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
        self._distinct = Distinct() if drop_duplicates else None

    def apply(self, batch: Batch, shard: int) -> Kept:
        """Return the records of a batch that pass.

        Raises
        ------
        InputError
            If a record is one that a database must not hold.
        """
        self.read += len(batch.seqs)
        kept = Kept(shard, batch.indexes, batch.headers, batch.seqs, batch.digests)
        # Batches are looked at as a whole first: nearly always nothing is wrong with any record.
        lengths = [len(seq) for seq in batch.seqs]
        if (
            batch.problems
            or min(lengths) < (self._min_len or 0)
            or (self._max_len is not None and max(lengths) > self._max_len)
            or b"".join(batch.seqs).translate(None, self._allowed)
        ):
            kept = kept.only([self._passes(batch, index) for index in range(len(lengths))])
        if self._distinct is not None:
            _, new = self._distinct.add(kept.digests, list(map(len, kept.seqs)))
            self.duplicates += new.count(False)
            kept = kept.only(new)
        return kept

    def close(self) -> None:
        """Free what is remembered of the sequences."""
        if self._distinct is not None:
            self._distinct.close()

    def _passes(self, batch: Batch, index: int) -> bool:
        seq = batch.seqs[index]
        if problem := batch.problems.get(index):
            return self._refuse(batch, index, problem)
        if self._min_len is not None and len(seq) < self._min_len:
            self.too_short += 1
            return False
        if self._max_len is not None and len(seq) > self._max_len:
            self.too_long += 1
            return False
        if not seq.translate(None, self._allowed):
            return True
        position, character = next(
            (position, character)
            for position, character in enumerate(seq.decode(errors="replace"), 1)
            if character.encode() not in self._allowed
        )
        problem = f"illegal character {character!r} at residue {position:,}"
        return self._refuse(batch, index, f"{problem}, alphabet is '{self._alphabet}'")

    def _refuse(self, batch: Batch, index: int, problem: str) -> bool:
        message = f"{batch.where(index)}: {problem}"
        if not self._skip_illegal:
            raise InputError(message, "illegal='skip' leaves such records out and lists them")
        logger.warning(f"left out: {message}")
        self.illegal += 1
        return False


class Distinct:
    """Lays different sequences one behind the other, and finds those that are there already.

    Knows them by their SHA-1. The latest ones are in memory, all others in a temporary database
    on disk.
    """

    def __init__(self) -> None:
        self.total = 0
        self._latest: dict[bytes, int] = {}
        self._older: sqlite3.Connection | None = None

    def add(self, digests: list[bytes], lengths: list[int]) -> tuple[list[int], list[bool]]:
        """Return where each sequence begins, and whether it is the first of its kind."""
        starts, new, end = [], [], self.total
        place = self._latest.setdefault
        for digest, length in zip(digests, lengths, strict=True):
            start = place(digest, end)
            if start == end and self._older is not None:
                found = self._older.execute("SELECT start FROM seen WHERE digest=?", (digest,))
                for (start,) in found:
                    self._latest[digest] = start
            starts.append(start)
            new.append(start == end)
            if start == end:
                end += length
        self.total = end
        if len(self._latest) >= _MAX_LATEST:
            self._spill()
        return starts, new

    def close(self) -> None:
        """Remove the temporary database."""
        if self._older is not None:
            self._older.close()

    def _spill(self) -> None:
        if self._older is None:
            self._older = sqlite3.connect("", isolation_level=None)
            for statement in (
                "PRAGMA journal_mode=OFF",
                "PRAGMA cache_size=-32768",
                "BEGIN",
                "CREATE TABLE seen (digest BLOB PRIMARY KEY, start INTEGER) WITHOUT ROWID",
            ):
                self._older.execute(statement)
        rows = ((digest, self._latest[digest]) for digest in sorted(self._latest))
        self._older.executemany("INSERT OR IGNORE INTO seen VALUES (?,?)", rows)
        self._latest.clear()
