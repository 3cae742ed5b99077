"""What bigWig and bigBed files have in common when they are read: only what is asked for."""

from __future__ import annotations

import os
import struct
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.tracks.bbi import chrom_tree
from snakemake_storage_plugin_seqstore.tracks.bbi.compression import decompress
from snakemake_storage_plugin_seqstore.tracks.bbi.index import Block, Index
from snakemake_storage_plugin_seqstore.tracks.bbi.layout import (
    HEADER,
    HEADER_SIZE,
    SUMMARY,
    ZOOM,
    ZOOM_HEADER,
    ZOOM_HEADER_SIZE,
    Header,
    record,
)
from snakemake_storage_plugin_seqstore.tracks.bbi.zoom import Bins, Summary

_SLAB = 1 << 20  # bytes that are read at once


class BbiReader:
    """An open bigWig or bigBed; threads may share it.

    Parameters
    ----------
    path : path
        The file.
    magic : int
        Kind of file.

    Raises
    ------
    InputError
        If it is no such file.
    DamageError
        If it is damaged.
    """

    def __init__(self, path: str | os.PathLike[str], magic: int) -> None:
        self.path = Path(path)
        self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self._closing = weakref.finalize(self, os.close, self._fd)
        self._last: tuple[Block, bytes | bytearray] = Block(0, 0), b""
        try:
            self._size = os.fstat(self._fd).st_size
            self._open(magic)
        except BaseException:
            self.close()
            raise

    def _open(self, magic: int) -> None:
        kind = "bigWig" if magic & 0xFF == 0x26 else "bigBed"
        head = os.pread(self._fd, HEADER_SIZE, 0)
        if len(head) < HEADER_SIZE or head[:4] not in (
            struct.pack("<I", magic),
            struct.pack(">I", magic),
        ):
            raise InputError(f"{self.path} is no {kind}", "it does not begin as one")
        self.order = "<" if head[:4] == struct.pack("<I", magic) else ">"
        self.header = Header(*struct.unpack(self.order + HEADER, head))
        if not (self.header.tree and self.header.index):
            raise InputError(f"{self.path} is not complete", "its writer did not finish")
        try:
            self.chromosomes = chrom_tree.read(self.read, self.header.tree, self.order)
        except DamageError as error:
            raise DamageError(f"{self.path}: {error}") from None
        self.index = self.index_at(self.header.index)
        table = self.read(HEADER_SIZE, self.header.zooms * ZOOM_HEADER_SIZE)
        zooms = struct.iter_unpack(self.order + ZOOM_HEADER, table)
        self.zooms = {int(size): int(place) for size, _, _, place in zooms}

    def index_at(self, place: int) -> Index:
        """Return the index that begins at a byte of the file."""
        return Index(self.read, place, self.order, str(self.path), self._size)

    def close(self) -> None:
        """Close the file."""
        self._closing()
        self._fd = -1

    def read(self, offset: int, size: int) -> bytes:
        """Return bytes of the file.

        Raises
        ------
        DamageError
            If it ends before.
        """
        found = os.pread(self._fd, size, offset) if offset + size <= self._size else b""
        if len(found) != size:
            raise DamageError(f"{self.path} is damaged: it ends before byte {offset + size}")
        return found

    def read_some(self, offset: int, size: int) -> bytes:
        """Return so many bytes of the file, or all that there are."""
        return os.pread(self._fd, size, offset) if offset < self._size else b""

    def summary(self) -> Summary | None:
        """Return the summary that the file has of itself; None if it has none."""
        if not self.header.summary:
            return None
        size = struct.calcsize("<" + SUMMARY)
        return Summary(*struct.unpack(self.order + SUMMARY, self.read(self.header.summary, size)))

    def content(self, block: Block) -> bytes | bytearray:
        """Return the content of one block; the last is kept, as the next window is near, mostly."""
        last, found = self._last
        if last == block:
            return found
        packed = self.read(block.offset, block.size)
        found = self._unpack(packed, block) if self.header.buffer else packed
        self._last = block, found
        return found

    def contents(self, blocks: Iterable[Block]) -> Iterator[bytes | bytearray | memoryview]:
        """Yield the contents of blocks; those that follow each other are read together."""
        size = 0
        for slab in _slabs(blocks):
            size += sum(block.size for block in slab)
            if size > self._size:
                raise DamageError(f"{self.path} is damaged: its blocks are larger than it is")
            whole = memoryview(
                self.read(slab[0].offset, slab[-1].offset + slab[-1].size - slab[0].offset)
            )
            for block in slab:
                low = block.offset - slab[0].offset
                packed = whole[low : low + block.size]
                yield self._unpack(packed, block) if self.header.buffer else packed

    def _unpack(self, packed: bytes | memoryview, block: Block) -> bytes | bytearray:
        try:
            return decompress(packed, self.header.buffer)
        except ValueError as error:
            raise DamageError(
                f"{self.path} is damaged: its block at byte {block.offset} does not decompress"
                f" ({error})"
            ) from None

    def bins(self, chrom: str, start: int, end: int, size: int) -> Bins | None:
        """Return summaries of a window from the coarsest zoom level of bins of `size` bp at most.

        Returns
        -------
        Bins or None
            None if the file has no such level.
        """
        fitting = [level for level in self.zooms if level <= size]
        if not fitting or chrom not in self.chromosomes:
            return None
        number = self.chromosomes[chrom][0]
        index = self.index_at(self.zooms[max(fitting)])
        kind = record(ZOOM, self.order)
        parts = [
            np.frombuffer(content, kind)
            for content in self.contents(index.blocks(number, start, end))
        ]
        rows = np.concatenate(parts) if parts else np.empty(0, kind)
        rows = rows[(rows["chrom"] == number) & (rows["end"] > start) & (rows["start"] < end)]
        whole, real = ("chrom", "start", "end", "covered"), ("min", "max", "sum", "squares")
        return Bins(
            *(rows[name].astype(np.int64) for name in whole),
            *(rows[name].astype(np.float64) for name in real),
        )


def _slabs(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    slab: list[Block] = []
    size = 0
    for block in blocks:
        if slab and (block.offset != slab[-1].offset + slab[-1].size or size > _SLAB):
            yield slab
            slab, size = [], 0
        slab.append(block)
        size += block.size
    if slab:
        yield slab
