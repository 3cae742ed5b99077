"""Where the reads of a BAM are aligned, as arrays: read with numpy, block by block."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError
from snakemake_storage_plugin_seqstore.tracks.bbi.compression import gunzip
from snakemake_storage_plugin_seqstore.tracks.intervals import Ints
from snakemake_storage_plugin_seqstore.tracks.signal import Array

# What samtools depth leaves out: unmapped, secondary, of bad quality, duplicate.
UNMAPPED = 0x4
EXCLUDED = UNMAPPED | 0x100 | 0x200 | 0x400
_READ = 1 << 19  # compressed bytes at once
_HEAD = np.dtype(
    [
        ("chrom", "<i4"),
        ("start", "<i4"),
        ("name", "u1"),
        ("quality", "u1"),
        ("bin", "<u2"),
        ("operations", "<u2"),
        ("flags", "<u2"),
        ("bases", "<i4"),
    ]
)
_ALIGNED = np.array([op in (0, 7, 8) for op in range(16)])  # M = X
_ON_REFERENCE = np.array([op in (0, 2, 3, 7, 8) for op in range(16)])  # M D N = X
_SOFT, _SKIP = 4, 3


def _anywhere(text: Array, kind: np.dtype[Any]) -> Array:
    """Return the values that begin at each byte of a text."""
    size = max(0, len(text) - kind.itemsize + 1)
    return np.ndarray((size,), kind, text, 0, (1,))


@dataclass(frozen=True)
class Blocks:
    """Aligned parts of reads of one chromosome.

    Parameters
    ----------
    chrom : str
        Chromosome.
    start, end : array of int64, shape (n,)
        0-based, half-open.
    last : int
        Where the last read starts; later reads start there at least.
    """

    chrom: str
    start: Ints
    end: Ints
    last: int


class Bam:
    """A BAM file that is read from its begin to its end.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    InputError
        If it is no BAM.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with open(self.path, "rb") as file:
            if file.read(4) != b"\x1f\x8b\x08\x04":
                raise InputError(f"{self.path} is no BAM", "samtools view -b makes one of others")
            file.seek(0)
            self._parts = self._inflate(file)
            self.lengths, _ = self._header(self._parts)
        self._names = list(self.lengths)

    def blocks(
        self, excluded: int = EXCLUDED, quality: int = 0, split: bool = True
    ) -> Iterator[Blocks]:
        """Yield where reads are aligned, by place.

        Parameters
        ----------
        excluded : int
            Reads that have any of these flags are left out; those that are not mapped always, which
            may have a place nevertheless.
        quality : int
            Least mapping quality.
        split : bool
            Whether deletions and introns are left out; else a read is one part from its first to
            its last aligned base.

        Raises
        ------
        InputError
            If reads are not sorted by place.
        DamageError
            If the file is damaged or cut.
        """
        with open(self.path, "rb") as file:
            parts = self._inflate(file)
            _, first = self._header(parts)
            rest = b""
            before = -1
            for part in itertools.chain([first], parts):
                content = rest + part
                offsets, used = self._records(content)
                rest = content[used:]
                if not offsets:
                    continue
                text = np.frombuffer(content, np.uint8)
                where = np.array(offsets, np.int64)
                head = _anywhere(text, _HEAD)[where + 4]
                before = self._check_order(head, before)
                yield from self._of_chroms(text, where, head, excluded, quality, split)
            if rest:
                raise DamageError(f"{self.path} is damaged: its last read is not complete")

    def _check_order(self, head: Array, before: int) -> int:
        """Refuse reads that are not by place; return the place of the last as one number."""
        placed = head[head["chrom"] >= 0]
        place = (placed["chrom"].astype(np.int64) << 32) + placed["start"]
        place = np.concatenate(([before], place))
        late = place[1:] < place[:-1]
        if late.any():
            row = int(np.argmax(late))
            raise InputError(
                f"{self.path}: the read at {self._name(int(placed['chrom'][row]))}:"
                f"{int(placed['start'][row]) + 1} comes too late",
                "sort it with samtools sort",
            )
        return int(place[-1])

    def _of_chroms(
        self, text: Array, where: Ints, head: Array, excluded: int, quality: int, split: bool
    ) -> Iterator[Blocks]:
        kept = (head["chrom"] >= 0) & ((head["flags"] & (excluded | UNMAPPED)) == 0)
        kept &= (head["quality"] >= quality) & (head["operations"] > 0)
        rows = np.flatnonzero(kept)
        for chrom in np.unique(head["chrom"][head["chrom"] >= 0]).tolist():
            some = rows[head["chrom"][rows] == chrom]
            last = int(head["start"][head["chrom"] == chrom].max())
            if len(some):
                start, end = self._aligned(text, where[some], head[some], split)
                yield Blocks(self._name(chrom), start, end, last)

    def _name(self, chrom: int) -> str:
        if chrom >= len(self._names):
            raise DamageError(f"{self.path} is damaged: it has no chromosome {chrom}")
        return self._names[chrom]

    def _aligned(self, text: Array, where: Ints, head: Array, split: bool) -> tuple[Ints, Ints]:
        number = head["operations"].astype(np.int64)
        first = np.cumsum(number) - number
        read = np.repeat(np.arange(len(where)), number)
        place = where + 36 + head["name"]
        at = place[read] + 4 * (np.arange(len(read)) - first[read])
        if len(at) and int(at.max()) + 4 > len(text):
            raise DamageError(f"{self.path} is damaged: a read is longer than its record")
        packed = _anywhere(text, np.dtype("<u4"))[at]
        kind, length = packed & 15, (packed >> 4).astype(np.int64)
        long = (number == 2) & (kind[first] == _SOFT) & (length[first] == head["bases"])
        long &= kind[np.minimum(first + 1, len(kind) - 1)] == _SKIP
        if long.any():
            kind, length, read, first = self._long(text, where, long, kind, length, read)
        on = np.where(_ON_REFERENCE[kind], length, 0)
        before = np.cumsum(on) - on
        offset = head["start"][read].astype(np.int64) + before - before[first][read]
        if not split:
            start = head["start"].astype(np.int64)
            return start, start + np.add.reduceat(on, first)
        kept = _ALIGNED[kind]
        return offset[kept], (offset + length)[kept]

    def _long(
        self, text: Array, where: Ints, long: Array, kind: Array, length: Ints, read: Ints
    ) -> tuple[Array, Ints, Ints, Ints]:
        """Take the operations of reads that have very many from where they are: a tag, CG."""
        kinds, lengths = [], []
        edges = np.searchsorted(read, np.arange(len(where) + 1))
        for row in range(len(where)):
            part = slice(edges[row], edges[row + 1])
            if not long[row]:
                kinds.append(kind[part])
                lengths.append(length[part])
                continue
            size = int(text[where[row] : where[row] + 4].view("<u4")[0])
            whole = text[where[row] : where[row] + 4 + size].tobytes()
            tag = whole.find(b"CGBI")
            if tag < 0:
                raise DamageError(f"{self.path} is damaged: a long read has no tag CG")
            count = struct.unpack_from("<I", whole, tag + 4)[0]
            packed = np.frombuffer(whole, "<u4", count, tag + 8)
            kinds.append(packed & 15)
            lengths.append((packed >> 4).astype(np.int64))
        number = np.array([len(part) for part in kinds], np.int64)
        return (
            np.concatenate(kinds),
            np.concatenate(lengths),
            np.repeat(np.arange(len(where)), number),
            np.cumsum(number) - number,
        )

    def _records(self, content: bytes) -> tuple[list[int], int]:
        """Return where records begin, and where the first that is not complete does."""
        unpack, place, end = struct.Struct("<i").unpack_from, 0, len(content)
        found = []
        while place + 4 <= end:
            size = unpack(content, place)[0]
            if size < 32:
                raise DamageError(f"{self.path} is damaged: a read has no size")
            if place + 4 + size > end:
                break
            found.append(place)
            place += 4 + size
        return found, place

    def _header(self, parts: Iterator[bytes]) -> tuple[dict[str, int], bytes]:
        """Return chromosomes and lengths, and what follows the header."""
        whole = b""
        for part in parts:
            whole += part
            if whole[:4] != b"BAM\x01":
                break
            try:
                return self._chromosomes(whole)
            except struct.error:
                continue  # it goes on in the next part
        raise InputError(f"{self.path} is no BAM", "samtools view -b makes one of others")

    def _chromosomes(self, whole: bytes) -> tuple[dict[str, int], bytes]:
        place = 8 + struct.unpack_from("<i", whole, 4)[0]
        number = struct.unpack_from("<i", whole, place)[0]
        place += 4
        found = {}
        for _ in range(number):
            size = struct.unpack_from("<i", whole, place)[0]
            length = struct.unpack_from("<i", whole, place + 4 + size)[0]
            found[whole[place + 4 : place + 3 + size].decode()] = length
            place += 8 + size
        return found, whole[place:]

    def _inflate(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield contents of blocks, several at once."""
        rest = b""
        ended = False
        while part := file.read(_READ):
            rest += part
            place, found = 0, []
            while place + 18 <= len(rest):
                size = self._block_size(rest, place)
                if place + size > len(rest):
                    break
                length = struct.unpack_from("<I", rest, place + size - 4)[0]
                ended = not length
                if length:
                    found.append(self._gunzip(rest[place : place + size], length))
                place += size
            rest = rest[place:]
            if found:
                yield b"".join(found)
        if rest or not ended:
            raise DamageError(f"{self.path} is damaged: it is cut")

    def _block_size(self, text: bytes, place: int) -> int:
        magic, extra = text[place : place + 4], struct.unpack_from("<H", text, place + 10)[0]
        at, end = place + 12, place + 12 + extra
        while magic == b"\x1f\x8b\x08\x04" and at + 6 <= end <= len(text):
            tag, size = text[at : at + 2], struct.unpack_from("<H", text, at + 2)[0]
            if tag == b"BC":
                return int(struct.unpack_from("<H", text, at + 4)[0]) + 1
            at += 4 + size
        raise DamageError(f"{self.path} is damaged, or was compressed by something but bgzip")

    def _gunzip(self, block: bytes, size: int) -> bytes | bytearray:
        try:
            return gunzip(block, size)
        except ValueError as error:
            raise DamageError(f"{self.path} is damaged: {error}") from None
