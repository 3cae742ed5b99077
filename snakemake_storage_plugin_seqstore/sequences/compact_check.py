"""Comparing what a compact file says of its records with the records."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha1
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.sequences import codec, compact_format
from snakemake_storage_plugin_seqstore.sequences.compact_format import CHUNK_NUMBERS, HEAD, Table
from snakemake_storage_plugin_seqstore.sequences.sorter import Sorter
from snakemake_storage_plugin_seqstore.sequences.texts import Numbers, Texts, numbers


class _Reader(Protocol):
    tables: list[Table]
    first_table: int

    def portions(self) -> Iterator[Sequence[int]]: ...

    def known(self, gids: Numbers) -> tuple[Any, Texts]: ...

    def seqs_of(self, entries: Any, *, consecutive: bool = False) -> Texts: ...

    def damaged(self, reason: str) -> DamageError: ...


def compare(reader: _Reader) -> None:
    """Compare all tables with the parts and records that they tell of, and hashes with sequences.

    Memory stays bounded; pairs of keys and gids are sorted in temporary files.

    Raises
    ------
    DamageError
        If anything is not as it was written.
    """
    blocks, pages, *finding = reader.tables
    ends = [HEAD.size, *_ends(reader, blocks), *_ends(reader, pages), reader.first_table]
    if any(before != after for before, after in zip(ends[::2], ends[1::2], strict=True)):
        raise reader.damaged("there are gaps between its parts")
    with contextlib.ExitStack() as files:
        sorters = [
            files.enter_context(contextlib.closing(Sorter(Path(tempfile.gettempdir()))))
            for _ in finding
        ]
        for gids in reader.portions():
            keys = _keys(reader, gids)
            for sorter, some in zip(sorters, keys, strict=True):
                sorter.add(some)
        for table, sorter in zip(finding, sorters, strict=True):
            start = 0
            for piece in sorter.sorted():
                if table.part(start, start + len(piece)) != piece:
                    raise reader.damaged("a table that finds records finds other ones")
                start += len(piece)


def _ends(reader: _Reader, table: Table) -> tuple[int, int]:
    """Return where the first part begins and the last one ends; none may be empty."""
    for start in range(0, len(table) - 1, CHUNK_NUMBERS):
        offsets = table.part(start, min(start + CHUNK_NUMBERS + 1, len(table)))
        if any(before >= after for before, after in pairwise(offsets)):
            raise reader.damaged("its blocks or pages are out of order")
    return table[0], table[len(table) - 1]


def _keys(reader: _Reader, gids: Iterable[int]) -> tuple[list[int], list[int], list[int]]:
    """Return what records are found by: length, hash, name."""
    entries, headers = reader.known(numbers(gids))
    seqs = reader.seqs_of(entries, consecutive=True)
    hashes = codec.hashes8([sha1(seq, usedforsecurity=False).digest() for seq in seqs])
    if not np.array_equal(hashes, entries["hash8"]):
        raise reader.damaged("a sequence does not have the hash that was stored with it")
    names = compact_format.keys_of_names(map(codec.first_word, headers))
    return entries["length"].tolist(), compact_format.keys_of_hashes(hashes), names
