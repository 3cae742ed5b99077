"""MMseqs2's databases, by its command line."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.data import read_fasta
from bench.peers import Peer, require


class Mmseqs2(Peer):
    """createdb without shuffling, so that its keys are the positions in the FASTA file."""

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        require("mmseqs", "mmseqs2")
        return f"MMseqs2 {subprocess.check_output(['mmseqs', 'version'], text=True).strip()}"

    def build(self, fasta: Path) -> None:
        """Make the database."""
        _mmseqs("createdb", fasta, self._db, "--shuffle", "0", "--dbtype", "1")

    def batch(self, gids: list[int]) -> list[str]:
        """Return the sequences: a subset as a database, then that as FASTA."""
        ids, subset = self.directory / "ids", self.directory / "subset"
        ids.write_text("".join(f"{gid}\n" for gid in gids))
        _mmseqs("createsubdb", ids, self._db, subset, "--subdb-mode", "1")
        fasta = self.directory / "subset.fasta"
        _mmseqs("convert2fasta", subset, fasta)
        # They come by key.
        found = dict(zip(sorted(gids), (seq for _, seq in read_fasta(fasta)), strict=True))
        for path in self.directory.glob("subset*"):
            path.unlink()
        return [found[gid] for gid in gids]

    def lengths(self, shortest: int, longest: int) -> list[int]:
        """Return the keys of all sequences of such a length, by a scan of the text index."""
        low, high = shortest + 2, longest + 2  # it counts a line feed and a NUL
        with open(f"{self._db}.index", "rb") as index:
            return [int(key) for key, _, n in map(bytes.split, index) if low <= int(n) <= high]

    def dump(self, path: Path) -> None:
        """Write FASTA."""
        _mmseqs("convert2fasta", self._db, path)

    @property
    def _db(self) -> Path:
        return self.directory / "db"


def _mmseqs(*words: str | Path) -> None:
    subprocess.run(["mmseqs", *words, "-v", "1"], check=True, stdout=subprocess.DEVNULL)
