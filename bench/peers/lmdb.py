"""LMDB: name to header and zstd-compressed sequence, the obvious key-value store."""

from __future__ import annotations

import struct
from itertools import islice
from pathlib import Path
from typing import Any

import lmdb
import zstandard

from bench.data import read_fasta
from bench.peers import Peer

_PAIRS = 10_000
_head = struct.Struct("<IH")  # residues, bytes of the header


class Lmdb(Peer):
    """One value for each record: lengths, header, zstd frame of the sequence."""

    key = "name"
    scaling = ("processes",)

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        return f"LMDB {'.'.join(map(str, lmdb.version()))} (py-lmdb {lmdb.__version__})"

    def build(self, fasta: Path) -> None:
        """Make the database."""
        compress = zstandard.ZstdCompressor(level=1).compress

        def value(header: str, seq: str) -> bytes:
            head = header.encode()
            return _head.pack(len(seq), len(head)) + head + compress(seq.encode())

        pairs = ((h.split(None, 1)[0].encode(), value(h, seq)) for h, seq in read_fasta(fasta))
        size = 4 * fasta.stat().st_size + (64 << 20)
        with lmdb.open(str(self._path), subdir=False, map_size=size, lock=False) as env:
            while batch := list(islice(pairs, _PAIRS)):
                with env.begin(write=True) as transaction:
                    transaction.cursor().putmulti(batch)

    def open(self) -> None:
        """Open it."""
        self._env = lmdb.open(str(self._path), subdir=False, readonly=True, lock=False)
        self._decompress = zstandard.ZstdDecompressor().decompress

    def get(self, name: str) -> str:
        """Return one sequence."""
        with self._env.begin(buffers=True) as transaction:
            return self._seq(transaction.get(name.encode()))

    def batch(self, names: list[str]) -> list[str]:
        """Return the sequences."""
        with self._env.begin(buffers=True) as transaction:
            get = transaction.get
            return [self._seq(get(name.encode())) for name in names]

    def lengths(self, shortest: int, longest: int) -> list[str]:
        """Return the names of all sequences of such a length, by a scan."""
        with self._env.begin(buffers=True) as transaction:
            return [
                bytes(name).decode()
                for name, value in transaction.cursor()
                if shortest <= _head.unpack_from(value)[0] <= longest
            ]

    def header(self, name: str) -> tuple[str, int]:
        """Return header and length."""
        return self.meta([name])[0]

    def meta(self, names: list[str]) -> list[tuple[str, int]]:
        """Return header and length of each."""
        with self._env.begin(buffers=True) as transaction:
            return [self._meta(transaction.get(name.encode())) for name in names]

    def dump(self, path: Path) -> None:
        """Write FASTA, in the order of the names."""
        with self._env.begin(buffers=True) as transaction, open(path, "w") as out:
            for _, value in transaction.cursor():
                seq = self._seq(value)
                lines = [seq[i : i + 60] for i in range(0, len(seq), 60)]
                out.write("\n".join([f">{self._meta(value)[0]}", *lines, ""]))

    def _seq(self, value: Any) -> str:
        return self._decompress(value[_head.size + _head.unpack_from(value)[1] :]).decode()

    def _meta(self, value: Any) -> tuple[str, int]:
        length, size = _head.unpack_from(value)
        return bytes(value[_head.size : _head.size + size]).decode(), length

    @property
    def _path(self) -> Path:
        return self.directory / "seqs.lmdb"
