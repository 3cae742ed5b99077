"""BLAST+ databases, by the command line."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.peers import Peer, require


class Blast(Peer):
    """makeblastdb without parsed ids, so that records are asked for by their positions."""

    @staticmethod
    def version() -> str:
        """Return name and version of the program."""
        require("makeblastdb", "ncbi-blast+")
        first = subprocess.check_output(["makeblastdb", "-version"], text=True).split()[1]
        return f"BLAST+ {first}"

    def build(self, fasta: Path) -> None:
        """Make the database."""
        command: list[str | Path] = [
            "makeblastdb",
            "-in",
            fasta,
            "-dbtype",
            "prot",
            "-out",
            self._db,
        ]
        command += ["-blastdb_version", "4"]  # the last in which records have numbers
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def batch(self, gids: list[int]) -> list[str]:
        """Return the sequences."""
        return self._lines("%s", gids)

    def lengths(self, shortest: int, longest: int) -> list[int]:
        """Return the positions of all sequences of such a length, by a scan."""
        pairs = (line.split() for line in self._lines("%o %l"))
        return [int(gid) for gid, length in pairs if shortest <= int(length) <= longest]

    def meta(self, gids: list[int]) -> list[tuple[str, int]]:
        """Return header and length of each."""
        pairs = (line.split(" ", 1) for line in self._lines("%l %t", gids))
        return [(header, int(length)) for length, header in pairs]

    def dump(self, path: Path) -> None:
        """Write FASTA."""
        command: list[str | Path] = [
            "blastdbcmd",
            "-db",
            self._db,
            "-entry",
            "all",
            "-line_length",
            "60",
        ]
        subprocess.run([*command, "-out", path], check=True)

    def _lines(self, outfmt: str, gids: list[int] | None = None) -> list[str]:
        command: list[str | Path] = ["blastdbcmd", "-db", str(self._db), "-outfmt", outfmt]
        if gids is None:
            command += ["-entry", "all"]
        else:
            ids = self.directory / "ids"
            ids.write_text("".join(f"gnl|BL_ORD_ID|{gid}\n" for gid in gids))
            command += ["-entry_batch", str(ids)]
        return subprocess.check_output(command, text=True).splitlines()

    @property
    def _db(self) -> Path:
        return self.directory / "db"
