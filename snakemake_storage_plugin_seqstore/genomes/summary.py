"""What a genome is, in a few numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from snakemake_storage_plugin_seqstore.genomes.genome import Genome
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
        strong = weak = unknown = masked = 0
        for name in lengths:
            sha512 = hashlib.sha512()
            at = 0
            for window in genome.windows(name):
                look(name, at, window)
                letters = np.frombuffer(window, np.uint8)
                upper = letters & _UPPER
                strong += _count(upper, _STRONG)
                weak += _count(upper, _WEAK)
                unknown += _count(upper, _UNKNOWN)
                lower = int(np.count_nonzero(upper != letters))
                masked += lower
                sha512.update(window.upper() if lower else window)
                at += len(window)
            digests.append(refget_digest(sha512))
        collection = SequenceCollection(tuple(lengths), tuple(lengths.values()), tuple(digests))
        circular = tuple(name for name in lengths if genome.is_circular(name))
        return cls(collection, circular, strong, weak, unknown, masked)

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


def _count(upper: np.ndarray, letters: bytes) -> int:
    return sum(int(np.count_nonzero(upper == letter)) for letter in letters)
