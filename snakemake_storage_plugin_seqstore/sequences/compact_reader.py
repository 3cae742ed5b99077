"""A reader of compact files."""

from __future__ import annotations

import os
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import NDArray

from snakemake_storage_plugin_seqstore.errors import DamageError, InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import codec, compact_format
from snakemake_storage_plugin_seqstore.sequences.compact_check import compare
from snakemake_storage_plugin_seqstore.sequences.compact_format import (
    BLOCK_BYTES,
    CRC,
    ENTRIES,
    ENTRY,
    HEAD,
    PAGE_RECORDS,
    TAIL,
    Footer,
    Table,
)
from snakemake_storage_plugin_seqstore.sequences.publish import version
from snakemake_storage_plugin_seqstore.sequences.texts import (
    Meta,
    Numbers,
    Page,
    Texts,
    before,
    different,
    numbers,
    portions,
    runs,
)
from snakemake_storage_plugin_seqstore.sequences.worker_process import ahead

# So many records are read at once, but of no more residues unless a single one has more. Random
# ones need more memory each, which is best kept within a processor's cache.
_RECORDS_AT_ONCE = 1 << 11
_BATCH_RECORDS = 1 << 10
_RESIDUES_AT_ONCE = 1 << 24
# Fewer records take less time one by one.
_MANY = 24
# Blocks and pages that are no further from each other are read together.
_NEAR = 16
# What copies were made of stays in memory, for the next copies: some 20 MB.
_BLOCKS_IN_MEMORY = 10_000
# Of one page, and of as many as are unpacked at once.
_MAX_HEADERS_BYTES = PAGE_RECORDS * (codec.MAX_NEW_HEADER_BYTES + 1)
_HEADERS_AT_ONCE = 1 << 26

Entries = NDArray[np.void]


class CompactReader:
    """The records of a compact file; see :class:`Reader`.

    Parameters
    ----------
    path : Path
        A finished database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: _File | None = _File(path)
        self.version = version(self._file.descriptor)
        size = self.version[1]
        _, number = HEAD.unpack(self._read(0, HEAD.size))
        if number != compact_format.VERSION:
            raise StoreError(
                f"{path} has compact format {number}, this program knows {compact_format.VERSION}",
                "update snakemake-storage-plugin-seqstore",
            )
        start, length, magic = TAIL.unpack(self._read(max(0, size - TAIL.size), TAIL.size))
        if magic != compact_format.MAGIC or start + length + TAIL.size != size:
            raise DamageError(f"{path} is truncated, or something was written to its end")
        try:
            text = codec.unpack(self._read(start, length), compact_format.MAX_FOOTER_BYTES)
            footer = Footer.parse(text, start)
        except ValueError as error:
            raise self.damaged(f"its footer cannot be read: {error}") from None
        self._shards = footer.shards
        self._records, self._residues = footer.records, footer.residues
        self._longest = footer.longest
        self.first_table = footer.tables[0][0]
        self.tables = [Table(self._read, self.damaged, *place) for place in footer.tables]
        self._blocks, self._pages, self._lengths, self._hashes, self._names = self.tables
        self._latest: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self._records

    def close(self) -> None:
        """Refuse to read from now on."""
        self._file = None  # which is closed when the last thread is done with it

    # ---- sequences

    def sequence(self, gid: int) -> bytes | None:
        """Return one sequence, or None if there is no such gid."""
        return self._sequence(gid) if 0 <= gid < self._records else None

    def _sequence(self, gid: int) -> bytes:
        page, slot = divmod(gid, PAGE_RECORDS)
        offset = self._pages[page] + CRC.size + slot * ENTRY.size
        digest, start, length, _ = ENTRY.unpack(self._read(offset, ENTRY.size))
        end = start + length
        if not 0 <= start < end <= self._residues or length > self._longest:
            raise self.damaged(f"gid {gid} has residues {start:,}-{end:,} of {self._residues:,}")
        first, last = start // BLOCK_BYTES, (end - 1) // BLOCK_BYTES
        if last - first < _MANY:
            text = b"".join(map(self._block, range(first, last + 1)))
        else:
            text = self._text(np.arange(first, last + 1))
        seq = text[start - first * BLOCK_BYTES : end - first * BLOCK_BYTES]
        # An entry alone has no checksum, so that it can be read alone.
        if codec.hash8(seq) != digest or not seq.isascii():
            raise self.damaged(
                f"the sequence of gid {gid} does not have the hash that was stored with it"
            )
        return seq

    def sequences(self, gids: Iterable[int]) -> Iterator[dict[int, str]]:
        """Give the sequences of those gids that exist, some at a time, in any order."""
        wanted = self._existing(gids)
        if len(wanted) < _MANY:
            return iter([{gid: self._sequence(gid).decode() for gid in wanted.tolist()}])
        entries = np.concatenate([self._entries(wanted[cut]) for cut in _cuts(wanted)])
        # In the order of their residues no block is needed twice.
        order = np.argsort(entries["start"])
        wanted, entries = wanted[order], entries[order]
        cuts = portions(entries["length"], _BATCH_RECORDS, _RESIDUES_AT_ONCE)
        return ahead(lambda cut: self._strings(wanted[cut], entries[cut]), cuts)

    def _strings(self, gids: Numbers, entries: Entries) -> dict[int, str]:
        return dict(zip(gids.tolist(), self.seqs_of(entries).strings(), strict=True))

    def seqs_of(self, entries: Entries, *, consecutive: bool = False) -> Texts:
        """Return the sequences of entries."""
        starts, lengths = entries["start"], entries["length"].astype(np.int64)
        first = starts // BLOCK_BYTES
        counts = (starts + lengths - 1) // BLOCK_BYTES - first + 1
        blocks = different(np.sort(runs(first, counts)))
        # New sequences are at the end; the others are copies of any, and there will be more.
        new = int(np.flatnonzero(np.diff(blocks, prepend=-2) > 1)[-1]) if consecutive else 0
        text = b"".join([*self._decoded(blocks[:new].tolist()), self._text(blocks[new:])])
        # All blocks are full but the last one of the file, which is the last one here too.
        places = np.searchsorted(blocks, first) * BLOCK_BYTES + starts % BLOCK_BYTES
        return Texts(text, places, lengths)

    def _decoded(self, blocks: Sequence[int]) -> list[bytes]:
        """Return the residues of blocks, given in ascending order, and keep them."""
        latest = self._latest
        absent = [block for block in blocks if block not in latest]
        text = self._text(numbers(absent)) if absent else b""
        cuts = range(0, len(text), BLOCK_BYTES)
        fresh = dict(zip(absent, [text[i : i + BLOCK_BYTES] for i in cuts], strict=True))
        texts = [fresh[block] if block in fresh else latest[block] for block in blocks]
        # Never made smaller, but replaced: another thread may be using it.
        if len(latest) + len(fresh) <= _BLOCKS_IN_MEMORY:
            latest.update(fresh)
        elif len(fresh) <= _BLOCKS_IN_MEMORY:
            self._latest = fresh
        return texts

    def _text(self, blocks: Numbers) -> bytes:
        """Return the residues of ascending blocks."""
        sizes = np.minimum(self._residues - blocks * BLOCK_BYTES, BLOCK_BYTES)
        try:
            text = codec.unpack_parts(self._parts(self._blocks, blocks), sizes)
            if not text.isascii():
                raise ValueError("they are not ASCII")
        except ValueError as error:
            raise self.damaged(f"residues cannot be decoded: {error}") from None
        return text

    def _block(self, block: int) -> bytes:
        return self._unpack(self._part(self._blocks, block), BLOCK_BYTES)

    # ---- entries and headers

    def metas(self, gids: Iterable[int]) -> Iterator[list[Meta]]:
        """Give what is known of those gids that exist, some at a time, in any order."""
        wanted = self._existing(gids)
        if len(wanted) < _MANY:
            return iter([[self._meta(gid) for gid in wanted.tolist()]])
        return ahead(lambda cut: self._metas(wanted[cut]), _cuts(wanted))

    def _meta(self, gid: int) -> Meta:
        page, slot = divmod(gid, PAGE_RECORDS)
        count, entries, frame = self._stored(page, self._part(self._pages, page))
        digest, _, length, _ = ENTRY.unpack_from(entries, slot * ENTRY.size)
        headers = self._unpack(frame, _MAX_HEADERS_BYTES).split(b"\n")
        if len(headers) != count:
            raise self.damaged("a page has another number of headers than of records")
        try:
            return gid, headers[slot].decode(), length, digest
        except UnicodeDecodeError as error:
            raise self.damaged(f"headers cannot be decoded: {error}") from None

    def _metas(self, gids: Numbers) -> list[Meta]:
        entries, headers = self.known(gids)
        lengths, hashes = entries["length"].tolist(), entries["hash8"].tolist()
        return list(zip(gids.tolist(), headers.strings(), lengths, hashes, strict=True))

    def pages(self, gids: Iterable[int] | None = None) -> Iterator[Page]:
        """Give all records by ascending gid, or these in their order."""
        return map(self.page, self.portions(gids))

    def portions(self, gids: Iterable[int] | None = None) -> Iterator[Sequence[int]]:
        """Give the gids of pages: all, or these in their order."""
        asked = range(self._records) if gids is None else list(map(int, gids))
        for start in range(0, len(asked), _RECORDS_AT_ONCE):
            some = asked[start : start + _RECORDS_AT_ONCE]
            for gid in (min(some), max(some)):
                if not 0 <= gid < self._records:
                    raise InputError(f"{self.path} has no gid {gid}")
            if len(some) * self._longest <= _RESIDUES_AT_ONCE:
                yield some
                continue
            ascending, places = _ascending(some)
            lengths = self._entries(ascending)["length"][places]
            for cut in portions(lengths, _RECORDS_AT_ONCE, _RESIDUES_AT_ONCE):
                yield some[cut]

    def page(self, gids: Sequence[int]) -> Page:
        """Return the records of a portion."""
        ascending, places = _ascending(gids)
        entries, headers = self.known(ascending)
        seqs = self.seqs_of(entries, consecutive=isinstance(gids, range))
        return Page(gids, headers.take(places), seqs.take(places))

    def texts(self, gids: Sequence[int], headers: Sequence[bytes | None]) -> list[str]:
        """Return headers of a page as text."""
        return [*map(bytes.decode, headers)]  # type: ignore[arg-type]  # every record has one

    def place(self, gid: int) -> tuple[int, int]:
        """Return which of the source files a record is from, and its position in it."""
        (entry,) = self._entries(numbers([gid]))
        return bisect_right(self._shards, gid) - 1, int(entry["index"])

    def _existing(self, gids: Iterable[int]) -> Numbers:
        """Return those gids that exist, ascending and each once."""
        return different(np.sort(numbers(gid for gid in gids if 0 <= gid < self._records)))

    def _entries(self, gids: Numbers) -> Entries:
        """Return the entries of ascending gids."""
        return self.known(gids, headers=False)[0]

    def known(self, gids: Numbers, *, headers: bool = True) -> tuple[Entries, Texts]:
        """Return the entries and headers of ascending gids."""
        pages, slots = np.divmod(gids, PAGE_RECORDS)
        needed = different(pages)
        which = np.searchsorted(needed, pages) * PAGE_RECORDS + slots
        stored = map(self._stored, needed.tolist(), self._parts(self._pages, needed))
        counts, entries, frames = zip(*stored, strict=True)
        found = np.frombuffer(b"".join(entries), ENTRIES)[which]
        self._check_entries(found)
        return found, self._taken(list(frames), counts, which) if headers else Texts.of([])

    def _check_entries(self, entries: Entries) -> None:
        """Refuse entries of residues that there are not, before anything is made for them."""
        starts, lengths = entries["start"], entries["length"].astype(np.int64)
        within = (starts >= 0) & (starts <= self._residues - lengths)
        if not (within & (lengths > 0) & (lengths <= self._longest)).all():
            raise self.damaged("a page has a record of residues that there are not")

    def _stored(self, page: int, data: bytes) -> tuple[int, bytes, bytes]:
        """Return what a page has: number of records, entries, a frame of headers."""
        count = min(PAGE_RECORDS, self._records - page * PAGE_RECORDS)
        end = CRC.size + count * ENTRY.size
        entries = data[CRC.size : end]
        if len(data) <= end or CRC.unpack_from(data)[0] != zlib.crc32(entries):
            raise self.damaged("a page has another checksum than was stored with it")
        return count, entries, data[end:]

    def _taken(self, frames: list[bytes], counts: Sequence[int], which: Numbers) -> Texts:
        """Return those headers of pages that are asked for, by ascending number."""
        try:
            sizes = numbers(map(zstandard.frame_content_size, frames))
        except zstandard.ZstdError as error:
            raise self.damaged(f"headers cannot be decoded: {error}") from None
        if len(wrong := sizes[(sizes < 1) | (sizes > _MAX_HEADERS_BYTES)]):
            raise self.damaged(f"the headers of a page claim {wrong[0]:,} bytes")
        cuts = list(portions(sizes, len(sizes), _HEADERS_AT_ONCE))
        if len(cuts) == 1:
            return self._headers(frames, counts).take(which)
        taken: list[bytes] = []
        for cut in cuts:
            start, stop = cut.start * PAGE_RECORDS, cut.stop * PAGE_RECORDS
            headers = self._headers(frames[cut], counts[cut])
            taken += headers.take(which[(which >= start) & (which < stop)] - start)
        return Texts.of(taken)

    def _headers(self, frames: list[bytes], counts: Sequence[int]) -> Texts:
        """Return the headers of pages, so many of each."""
        try:
            limit = len(frames) * _MAX_HEADERS_BYTES
            texts = list(codec.unpack_many(frames, limit))
            text = b"\n".join(texts)
            if not text.isascii():
                text.decode()
        except ValueError as error:
            raise self.damaged(f"headers cannot be decoded: {error}") from None
        if [text.count(b"\n") + 1 for text in texts] != list(counts):
            raise self.damaged("a page has another number of headers than of records")
        ends = np.append(np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")), len(text))
        starts = np.append(0, ends[:-1] + 1)
        return Texts(text.replace(b"\n", b" "), starts, ends - starts)

    # ---- finding

    def with_length(self, low: int, high: int) -> list[int]:
        """Return the gids of sequences of such a length, by length, then by gid."""
        gids = self._lengths.gids(max(low, 0), min(high, compact_format.MAX_KEY))
        if gids and max(gids) >= self._records:
            raise self.damaged("a table has a gid that there is not")
        return gids

    def with_hash(self, hash8: int) -> list[int]:
        """Return the gids of sequences with this hash, ascending."""
        found = self._sharing(self._hashes, *compact_format.keys_of_hashes([hash8]))
        return [gid for gid, _, other in found if other == hash8]

    def with_name(self, name: bytes) -> list[int]:
        """Return the gids of records whose header has this first word, ascending."""
        found = self._sharing(self._names, *compact_format.keys_of_names([name]))
        return [gid for gid, header, _ in found if codec.first_word(header) == name]

    def with_header(self, header: bytes) -> list[int]:
        """Return the gids of records with exactly this header, ascending."""
        found = self._sharing(
            self._names, *compact_format.keys_of_names([codec.first_word(header)])
        )
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
        gids = self._existing(table.gids(key, key))
        for cut in _cuts(gids):
            entries, headers = self.known(gids[cut])
            yield from zip(gids[cut].tolist(), headers, entries["hash8"].tolist(), strict=True)

    # ---- bytes

    def check(self, deep: bool = False) -> None:
        """Look for damage that can be found without decoding the records.

        If ``deep``, compare all tables with what they tell of, and hashes with sequences.
        """
        for table in self.tables:
            for start in range(0, len(table), compact_format.CHUNK_NUMBERS):
                table.part(start, min(start + compact_format.CHUNK_NUMBERS, len(table)))
        if deep:
            compare(self)

    def _part(self, table: Table, index: int) -> bytes:
        """Return the bytes of a block or page."""
        start, end = table[index], table[index + 1]
        if not HEAD.size <= start < end <= self.first_table:
            raise self.damaged("its blocks or pages are out of order")
        return self._read(start, end - start)

    def _parts(self, table: Table, indexes: Numbers) -> Texts:
        """Return the bytes of blocks or pages, given in ascending order."""
        starts, ends = table.at(indexes), table.at(indexes + 1)
        in_order = (starts < ends).all() and (ends[:-1] <= starts[1:]).all()
        if not in_order or starts[0] < HEAD.size or ends[-1] > self.first_table:
            raise self.damaged("its blocks or pages are out of order")
        # Those near each other are read together.
        cuts = np.flatnonzero(np.diff(indexes) > _NEAR) + 1
        first, last = np.append(0, cuts), np.append(cuts, len(indexes)) - 1
        lengths = ends[last] - starts[first]
        groups = zip(starts[first].tolist(), lengths.tolist(), strict=True)
        data = b"".join([self._read(start, length) for start, length in groups])
        shifts = np.repeat(starts[first] - before(lengths), last - first + 1)
        return Texts(data, starts - shifts, ends - starts)

    def _unpack(self, frame: bytes, limit: int) -> bytes:
        try:
            return codec.unpack(frame, limit)
        except ValueError as error:
            raise self.damaged(str(error)) from None

    def _read(self, offset: int, size: int) -> bytes:
        file = self._file
        if file is None:
            raise RuntimeError(f"the reader of {self.path} is closed")
        if 0 <= offset <= offset + size <= self.version[1]:
            data = os.pread(file.descriptor, size, offset)
            if len(data) == size:
                return data
        raise self.damaged(f"it ends before byte {offset + size:,}")

    def damaged(self, reason: str) -> DamageError:
        """Return the error that names the file."""
        return DamageError(f"{self.path} is damaged: {reason}")


class _File:
    """An open file, which is closed when nobody uses it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.descriptor)


def _ascending(gids: Sequence[int]) -> tuple[Numbers, Numbers]:
    """Return gids in ascending order, each once, and where each of those given is among them."""
    wanted = numbers(gids)
    ascending = different(np.sort(wanted))
    return ascending, np.searchsorted(ascending, wanted)


def _cuts(gids: Numbers) -> Iterator[slice]:
    starts = range(0, len(gids), _RECORDS_AT_ONCE)
    return (slice(start, start + _RECORDS_AT_ONCE) for start in starts)
