"""seqstore itself, in its two encodings."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from bench.peers import Peer
from snakemake_storage_plugin_seqstore.sequences import SequenceStore


class Portable(Peer):
    """The encoding that starling reads too."""

    scaling = ("threads", "processes")
    encoding: Literal["portable", "compact"] = "portable"

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        try:
            return f"seqstore {version('snakemake-storage-plugin-seqstore')}"
        except PackageNotFoundError:
            return "seqstore (source tree)"

    def build(self, fasta: Path) -> None:
        """Make the database."""
        threads = os.cpu_count() or 1
        SequenceStore.build(self._path, [fasta], encoding=self.encoding, threads=threads)

    def open(self) -> None:
        """Open the finished database."""
        self._store = SequenceStore.open_reader(self._path)
        self.get = self._store.get_seq
        self.batch = self._store.get_many_seqs
        self.lengths = self._store.get_gids_by_length_range
        self.header = self._store.get_header_len
        self.dump = self._store.write_fasta

    def meta(self, gids: list[int]) -> list[tuple[str | None, int | None]]:
        """Return header and length of each."""
        return [(header, length) for _, header, length, _ in self._store.get_many_meta(gids)]

    @property
    def _path(self) -> Path:
        return self.directory / "seqs.sqlite"


class Compact(Portable):
    """The encoding for least space."""

    encoding = "compact"
