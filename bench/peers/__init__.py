"""The programs that are compared: one module each, all with the same few operations."""

from __future__ import annotations

import importlib
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from bench.errors import NotInstalled


class Peer(ABC):
    """A database of sequences, to be built and asked.

    A peer has those of these operations that its program can do: ``get(key)`` and ``batch(keys)``
    return sequences, ``lengths(shortest, longest)`` the keys of all sequences of such a length,
    ``header(key)`` one and ``meta(keys)`` many (header, length), ``dump(path)`` writes FASTA.

    Parameters
    ----------
    directory : Path
        Holds the database.
    """

    key: ClassVar[str] = "gid"  # or "name": by what records are asked for
    scaling: ClassVar[tuple[str, ...]] = ()  # whether several "threads", "processes" read at once
    largest: ClassVar[int | None] = None  # the most sequences that it is given

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @staticmethod
    @abstractmethod
    def version() -> str:
        """Return name and version of the program."""

    @abstractmethod
    def build(self, fasta: Path) -> None:
        """Make the database."""

    def open(self) -> None:  # noqa: B027 (not abstract)
        """Open the finished database, unless each command does that anew."""

    def size(self, fasta: Path) -> int:
        """Return the bytes on disk that are needed to use the database."""
        return sum(path.stat().st_size for path in self.directory.rglob("*") if path.is_file())


PEERS = {
    "seqstore-portable": "ours:Portable",
    "seqstore-compact": "ours:Compact",
    "starling": "starling:Starling",
    "seqrepo": "seqrepo:Repo",
    "pyfastx": "pyfastx:Pyfastx",
    "faidx": "faidx:Faidx",
    "mmseqs2": "mmseqs2:Mmseqs2",
    "blast": "blast:Blast",
    "lmdb": "lmdb:Lmdb",
    "duckdb": "duckdb:Duckdb",
}


def load(name: str) -> type[Peer]:
    """Return a peer.

    Raises
    ------
    NotInstalled
        Saying how to install it.
    """
    module, _, cls = PEERS[name].partition(":")
    try:
        peer: type[Peer] = getattr(importlib.import_module(f"bench.peers.{module}"), cls)
    except ImportError as error:
        if module == "ours":
            raise
        package = _PACKAGES.get(error.name or "", error.name)
        raise NotInstalled(f"not installed: pip install {package}") from None
    return peer


# Where a module's name is not its package's.
_PACKAGES = {"biocommons": "biocommons.seqrepo"}


def require(program: str, package: str) -> None:
    """Refuse to go on without a program of a Debian package."""
    if not shutil.which(program):
        raise NotInstalled(f"not installed: apt-get install {package}")
