"""A reader of compact files."""

from __future__ import annotations

import json
import os
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import add, sub
from pathlib import Path
from typing import NamedTuple

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import codec, layout
from snakemake_storage_plugin_seqstore.sequences.layout import (
    BLOCK_BYTES,
    CRC,
    ENTRY,
    HEAD,
    PAGE_RECORDS,
    TAIL,
    Table,
)
from snakemake_storage_plugin_seqstore.sequences.reader import Meta, Page

# So many records are read at once, but of no more residues unless a single one has more.
_RECORDS_AT_ONCE = 1 << 10
_RESIDUES_AT_ONCE = 1 << 26
# Blocks and pages that are no further from each other are read together.
_NEAR = 16
# What is unpacked stays for the next records, which may have equal sequences: some 20 MB.
_BLOCKS_IN_MEMORY = 10_000


class _Known(NamedTuple):
    """What is known of some records, in columns."""

    gids: Sequence[int]
    hashes: Sequence[int]
    starts: Sequence[int]
    lengths: Sequence[int]
    headers: Sequence[bytes]


class Compact:
    """The records of a compact file; see :class:`Reader`.

    Parameters
    ----------
    path : Path
        A finished database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: _File | None = _File(path)
        size = os.fstat(self._file.descriptor).st_size
        _, version = HEAD.unpack(self._read(0, HEAD.size))
        if version != layout.VERSION:
            raise StoreError(
                f"{path} has compact format {version}, this program knows {layout.VERSION}",
                "update snakemake-storage-plugin-seqstore",
            )
        start, length, magic = TAIL.unpack(self._read(max(0, size - TAIL.size), TAIL.size))
        if magic != layout.MAGIC or start + length + TAIL.size != size:
            raise DamageError(f"{path} is truncated, or something was written to its end")
        try:
            footer = json.loads(codec.unpack(self._read(start, length)))
            self._shards: list[int] = footer["shards"]
            self._records: int = footer["records"]
            self._residues: int = footer["residues"]
            longest: int = footer["longest"]
            tables = footer["tables"]
            self._blocks, self._pages, self._lengths, self._hashes, self._names = (
                Table(self._read, self._damaged, *tables[name])
                for name in ("blocks", "pages", "lengths", "hashes", "names")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise self._damaged(f"its footer cannot be read: {error}") from None
        self._latest: dict[int, bytes] = {}
        self.at_once = max(1, min(_RECORDS_AT_ONCE, _RESIDUES_AT_ONCE // longest))

    def __len__(self) -> int:
        return self._records

    def close(self) -> None:
        """Refuse to read from now on."""
        self._file = None  # which is closed when the last thread is done with it

    # ---- sequences

    def sequence(self, gid: int) -> bytes | None:
        """Return one sequence, or None if there is no such gid."""
        if not 0 <= gid < self._records:
            return None
        page, slot = divmod(gid, PAGE_RECORDS)
        entry = self._read(self._pages[page] + CRC.size + slot * ENTRY.size, ENTRY.size)
        digest, start, length, _ = ENTRY.unpack(entry)
        end = start + length
        if not start < end <= self._residues:
            raise self._damaged(f"gid {gid} has residues {start:,}-{end:,} of {self._residues:,}")
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        offset = self._blocks[first]
        if first == last:
            text = self._unpack(self._read(offset, self._blocks[first + 1] - offset), BLOCK_BYTES)
        else:
            text = b"".join(self._decoded(range(first, last + 1)))
        seq = text[start - first * BLOCK_BYTES : end - first * BLOCK_BYTES]
        # An entry alone has no checksum, so that it can be read alone.
        if codec.hash8(seq) != digest:
            raise self._damaged(
                f"the sequence of gid {gid} does not have the hash that was stored with it"
            )
        return seq

    def sequences(self, gids: Iterable[int]) -> Iterator[dict[int, bytes]]:
        """Give the sequences of those gids that exist, some at a time, in any order."""
        for known in self._known(gids, headers=False):
            yield dict(zip(known.gids, self._texts(known), strict=True))

    def _texts(self, known: _Known) -> list[bytes]:
        ends = map(add, known.starts, known.lengths)
        first = [start // BLOCK_BYTES for start in known.starts]
        last = [(end - 1) // BLOCK_BYTES for end in ends]
        needed = {*first, *last}
        if max(map(sub, last, first)) > 1:
            needed.update(chain.from_iterable(map(range, first, last)))
        blocks = sorted(needed)
        text = b"".join(self._decoded(blocks))
        # How far a block is from where it would be if none were missing before it.
        shifts = {block: (block - i) * BLOCK_BYTES for i, block in enumerate(blocks)}
        starts = map(sub, known.starts, map(shifts.__getitem__, first))
        return [text[s : s + length] for s, length in zip(starts, known.lengths, strict=True)]

    def _decoded(self, blocks: Sequence[int]) -> list[bytes]:
        """Return the residues of blocks, given in ascending order."""
        latest = self._latest
        absent = [block for block in blocks if block not in latest]
        fresh = dict(zip(absent, self._unpacked(absent), strict=True)) if absent else {}
        texts = [fresh[block] if block in fresh else latest[block] for block in blocks]
        # Never made smaller, but replaced: another thread may be using it.
        if len(latest) + len(fresh) <= _BLOCKS_IN_MEMORY:
            latest.update(fresh)
        elif len(fresh) <= _BLOCKS_IN_MEMORY:
            self._latest = fresh
        return texts

    def _unpacked(self, blocks: Sequence[int]) -> list[bytes]:
        # All are full but the last one of the file.
        sizes = [BLOCK_BYTES] * len(blocks)
        if blocks[-1] == len(self._blocks) - 2:
            sizes[-1] = self._residues - blocks[-1] * BLOCK_BYTES
        try:
            texts = list(codec.unpack_many(self._parts(self._blocks, blocks), sum(sizes)))
        except ValueError as error:
            raise self._damaged(f"residues cannot be decoded: {error}") from None
        if list(map(len, texts)) != sizes:
            raise self._damaged("a block of residues has another size than it must have")
        return texts

    # ---- entries and headers

    def metas(self, gids: Iterable[int]) -> Iterator[list[Meta]]:
        """Give what is known of those gids that exist, some at a time, in any order."""
        for known in self._known(gids):
            headers = map(bytes.decode, known.headers)
            yield list(zip(known.gids, headers, known.lengths, known.hashes, strict=True))

    def pages(self, gids: Iterable[int] | None = None) -> Iterator[Page]:
        """Give all records by ascending gid, or these in their order."""
        asked = range(self._records) if gids is None else list(map(int, gids))
        for start in range(0, len(asked), self.at_once):
            wanted = asked[start : start + self.at_once]
            for gid in (min(wanted), max(wanted)):
                if not 0 <= gid < self._records:
                    raise InputError(f"{self.path} has no gid {gid}")
            known = self._page(wanted if gids is None else sorted(set(wanted)))
            headers, seqs = known.headers, self._texts(known)
            if gids is not None:
                places = {gid: place for place, gid in enumerate(known.gids)}
                headers = [headers[places[gid]] for gid in wanted]
                seqs = [seqs[places[gid]] for gid in wanted]
            yield Page(wanted, headers, seqs)

    def texts(self, gids: Sequence[int], headers: Sequence[bytes | None]) -> list[str]:
        """Return headers of a page as text."""
        return [header.decode() for header in headers if header is not None]

    def place(self, gid: int) -> tuple[int, int]:
        """Return which of the source files a record is from, and its position in it."""
        page, slot = divmod(gid, PAGE_RECORDS)
        (data,) = self._parts(self._pages, [page])
        ((_, _, _, index),) = self._entries(page, data, [slot])
        return bisect_right(self._shards, gid) - 1, index

    def _known(self, gids: Iterable[int], *, headers: bool = True) -> Iterator[_Known]:
        wanted = sorted({gid for gid in gids if 0 <= gid < self._records})
        for start in range(0, len(wanted), self.at_once):
            yield self._page(wanted[start : start + self.at_once], headers=headers)

    def _page(self, gids: Sequence[int], *, headers: bool = True) -> _Known:
        """Return what is known of some records, given in ascending order."""
        slots: dict[int, Sequence[int]] = {}
        start = 0
        while start < len(gids):
            page = gids[start] // PAGE_RECORDS
            end = bisect_left(gids, (page + 1) * PAGE_RECORDS, start)
            slots[page] = [gid % PAGE_RECORDS for gid in gids[start:end]]
            start = end
        parts = self._parts(self._pages, list(slots))
        entries: list[tuple[int, ...]] = []
        for (page, some), data in zip(slots.items(), parts, strict=True):
            entries += self._entries(page, data, some)
        found: list[bytes] = []
        if headers:
            frames = [
                data[CRC.size + self._number(page) * ENTRY.size :]
                for page, data in zip(slots, parts, strict=True)
            ]
            for (page, some), text in zip(slots.items(), self._headers(frames), strict=True):
                lines = text.split(b"\n")
                if len(lines) != self._number(page):
                    raise self._damaged("a page has another number of headers than of records")
                found += lines if len(some) == len(lines) else [lines[slot] for slot in some]
        hashes, starts, lengths, _ = zip(*entries, strict=True)
        return _Known(gids, hashes, starts, lengths, found)

    def _number(self, page: int) -> int:
        """Return how many records a page has."""
        return min(PAGE_RECORDS, self._records - page * PAGE_RECORDS)

    def _entries(self, page: int, data: bytes, slots: Sequence[int]) -> list[tuple[int, ...]]:
        packed = data[CRC.size : CRC.size + self._number(page) * ENTRY.size]
        if CRC.unpack_from(data)[0] != zlib.crc32(packed):
            raise self._damaged("a page has another checksum than was stored with it")
        if len(slots) == self._number(page):
            return list(ENTRY.iter_unpack(packed))
        return [ENTRY.unpack_from(packed, slot * ENTRY.size) for slot in slots]

    def _headers(self, frames: list[bytes]) -> Iterable[bytes]:
        try:
            return list(codec.unpack_many(frames))
        except ValueError:  # one is damaged, or they are too large to be unpacked at once
            return [
                self._unpack(frame, PAGE_RECORDS * (codec.MAX_HEADER_BYTES + 1)) for frame in frames
            ]

    # ---- finding

    def with_length(self, low: int, high: int) -> list[int]:
        """Return the gids of sequences of such a length, by length, then by gid."""
        return self._lengths.gids(max(low, 0), min(high, layout.MAX_KEY))

    def with_hash(self, hash8: int) -> list[int]:
        """Return the gids of sequences with this hash, ascending."""
        found = self._sharing(self._hashes, *layout.keys_of_hashes([hash8]))
        return [gid for gid, _, other in found if other == hash8]

    def with_name(self, name: bytes) -> list[int]:
        """Return the gids of records whose header has this first word, ascending."""
        found = self._sharing(self._names, *layout.keys_of_names([name]))
        return [gid for gid, header, _ in found if codec.first_word(header) == name]

    def with_header(self, header: bytes) -> list[int]:
        """Return the gids of records with exactly this header, ascending."""
        found = self._sharing(self._names, *layout.keys_of_names([codec.first_word(header)]))
        return [gid for gid, other, _ in found if other == header]

    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""
        for key in self._names.shared_keys():
            seen: dict[bytes, int] = {}
            for gid, header, _ in self._sharing(self._names, key):
                first = seen.setdefault(codec.first_word(header), gid)
                if first != gid:
                    return first, gid
        return None

    def _sharing(self, table: Table, key: int) -> Iterator[tuple[int, bytes, int]]:
        """Give gid, header and hash8 of the records with a key."""
        for known in self._known(table.gids(key, key)):
            yield from zip(known.gids, known.headers, known.hashes, strict=True)

    # ---- bytes

    def check(self) -> None:
        """Look for damage that can be found without decoding the records."""
        for table in (self._blocks, self._pages, self._lengths, self._hashes, self._names):
            for start in range(0, len(table), layout.CHUNK_NUMBERS):
                table.part(start, min(start + layout.CHUNK_NUMBERS, len(table)))

    def _parts(self, table: Table, indexes: Sequence[int]) -> list[bytes]:
        """Return the bytes of blocks or pages, given in ascending order."""
        if len(indexes) == 1:
            (index,) = indexes
            return [self._read(table[index], table[index + 1] - table[index])]
        parts: list[bytes] = []
        for first, last, some in _near(indexes):
            offsets = table.part(first, last + 2)
            data = self._read(offsets[0], offsets[-1] - offsets[0])
            cuts = [offset - offsets[0] for offset in offsets]
            parts += [data[cuts[i - first] : cuts[i - first + 1]] for i in some]
        return parts

    def _unpack(self, frame: bytes, limit: int) -> bytes:
        try:
            return codec.unpack(frame, limit)
        except ValueError as error:
            raise self._damaged(str(error)) from None

    def _read(self, offset: int, size: int) -> bytes:
        file = self._file
        if file is None:
            raise RuntimeError(f"the reader of {self.path} is closed")
        data = os.pread(file.descriptor, size, offset)
        if len(data) != size:
            raise self._damaged(f"it ends before byte {offset + size:,}")
        return data

    def _damaged(self, reason: str) -> DamageError:
        return DamageError(f"{self.path} is damaged: {reason}")


class _File:
    """An open file, which is closed when nobody uses it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.descriptor)


def _near(indexes: Sequence[int]) -> Iterator[tuple[int, int, Sequence[int]]]:
    """Give groups of ascending numbers with small gaps only: the first, the last and all."""
    start = 0
    for i in range(1, len(indexes) + 1):
        if i == len(indexes) or indexes[i] - indexes[i - 1] > _NEAR:
            yield indexes[start], indexes[i - 1], indexes[start:i]
            start = i
