"""How a compact file is laid out.

=======  =========================================================================================
part     content
=======  =========================================================================================
head     magic and version
blocks   all different sequences, one behind the other, cut every 2,048 bytes; a zstd frame each
pages    32 records each: a CRC-32, their entries, their headers in a zstd frame
tables   integers of 64 bits, a CRC-32 before each 512 of them
footer   JSON in a zstd frame
tail     offset and size of the footer, magic
=======  =========================================================================================

A record's entry holds the hash8 of its sequence, where that begins among all residues (which is the
same place for equal sequences), its length, and the record's position in its source file. Two
tables say where each block and page begins; three find records by length, hash8 and name: they are
sorted and have a key above 32 bits of gid. Numbers are little-endian, frames have checksums.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from operator import eq
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.errors import DamageError
from snakemake_storage_plugin_seqstore.sequences.sorter import KEYS, NUMBERS
from snakemake_storage_plugin_seqstore.sequences.texts import Numbers, different

MAGIC = b"seqstore compact"
VERSION = 1
HEAD = struct.Struct("<16sI")
TAIL = struct.Struct("<QQ16s")
CRC = struct.Struct("<I")
# hash8, first residue, length, position in the source file
ENTRY = struct.Struct("<qQII")
ENTRIES = np.dtype([("hash8", "<i8"), ("start", "<i8"), ("length", "<u4"), ("index", "<u4")])
BLOCK_BYTES = 1 << 11
PAGE_RECORDS = 1 << 5
CHUNK_NUMBERS = 1 << 9
MAX_KEY = (1 << 30) - 1
MAX_RECORDS = 1 << 32
MAX_RESIDUES = 1 << 62
# Of JSON: enough for some 400,000 source files.
MAX_FOOTER_BYTES = 1 << 22

_TABLES = ("blocks", "pages", "lengths", "hashes", "names")
_CHUNK_BYTES = CRC.size + 8 * CHUNK_NUMBERS
_CHUNKS_IN_MEMORY = 1 << 10


@dataclass(frozen=True)
class Footer:
    """What the footer says of the rest of the file; the parts of it agree with each other.

    Parameters
    ----------
    records, residues, longest : int
        Number of records, of residues in all different sequences, of those in the longest one.
    shards : list of int
        The first gid of each source file.
    tables : list of (int, int)
        Where the tables of blocks, pages, lengths, hashes and names begin, and how many integers
        each has.
    """

    records: int
    residues: int
    longest: int
    shards: list[int]
    tables: list[tuple[int, int]]

    @classmethod
    def parse(cls, text: bytes, end: int) -> Footer:
        """Read the footer of a file whose tables end at this byte.

        Raises
        ------
        ValueError
            If it is no footer, or not that of such a file.
        """
        try:
            found = json.loads(text)
            records = _whole(found["records"], MAX_RECORDS)
            residues = _whole(found["residues"], MAX_RESIDUES)
            longest = _whole(found["longest"], residues)
            shards = [_whole(gid, records) for gid in found["shards"]]
            tables = [tuple(found["tables"][name]) for name in _TABLES]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__} {error}") from None
        if shards != sorted(shards) or shards[:1] != [0][:records]:
            raise ValueError("the source files are out of order")
        blocks, pages = -(-residues // BLOCK_BYTES) + 1, -(-records // PAGE_RECORDS) + 1
        start = _whole(tables[0][0], end) if tables[0] else 0
        expected = []
        for length in (blocks, pages, records, records, records):
            expected.append((start, length))
            start += 8 * length + CRC.size * -(-length // CHUNK_NUMBERS)
        if tables != expected or start != end:
            raise ValueError("the tables are not where they must be")
        return cls(records, residues, longest, shards, expected)


def _whole(value: Any, most: int) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{str(value)[:40]!r} is no whole number from 0 to {most:,}")
    return value


def keys_of_hashes(hashes: Iterable[int]) -> list[int]:
    """Return what each hash8 is found by: some share it, so candidates must be compared."""
    return [hash8 >> 34 & MAX_KEY for hash8 in hashes]


def keys_of_names(names: Iterable[bytes]) -> list[int]:
    """Return what each name is found by: some share it, so candidates must be compared."""
    return [crc >> 2 for crc in map(zlib.crc32, names)]


class Table(Sequence[int]):
    """Integers in a compact file.

    Parameters
    ----------
    read : callable
        Returns so many bytes from an offset of the file.
    damaged : callable
        Returns the error to raise, given a reason.
    offset, length : int
        Where it begins, and how many integers it has.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        damaged: Callable[[str], DamageError],
        offset: int,
        length: int,
    ) -> None:
        self._read = read
        self._offset = offset
        self._length = length
        self._damaged = damaged
        self.chunk = lru_cache(_CHUNKS_IN_MEMORY)(self._chunk)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> int:  # type: ignore[override]
        if index >= self._length:
            raise IndexError(index)
        return self.chunk(index // CHUNK_NUMBERS)[index % CHUNK_NUMBERS]

    def part(self, start: int, end: int) -> array[int]:
        """Return the integers from ``start`` to before ``end``."""
        first = start // CHUNK_NUMBERS
        numbers = array("Q")
        for chunk in range(first, -(-end // CHUNK_NUMBERS)):
            numbers += self.chunk(chunk)
        return numbers[start - first * CHUNK_NUMBERS : end - first * CHUNK_NUMBERS]

    def at(self, indexes: Numbers) -> Numbers:
        """Return the integers at ascending indexes."""
        chunks = indexes // CHUNK_NUMBERS
        needed = different(chunks)
        parts = [np.frombuffer(self.chunk(chunk), np.int64) for chunk in needed.tolist()]
        places = np.searchsorted(needed, chunks) * CHUNK_NUMBERS + indexes % CHUNK_NUMBERS
        found: Numbers = np.concatenate(parts)[places]
        return found

    def gids(self, low: int, high: int) -> list[int]:
        """Return the gids with keys from ``low`` to ``high``, of a sorted table."""
        if low > high:
            return []
        found = self.part(bisect_left(self, low << 32), bisect_left(self, (high + 1) << 32))
        return memoryview(found).cast("B").cast("I")[NUMBERS::2].tolist()

    def shared_keys(self) -> Iterator[int]:
        """Give the keys that several gids have, of a sorted table."""
        for start in range(0, self._length, CHUNK_NUMBERS):
            # One more, as the next chunk may go on with the same key.
            part = self.part(start, min(start + CHUNK_NUMBERS + 1, self._length))
            keys = memoryview(part).cast("B").cast("I")[KEYS::2].tolist()
            yield from sorted(set(compress(keys, map(eq, keys, keys[1:]))))

    def _chunk(self, index: int) -> array[int]:
        size = min(CHUNK_NUMBERS, self._length - index * CHUNK_NUMBERS)
        data = self._read(self._offset + index * _CHUNK_BYTES, CRC.size + 8 * size)
        if CRC.unpack_from(data)[0] != zlib.crc32(data[CRC.size :]):
            raise self._damaged("a table has another checksum than was stored with it")
        return little_endian(data[CRC.size :])


def little_endian(data: bytes | array[int]) -> array[int]:
    """Return integers from their bytes in a file; the other way round it is the same."""
    numbers = array("Q", data)  # as numbers if it has numbers
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
