"""A genome in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Genome:
    """A named set of chromosomes.

    Parameters
    ----------
    name : str
        Name of the assembly.
    metadata : mapping of str to object
        Whatever is known about it.
    sequences : mapping of str to str
        Chromosomes by name, in order.
    features : sequence
        What is annotated on it.
    topologies : mapping of str to str
        ``"circular"`` for each chromosome that is; the others are linear.
    """

    name: str
    metadata: Mapping[str, Any]
    sequences: Mapping[str, str]
    features: Sequence[Any]
    topologies: Mapping[str, str]

    @property
    def chrom_lengths(self) -> dict[str, int]:
        """Chromosomes and their lengths in bp."""
        return {name: len(sequence) for name, sequence in self.sequences.items()}
