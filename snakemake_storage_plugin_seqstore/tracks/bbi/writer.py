"""What bigWig and bigBed files have in common when they are written: one pass, in order."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.output import partial
from snakemake_storage_plugin_seqstore.tracks.bbi import chrom_tree, index
from snakemake_storage_plugin_seqstore.tracks.bbi.compression import compress
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import (
    HEADER_SIZE,
    LEAF,
    SUMMARY,
    VERSION,
    ZOOM_HEADER,
    ZOOM_HEADER_SIZE,
    Header,
    record,
)
from snakemake_storage_plugin_seqstore.tracks.bbi.zoom import LEVELS, Zoomer
from snakemake_storage_plugin_seqstore.tracks.signal import some

_BUFFER = 1 << 20  # bytes: blocks are small
LONGEST = (1 << 32) - 1


@contextlib.contextmanager
def new_file(target: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that is written in any order; it appears when the block succeeds."""
    with partial(Path(target)) as part, open(part, "wb", _BUFFER) as file:
        yield file


class BbiWriter:
    """Writes blocks of records, then their index and zoom levels.

    Parameters
    ----------
    file : binary file
        Empty, and open for writing at any place.
    magic : int
        Kind of file.
    chroms : dict of str to int
        Chromosomes and their lengths in bp; blocks come in this order.
    per_slot : int
        Records in a block at most.
    columns : tuple of (int, int)
        Columns of a bigBed, and how many of them are those of BED.
    autosql : bytes
        Description of the columns of a bigBed.
    """

    def __init__(
        self,
        file: BinaryIO,
        magic: int,
        chroms: dict[str, int],
        per_slot: int,
        columns: tuple[int, int] = (0, 0),
        autosql: bytes = b"",
    ) -> None:
        if long := [name for name, size in chroms.items() if size > LONGEST]:
            raise InputError(f"{some(long)}: longer than a bigWig or bigBed can say (2**32 - 1)")
        if "" in chroms:
            raise InputError("a chromosome has no name")
        self.chroms = chroms
        self.zoomer = Zoomer()
        self._numbers = {name: number for number, name in enumerate(chroms)}
        self._file = file
        self._magic = magic
        self._per_slot = per_slot
        self._columns = columns
        self._leaves: list[tuple[int, int, int, int, int, int]] = []
        self._largest = 0
        self._records = 0
        self._last = -1
        self._autosql = HEADER_SIZE + LEVELS * ZOOM_HEADER_SIZE
        text = autosql + b"\0" if autosql else b""
        self._summary = self._autosql + len(text)
        self._tree = self._summary + struct.calcsize("<" + SUMMARY)
        tree = chrom_tree.pack(chroms, self._tree)
        self._data = self._tree + len(tree)
        file.write(bytes(self._autosql) + text + bytes(self._tree - self._summary) + tree)
        file.write(bytes(8))
        self._place = self._data + 8

    def number(self, chrom: str) -> int:
        """Return the number of the chromosome that comes next.

        Raises
        ------
        InputError
            If there is no such chromosome, or it comes too late.
        """
        number = self._numbers.get(chrom)
        if number is None:
            raise InputError(f"there is no chromosome {chrom!r}", f"there are {some(self.chroms)}")
        if number < self._last:
            raise InputError(f"chromosome {chrom!r} comes too late: chromosomes are out of order")
        self._last = number
        return number

    def block(self, chrom: int, start: int, end: int, records: int, content: bytes) -> None:
        """Write one block of records that lie in a window of a chromosome."""
        self._largest = max(self._largest, len(content))
        packed = compress(content)
        self._file.write(packed)
        self._leaves.append((chrom, start, chrom, end, self._place, len(packed)))
        self._place += len(packed)
        self._records += records

    def finish(self, count: int) -> None:
        """Write what follows the blocks.

        Parameters
        ----------
        count : int
            What the file says of its blocks: how many, or how many records they have.
        """
        place = self._put_index(self._leaves, self._per_slot)
        zooms = self._zooms()
        self._file.write(struct.pack("<I", self._magic))
        whole = self.zoomer.summary
        values = (whole.covered, whole.min, whole.max, whole.sum, whole.squares)
        header = Header(
            self._magic,
            VERSION,
            len(zooms),
            self._tree,
            self._data,
            place,
            *self._columns,
            self._autosql if self._summary > self._autosql else 0,
            self._summary,
            self._largest,
            0,
        )
        self._file.seek(self._data)
        self._file.write(struct.pack("<Q", count))
        self._file.seek(self._summary)
        self._file.write(struct.pack("<" + SUMMARY, *values))
        self._file.seek(0)
        self._file.write(header.pack() + b"".join(zooms))

    def _put_index(self, leaves: list[tuple[int, int, int, int, int, int]], per_slot: int) -> int:
        place = self._place
        packed = index.pack(np.array(leaves, record(LEAF, "<")), place, place, per_slot)
        self._file.write(packed)
        self._place += len(packed)
        return place

    def _zooms(self) -> list[bytes]:
        headers = []
        for size, bins in self.zoomer.levels():
            data = self._place
            rows = bins.packed()
            self._file.write(struct.pack("<I", len(rows)))
            self._place += 4
            leaves = []
            # A block holds records of one chromosome.
            edges = np.flatnonzero(np.diff(bins.chrom)) + 1
            for low, high in zip([0, *edges.tolist()], [*edges.tolist(), len(rows)], strict=True):
                for first in range(low, high, self._per_slot):
                    part = rows[first : min(first + self._per_slot, high)]
                    content = part.tobytes()
                    self._largest = max(self._largest, len(content))
                    packed = compress(content)
                    self._file.write(packed)
                    chrom = int(part["chrom"][0])
                    place = (chrom, int(part["start"][0]), chrom, int(part["end"][-1]))
                    leaves.append((*place, self._place, len(packed)))
                    self._place += len(packed)
            at = self._put_index(leaves, self._per_slot)
            headers.append(struct.pack("<" + ZOOM_HEADER, size, 0, data, at))
        return headers
