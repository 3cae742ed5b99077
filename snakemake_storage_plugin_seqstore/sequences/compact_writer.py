"""From records to a compact file."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import accumulate, compress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.sequences import codec, compact_format
from snakemake_storage_plugin_seqstore.sequences.compact_format import (
    BLOCK_BYTES,
    CHUNK_NUMBERS,
    CRC,
    ENTRY,
    HEAD,
    PAGE_RECORDS,
    TAIL,
)
from snakemake_storage_plugin_seqstore.sequences.compact_reader import CompactReader
from snakemake_storage_plugin_seqstore.sequences.filters import Distinct, Kept
from snakemake_storage_plugin_seqstore.sequences.loader import Loader, Place
from snakemake_storage_plugin_seqstore.sequences.publish import beside, publish, syncing
from snakemake_storage_plugin_seqstore.sequences.sorter import Sorter

_PIECE_BYTES = 1 << 20
_PAGE_BYTES = PAGE_RECORDS * ENTRY.size  # of entries


class _Encoded(NamedTuple):
    blocks: list[bytes]
    pages: list[bytes]


class CompactLoader(Loader):
    """Puts records into a compact file.

    Parameters
    ----------
    path : Path
        The target.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._shards: list[int] = []
        self._longest = 0
        self._distinct = Distinct()
        # What is left over until it fills a block or a page.
        self._residues_left = b""
        self._entries_left = b""
        self._headers_left: list[bytes] = []
        with self._guard(), contextlib.ExitStack() as files:
            directory = path.parent
            self._building = beside(path)
            files.callback(self._building.unlink, missing_ok=True)
            self._out: BinaryIO = files.enter_context(open(self._building, "xb"))
            # Pages follow the blocks, and tables of their sizes follow both.
            self._pages, self._block_sizes, self._page_sizes = (
                files.enter_context(tempfile.TemporaryFile(dir=directory)) for _ in range(3)
            )
            self._lengths, self._hashes, self._names = (
                files.enter_context(contextlib.closing(Sorter(directory))) for _ in range(3)
            )
            self._out.write(HEAD.pack(compact_format.MAGIC, compact_format.VERSION))
            files.callback(self._distinct.close)
            self._files = files.pop_all()

    def close(self) -> None:
        """Discard what was not published."""
        with contextlib.suppress(OSError):  # what a full disk still lacks is of no use any more
            self._files.close()

    def submit(self, encoders: Executor, kept: Kept) -> Future[_Encoded]:
        """Begin to encode a batch."""
        lengths = list(map(len, kept.seqs))
        self._longest = max(self._longest, *lengths)
        if (
            self.written + len(lengths) > compact_format.MAX_RECORDS
            or self._longest > codec.MAX_BYTES
        ):
            raise InputError(
                f"{self.path}: at most {compact_format.MAX_RECORDS:,} records, of at most "
                f"{codec.MAX_BYTES:,} residues, fit into a compact file"
            )
        while len(self._shards) <= kept.shard:
            self._shards.append(self.written)
        hashes = codec.hashes8(kept.digests)
        starts, new = self._distinct.add(kept.digests, lengths)
        with self._guard():
            self._lengths.add(lengths)
            self._hashes.add(compact_format.keys_of_hashes(hashes))
            self._names.add(compact_format.keys_of_names(kept.names()))
        text = b"".join([self._residues_left, *compress(kept.seqs, new)])
        full = len(text) - len(text) % BLOCK_BYTES
        self._residues_left = text[full:]
        blocks = [text[i : i + BLOCK_BYTES] for i in range(0, full, BLOCK_BYTES)]
        fresh = map(ENTRY.pack, hashes, starts, lengths, kept.indexes)
        entries = b"".join([self._entries_left, *fresh])
        headers = self._headers_left + kept.headers
        full = len(headers) - len(headers) % PAGE_RECORDS
        self._entries_left, entries = entries[full * ENTRY.size :], entries[: full * ENTRY.size]
        self._headers_left, headers = headers[full:], headers[:full]
        return encoders.submit(_encode, blocks, entries, headers)

    def insert(self, encoded: _Encoded) -> None:
        """Write an encoded batch."""
        with self._guard():
            for parts, sizes, out in (
                (encoded.blocks, self._block_sizes, self._out),
                (encoded.pages, self._page_sizes, self._pages),
            ):
                out.write(b"".join(parts))
                sizes.write(array("I", map(len, parts)))

    def finish(self) -> None:
        """Write what is needed to find records."""
        left = [self._residues_left] if self._residues_left else []
        self.insert(_encode(left, self._entries_left, self._headers_left))
        with self._guard(), syncing(self._building):
            first_page = self._out.tell()
            self._pages.seek(0)
            shutil.copyfileobj(self._pages, self._out, _PIECE_BYTES)
            footer = {
                "records": self.written,
                "residues": self._distinct.total,
                "longest": self._longest,
                "shards": self._shards,
                "tables": {
                    "blocks": self._table(_offsets(self._block_sizes, HEAD.size)),
                    "pages": self._table(_offsets(self._page_sizes, first_page)),
                    "lengths": self._table(self._lengths.sorted()),
                    "hashes": self._table(self._hashes.sorted()),
                    "names": self._table(self._names.sorted()),
                },
            }
            start = self._out.tell()
            text = json.dumps(footer).encode()
            if len(text) > compact_format.MAX_FOOTER_BYTES:
                raise InputError(f"{self.path}: {len(self._shards):,} source files are too many")
            (frame,) = codec.pack_many([text], codec.HEADER_LEVEL)
            self._out.write(frame + TAIL.pack(start, len(frame), compact_format.MAGIC))
            self._out.flush()

    def _table(self, pieces: Iterable[array[int]]) -> tuple[int, int]:
        """Write integers; return where they begin and how many they are."""
        start, length = self._out.tell(), 0
        left = b""
        for piece in pieces:
            length += len(piece)
            left += compact_format.little_endian(piece).tobytes()
            full = len(left) - len(left) % (8 * CHUNK_NUMBERS)
            self._chunks(left[:full])
            left = left[full:]
        self._chunks(left)
        return start, length

    def _chunks(self, data: bytes) -> None:
        for i in range(0, len(data), 8 * CHUNK_NUMBERS):
            chunk = data[i : i + 8 * CHUNK_NUMBERS]
            self._out.write(CRC.pack(zlib.crc32(chunk)) + chunk)

    def same_name(self) -> tuple[int, int] | None:
        """Return the gids of two records with the same name, if there are any."""
        with contextlib.closing(CompactReader(self._building)) as reader:
            return reader.same_name()

    def place(self, gid: int) -> Place:
        """Return where a record comes from."""
        with contextlib.closing(CompactReader(self._building)) as reader:
            (page,) = reader.pages([gid])
            return Place(*reader.place(gid), codec.first_word(page.headers[0] or b""))

    def publish(self) -> None:
        """Make the file durable and put it in the target's place."""
        with self._guard():
            publish(self._building, self.path)
        self.close()

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"cannot write {self.path}: {error.strerror}") from error


def _encode(blocks: list[bytes], entries: bytes, headers: list[bytes]) -> _Encoded:
    texts = [
        b"\n".join(headers[i : i + PAGE_RECORDS]) for i in range(0, len(headers), PAGE_RECORDS)
    ]
    frames = codec.pack_many(texts, codec.HEADER_LEVEL)
    pages = []
    for i, frame in enumerate(frames):
        packed = entries[i * _PAGE_BYTES : (i + 1) * _PAGE_BYTES]
        pages.append(CRC.pack(zlib.crc32(packed)) + packed + frame)
    return _Encoded(codec.pack_many(blocks, codec.SEQUENCE_LEVEL), pages)


def _offsets(sizes: BinaryIO, start: int) -> Iterator[array[int]]:
    """Give where each part begins, and where the last one ends, given all their sizes."""
    sizes.seek(0)
    yield array("Q", [start])
    while data := sizes.read(_PIECE_BYTES):
        _, *offsets = accumulate(array("I", data), initial=start)
        start = offsets[-1]
        yield array("Q", offsets)
