"""What a genome is, in a few numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.genomes.genome import WINDOW, Genome
from snakemake_storage_plugin_seqstore.genomes.refget import SequenceCollection, refget_digest

_STRONG, _WEAK, _UNKNOWN = b"GCS", b"ATUW", b"N"
_UPPER = 0xDF  # turns a letter into its upper case


@dataclass(frozen=True)
class Summary:
    """What is in a genome.

    Parameters
    ----------
    collection : SequenceCollection
        Names, lengths in bp and refget digests of its sequences.
    circular : tuple of str
        Names of the circular ones.
    strong, weak : int
        Number of G, C and S, and of A, T, U and W.
    unknown : int
        Number of N.
    masked : int
        Number of letters in lower case.
    """

    collection: SequenceCollection
    circular: tuple[str, ...]
    strong: int
    weak: int
    unknown: int
    masked: int

    @classmethod
    def of(
        cls, genome: Genome, look: Callable[[str, int, bytes], None] = lambda *window: None
    ) -> Summary:
        """Go through a genome once.

        Parameters
        ----------
        look : callable, optional
            Is called with each window: the name of its sequence, its start, its letters.
        """
        lengths = genome.chrom_lengths
        digests = []
        letters = _Letters()
        for name in lengths:
            sha512 = hashlib.sha512()
            at = 0
            for window in genome.windows(name):
                look(name, at, window)
                letters.add(window)
                sha512.update(window.upper())
                at += len(window)
            digests.append(refget_digest(sha512))
        letters.count()
        collection = SequenceCollection(tuple(lengths), tuple(lengths.values()), tuple(digests))
        circular = tuple(name for name in lengths if genome.is_circular(name))
        return cls(
            collection, circular, letters.strong, letters.weak, letters.unknown, letters.masked
        )

    @property
    def gc(self) -> float | None:
        """Fraction of G, C and S among the bases that are known; None if none is."""
        known = self.strong + self.weak
        return round(self.strong / known, 6) if known else None

    def rows(self) -> dict[str, Any]:
        """What is shown to people, by what it is called."""
        lengths = self.collection.lengths
        return {
            "sequences": len(lengths),
            "bases": sum(lengths),
            "shortest": min(lengths),
            "longest": max(lengths),
            "circular": len(self.circular),
            "GC": self.gc,
            "N": self.unknown,
            "masked": self.masked,
            "refget": self.collection.digest,
        }


class _Letters:
    """Counts letters; those of many short sequences at once."""

    def __init__(self) -> None:
        self.strong = self.weak = self.unknown = self.masked = 0
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, window: bytes) -> None:
        """Take what is to be counted."""
        self._parts.append(window)
        self._size += len(window)
        if self._size >= WINDOW:
            self.count()

    def count(self) -> None:
        """Count what was taken."""
        letters = np.frombuffer(b"".join(self._parts), np.uint8)
        upper = letters & _UPPER
        self.strong += _count(upper, _STRONG)
        self.weak += _count(upper, _WEAK)
        self.unknown += _count(upper, _UNKNOWN)
        self.masked += int(np.count_nonzero(upper != letters))
        self._parts, self._size = [], 0


def _count(upper: np.ndarray, letters: bytes) -> int:
    return sum(int(np.count_nonzero(upper == letter)) for letter in letters)
