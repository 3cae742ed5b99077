"""What a database answers, whatever its encoding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from snakemake_storage_plugin_seqstore.sequences import compact_format
from snakemake_storage_plugin_seqstore.sequences.compact_reader import CompactReader
from snakemake_storage_plugin_seqstore.sequences.publish import Version
from snakemake_storage_plugin_seqstore.sequences.sqlite_reader import SqliteReader
from snakemake_storage_plugin_seqstore.sequences.texts import Meta, Page


class Reader(Protocol):
    """The records of one file; one object may be shared between threads, and over ``fork``.

    What is damaged is a DamageError.
    """

    path: Path
    version: Version

    def __len__(self) -> int: ...

    def sequence(self, gid: int) -> bytes | None:
        """Return one sequence, or None if there is no such gid."""

    def sequences(self, gids: Iterable[int]) -> Iterator[dict[int, str]]:
        """Give the sequences of those gids that exist, some at a time, in any order."""

    def metas(self, gids: Iterable[int]) -> Iterator[list[Meta]]:
        """Give what is known of those gids that exist, some at a time, in any order."""

    def pages(self, gids: Iterable[int] | None = None) -> Iterator[Page]:
        """Give all records by ascending gid, or these in their order.

        Raises
        ------
        InputError
            If a gid does not exist.
        """

    def portions(self, gids: Iterable[int] | None = None) -> Iterator[Sequence[int]]:
        """Give what :meth:`page` takes, for the same records as :meth:`pages` would."""

    def page(self, gids: Sequence[int]) -> Page:
        """Return the records with these gids; of a range, those that exist."""

    def texts(self, gids: Sequence[int], headers: Sequence[bytes | None]) -> Sequence[str | None]:
        """Return headers of a page as text."""

    def with_length(self, low: int, high: int) -> list[int]:
        """Return the gids of sequences of such a length, by length, then by gid."""

    def with_hash(self, hash8: int) -> list[int]:
        """Return the gids of sequences with this hash, ascending."""

    def with_name(self, name: bytes) -> list[int]:
        """Return the gids of records whose header has this first word, ascending."""

    def with_header(self, header: bytes) -> list[int]:
        """Return the gids of records with exactly this header, ascending."""

    def check(self, deep: bool = False) -> None:
        """Look for damage that can be found without decoding the records.

        If ``deep``, compare what finds records with the records, too, where that takes longer.
        """

    def close(self) -> None:
        """Refuse to read from now on."""


def open_file(path: Path) -> Reader:
    """Return what reads a file of this kind."""
    if path.is_file():
        with open(path, "rb") as file:
            if file.read(len(compact_format.MAGIC)) == compact_format.MAGIC:
                return CompactReader(path)
    return SqliteReader(path)
