"""A region of a genome: the record that all tracks are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Region:
    """One element of a track: a peak, a gene, a hit.

    Parameters
    ----------
    chrom : str
        Chromosome or contig.
    start, end : int
        0-based, half-open.
    strand : str
        ``+``, ``-`` or ``.``.
    score : float
        Score.
    name : str
        Name to be shown.
    tags : dict
        All else that is known about it.

    Examples
    --------
    >>> Region("chr1", 100, 200, strand="+", name="geneA")
    Region(chrom='chr1', start=100, end=200, strand='+', score=0.0, name='geneA', tags={})
    >>> Region("chr1", 100, 200).length
    100
    """

    chrom: str
    start: int
    end: int
    strand: str = "."
    score: float = 0.0
    name: str = ""
    tags: dict[str, Any] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Length in bp."""
        return self.end - self.start

    @property
    def center(self) -> int:
        """Middle, rounded down."""
        return (self.start + self.end) // 2

    def __hash__(self) -> int:
        # A dict has no hash; equal regions have equal hashes all the same.
        return hash((self.chrom, self.start, self.end, self.strand, self.score, self.name))
