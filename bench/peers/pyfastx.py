"""pyfastx: an SQLite index beside the FASTA file."""

from __future__ import annotations

from pathlib import Path

import pyfastx

from bench.peers import Peer


class Pyfastx(Peer):
    """The index; sequences stay in the FASTA file, which counts as disk too (by the link to it)."""

    scaling = ("processes",)

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        return f"pyfastx {pyfastx.__version__}"

    def build(self, fasta: Path) -> None:
        """Make the index."""
        (self.directory / "seqs.fasta").symlink_to(fasta)
        self.open()

    def open(self) -> None:
        """Open the FASTA file with its index."""
        self._fasta = pyfastx.Fasta(str(self.directory / "seqs.fasta"))

    def get(self, gid: int) -> str:
        """Return one sequence."""
        return str(self._fasta[gid].seq)

    def batch(self, gids: list[int]) -> list[str]:
        """Return the sequences: it has no method for many."""
        return [self._fasta[gid].seq for gid in gids]

    def lengths(self, shortest: int, longest: int) -> list[str]:
        """Return the names of all sequences of such a length."""
        keys = self._fasta.keys()
        return list(keys.filter(keys >= shortest, keys <= longest))

    def header(self, gid: int) -> tuple[str, int]:
        """Return header and length."""
        record = self._fasta[gid]
        return record.description, len(record)

    def meta(self, gids: list[int]) -> list[tuple[str, int]]:
        """Return header and length of each: it has no method for many."""
        return [self.header(gid) for gid in gids]

    def dump(self, path: Path) -> None:
        """Write FASTA."""
        with open(path, "w") as out:
            for record in self._fasta:
                out.write(record.raw)
