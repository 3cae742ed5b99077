"""SequenceStore: one file of sequences, written once, then read by anybody at any time."""

from __future__ import annotations

import fnmatch
import heapq
import os
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from snakemake_storage_plugin_seqstore.errors import InputError, StoreError
from snakemake_storage_plugin_seqstore.output import binary_output
from snakemake_storage_plugin_seqstore.sequences import build, codec, dump, lines
from snakemake_storage_plugin_seqstore.sequences.reader import Reader, open_file
from snakemake_storage_plugin_seqstore.sequences.schema import MAX_INT, MIN_INT
from snakemake_storage_plugin_seqstore.sequences.selection import Selection
from snakemake_storage_plugin_seqstore.sequences.sqlite_writer import Row, Writer
from snakemake_storage_plugin_seqstore.sequences.texts import Meta

_PAGE = 2000


class Record(NamedTuple):
    """One record of a database."""

    gid: int
    header: str | None
    seq: str


class SequenceStore:
    """A database of sequences, their headers, lengths and hashes.

    Made by :meth:`build`, :meth:`open_writer` or :meth:`open_reader`; each is a context manager.
    A reader may be shared between threads, and goes on working in forked processes. Every sequence
    that it returns has been checked against what was stored with it: its length and hash, or the
    checksum of its part of a compact file.
    """

    _writer: Writer | None = None
    _reader: Reader | None = None
    path: Path

    build = staticmethod(build.build)

    # ---- opening and closing

    @classmethod
    def open_writer(cls, path: str | os.PathLike[str]) -> SequenceStore:
        """Start a new database.

        Nothing is seen at ``path`` until :meth:`close_publish`. As a context manager a writer
        publishes when its block ends, and discards everything when the block raises.

        Parameters
        ----------
        path : path-like
            Where it will be; a file that is there is replaced.

        Returns
        -------
        SequenceStore
            For :meth:`insert_rows` and :meth:`close_publish`, by one thread at a time.
        """
        store = cls.__new__(cls)
        store._writer = Writer(path)
        store.path = store._writer.path
        return store

    @classmethod
    def open_reader(cls, path: str | os.PathLike[str]) -> SequenceStore:
        """Open a finished database; it is never locked, and nothing is written beside it.

        Parameters
        ----------
        path : path-like
            Any file name, with ``?``, ``#``, ``%`` or spaces too.

        Returns
        -------
        SequenceStore

        Raises
        ------
        StoreError
            If it is missing or not a sequence database.
        DamageError
            If it is truncated or damaged.
        """
        store = cls.__new__(cls)
        store.path = Path(os.fsdecode(path))
        store._reader = open_file(store.path)
        return store

    def close(self) -> None:
        """Close a reader, or a writer without publishing: then nothing of it remains."""
        if self._writer is not None:
            self._writer.close()
        if self._reader is not None:
            self._reader.close()

    def __enter__(self) -> SequenceStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None and self._writer is not None and not self._writer.closed:
            self.close_publish()
        else:
            self.close()

    def __del__(self) -> None:
        self.close()

    def __repr__(self) -> str:
        mode = "reader" if self._writer is None else "writer"
        return f"<SequenceStore {mode} of {str(self.path)!r}>"

    # ---- writing

    def insert_rows(self, rows: Iterable[Row]) -> None:
        """Add rows: all of them, or none if one is wrong.

        Parameters
        ----------
        rows : iterable of tuple
            ``(gid, len, hash8, seq, shard, local_idx, header)``, see :meth:`encode_seq`,
            :meth:`hash8` and :meth:`encode_header`. The length is in characters.

        Raises
        ------
        InputError
            If a row is malformed or its gid is taken.
        StoreError
            If the file cannot be written; it can then not be published any more.
        """
        self._writing().insert(rows)

    def close_publish(self) -> None:
        """Make the database durable and put it in its place, in one step for every reader.

        Raises
        ------
        StoreError
            If anything failed; what was at the path is then still there.
        """
        self._writing().publish()

    def _writing(self) -> Writer:
        if self._writer is None:
            raise RuntimeError(f"{self!r}: this needs a writer (SequenceStore.open_writer)")
        return self._writer

    # ---- single records

    def get_seq(self, gid: int) -> str | None:
        """Return a sequence, or None if there is no such gid."""
        data = self._reading().sequence(int(gid))
        return None if data is None else data.decode()

    def get_subseq(self, gid: int, start: int, end: int) -> str | None:
        """Return part of a sequence, or None if there is no such gid.

        Parameters
        ----------
        gid : int
            The record.
        start, end : int
            0-based, half-open, in characters.

        Raises
        ------
        InputError
            If the range is not within the sequence.
        """
        seq = self.get_seq(gid)
        if seq is None:
            return None
        if not 0 <= start <= end <= len(seq):
            raise InputError(
                f"{self.path}: {start}-{end} is not within gid {gid}, which has {len(seq)} residues"
            )
        return seq[start:end]

    def get_header_len(self, gid: int) -> tuple[str | None, int | None]:
        """Return header and length, or (None, None) if there is no such gid."""
        return self.get_many_header_len([gid])[0][1:]

    # ---- many records

    def get_many_header_len(self, gids: Iterable[int]) -> list[tuple[int, str | None, int | None]]:
        """Return (gid, header, length) of each gid, in the order asked.

        A gid that is asked for twice is there twice; one that does not exist has None for the rest.
        """
        return [meta[:3] for meta in self.get_many_meta(gids)]

    def get_many_meta(
        self, gids: Iterable[int]
    ) -> list[tuple[int, str | None, int | None, int | None]]:
        """Return (gid, header, length, hash8) of each gid, in the order asked.

        A gid that is asked for twice is there twice; one that does not exist has None for the rest.
        """
        wanted = list(map(int, gids))
        found: dict[int, Meta] = {}
        for metas in self._reading().metas(wanted):
            found.update((meta[0], meta) for meta in metas)
        return [found.get(gid) or (gid, None, None, None) for gid in wanted]

    def get_many_seqs(self, gids: Iterable[int]) -> list[str | None]:
        """Return the sequence of each gid, in the order asked; None where it does not exist."""
        wanted = list(map(int, gids))
        found: dict[int, str] = {}
        for seqs in self._reading().sequences(wanted):
            found.update(seqs)
        return list(map(found.get, wanted))

    def __len__(self) -> int:
        return len(self._reading())

    def __iter__(self) -> Iterator[Record]:
        """Iterate over all records by ascending gid, in bounded memory."""
        return self.records()

    def records(self, gids: Iterable[int] | None = None) -> Iterator[Record]:
        """Iterate over records in bounded memory.

        Parameters
        ----------
        gids : iterable of int, optional
            Which ones, in this order; by default all, by ascending gid.

        Yields
        ------
        Record

        Raises
        ------
        InputError
            If a gid does not exist.
        """
        for page in self._reading().pages(gids):
            headers = self._reading().texts(page.gids, page.headers)
            yield from map(Record, page.gids, headers, map(bytes.decode, page.seqs))

    # ---- finding

    def get_gids_by_length_range(self, min_len: int | None, max_len: int | None) -> list[int]:
        """Return the gids of all sequences with ``min_len`` to ``max_len`` residues, both included.

        None means no limit at that end. They come by length, then by gid.
        """
        low = MIN_INT if min_len is None else max(int(min_len), MIN_INT)
        high = MAX_INT if max_len is None else min(int(max_len), MAX_INT)
        return self._reading().with_length(low, high)

    def find_hash(self, hash8: int) -> list[int]:
        """Return the gids of all sequences with this :meth:`hash8`, ascending."""
        return self._reading().with_hash(hash8)

    def find_name(self, name: str) -> list[int]:
        """Return the gids of all records whose header has this first word, ascending."""
        word = name.encode()
        if codec.first_word(word) != word or not word:
            return []
        return self._reading().with_name(word)

    def find_header(self, header: str) -> list[int]:
        """Return the gids of all records with exactly this header, ascending."""
        return self._reading().with_header(header.encode())

    def select(self, selection: Selection) -> list[int]:
        """Return the gids of a selection, ascending, each once.

        Raises
        ------
        InputError
            If one of the gids that the selection names does not exist.
        """
        gids = sorted(self.get_gids_by_length_range(selection.min_len, selection.max_len))
        if selection.gids is not None:
            wanted = set(selection.gids)
            others = wanted.difference(gids)
            known = (meta[0] for metas in self._reading().metas(others) for meta in metas)
            if missing := others.difference(known):
                few = ", ".join(map(str, sorted(missing)[:5]))
                raise InputError(f"{self.path} has no gid {few}", f"{len(missing):,} are missing")
            gids = [gid for gid in gids if gid in wanted]
        if selection.name is not None or selection.header is not None:
            gids = self._matching(gids, selection)
        if selection.sample is not None:
            # Of all of Python's generators, random() alone is promised to stay the same for ever.
            draw = random.Random(selection.seed).random
            gids = sorted(
                gid for _, gid in heapq.nsmallest(selection.sample, ((draw(), g) for g in gids))
            )
        return gids

    def _matching(self, gids: list[int], selection: Selection) -> list[int]:
        if selection.name is not None and not re.search(r"[*?\[]", selection.name):
            named = set(self.find_name(selection.name))
            gids = [gid for gid in gids if gid in named]
        name = re.compile(fnmatch.translate(selection.name or "*")).match
        whole = re.compile(fnmatch.translate(selection.header or "*")).match
        found = []
        for start in range(0, len(gids), _PAGE):
            for gid, header, _ in self.get_many_header_len(gids[start : start + _PAGE]):
                text = header or ""
                word = codec.first_word(text.encode()).decode()
                if name(word) and whole(text):
                    found.append(gid)
        return found

    # ---- out

    def write_fasta(
        self, target: str | os.PathLike[str] | BinaryIO, gids: Iterable[int] | None = None
    ) -> int:
        """Write records as FASTA, with their headers as stored and 60 residues a line.

        Parameters
        ----------
        target : path-like or binary file
            A path ending in ``.gz`` or ``.zst`` is compressed; it appears when it is complete.
        gids : iterable of int, optional
            Which records, in this order; by default all, by ascending gid.

        Returns
        -------
        int
            Number of records written. One without header gets its gid as name.

        Raises
        ------
        InputError
            If a gid does not exist, or a header has a line break.
        """
        with binary_output(target, compress=True) as out:
            return dump.write(self._reading(), gids, out)

    @classmethod
    def validate(cls, path: str | os.PathLike[str], deep: bool = False) -> int:
        """Check that a file is a sound, non-empty sequence database.

        Parameters
        ----------
        path : path-like
            The file.
        deep : bool
            Also decode every record and compare it with its hash or checksum, and with what the
            indexes say of it; refuse sequences with blanks, control characters, ``>`` or ``;``,
            which would be taken for something else where they are written.

        Returns
        -------
        int
            Number of sequences.

        Raises
        ------
        SeqstoreError
            With the reason.
        """
        with cls.open_reader(path) as store:
            store._reading().check(deep)
            if not len(store):
                raise StoreError(f"{store.path} has no sequences")
            if deep:
                for page in store._reading().pages():
                    store._reading().texts(page.gids, page.headers)
                    lines.require_residues(store.path, page)
            return len(store)

    # ---- the seed's encoding

    @staticmethod
    def hash8(seq: str) -> int:
        """Return the first 8 bytes of the sequence's SHA-1 as a little-endian signed integer."""
        return codec.hash8(seq.encode())

    @staticmethod
    def encode_seq(seq: str, compress: bool = True) -> bytes:
        """Encode a sequence: flag 0x01 and a zstd frame if ``compress``, else 0x00 and the text."""
        return codec.encode_text(seq, compress)

    @staticmethod
    def decode_seq(blob: bytes) -> str:
        """Decode what :meth:`encode_seq` made."""
        return codec.decode_text(blob)

    @staticmethod
    def encode_header(header: str | None, compress: bool = True) -> bytes | None:
        """Encode a header like a sequence; None stays None."""
        return None if header is None else codec.encode_text(header, compress)

    @staticmethod
    def decode_header(blob: bytes | None) -> str | None:
        """Decode what :meth:`encode_header` made."""
        return codec.decode_text(blob, codec.MAX_HEADER_BYTES) if blob else None

    def _reading(self) -> Reader:
        if self._reader is None:
            raise RuntimeError(f"{self!r}: this needs a reader (SequenceStore.open_reader)")
        return self._reader
