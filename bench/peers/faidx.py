"""A bgzip-compressed FASTA file with the index of samtools faidx, by pysam."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pysam

from bench.peers import Peer, require


class Faidx(Peer):
    """bgzip and faidx."""

    key = "name"

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        require("bgzip", "tabix")
        return f"bgzip + pysam {version('pysam')}"

    def build(self, fasta: Path) -> None:
        """Compress and index."""
        with open(self._path, "wb") as out:
            command: list[str | Path] = ["bgzip", "-c", "-@", str(os.cpu_count() or 1), fasta]
            subprocess.run(command, stdout=out, check=True)
        pysam.faidx(str(self._path))

    def open(self) -> None:
        """Open it."""
        self._fasta = pysam.FastaFile(str(self._path))
        self.get = self._fasta.fetch

    def batch(self, names: list[str]) -> list[str]:
        """Return the sequences: it has no method for many."""
        return [self._fasta.fetch(name) for name in names]

    def lengths(self, shortest: int, longest: int) -> list[str]:
        """Return the names of all sequences of such a length, from the index in memory."""
        pairs = zip(self._fasta.references, self._fasta.lengths, strict=True)
        return [name for name, length in pairs if shortest <= length <= longest]

    def dump(self, path: Path) -> None:
        """Write FASTA."""
        with open(path, "wb") as out:
            command: list[str | Path] = ["bgzip", "-dc", "-@", str(os.cpu_count() or 1), self._path]
            subprocess.run(command, stdout=out, check=True)

    @property
    def _path(self) -> Path:
        return self.directory / "seqs.fa.gz"
