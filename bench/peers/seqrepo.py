"""biocommons SeqRepo: sequences by digest in bgzip files, aliases in SQLite."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from biocommons.seqrepo import SeqRepo

from bench.data import read_fasta
from bench.peers import Peer, require


class Repo(Peer):
    """A repository in one directory."""

    key = "name"
    largest = 20_000

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        require("bgzip", "tabix")
        return f"SeqRepo {version('biocommons.seqrepo')}"

    def build(self, fasta: Path) -> None:
        """Make the database."""
        repo = SeqRepo(str(self._root), writeable=True)
        for header, seq in read_fasta(fasta):
            repo.store(seq, [{"namespace": "bench", "alias": header.split(None, 1)[0]}])
        repo.commit()

    def open(self) -> None:
        """Open the finished database."""
        self._repo = SeqRepo(str(self._root), fd_cache_size=128)

    def get(self, name: str) -> str:
        """Return one sequence."""
        return str(self._repo.fetch(name, namespace="bench"))

    def batch(self, names: list[str]) -> list[str]:
        """Return the sequences: it has no method for many."""
        return [self.get(name) for name in names]

    def dump(self, path: Path) -> None:
        """Write FASTA; it keeps names but no headers."""
        with open(path, "w") as out:
            for record, aliases in self._repo:
                seq = record["seq"]
                lines = [seq[i : i + 60] for i in range(0, len(seq), 60)]
                for alias in aliases:
                    if alias["namespace"] == "bench":
                        out.write("\n".join([f">{alias['alias']}", *lines, ""]))

    @property
    def _root(self) -> Path:
        return self.directory / "repo"
