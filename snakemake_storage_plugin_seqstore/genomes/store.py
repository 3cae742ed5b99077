"""The in-memory store of genomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from snakemake_storage_plugin_seqstore.genomes.genome import Genome
from snakemake_storage_plugin_seqstore.in_memory import Shelf


@dataclass(frozen=True)
class StoredGenome:
    """A genome in a store.

    Parameters
    ----------
    id : str
        UUID of the genome in its store.
    genome : Genome
        The genome itself.
    created_at : datetime, optional
        When it was put into the store.

    Examples
    --------
    >>> from snakemake_storage_plugin_seqstore import Genome
    >>> g = Genome("test", {}, {"chr1": "ATCG"}, (), {})
    >>> sg = StoredGenome("abc", g)
    >>> sg.chrom_lengths
    {'chr1': 4}
    """

    id: str
    genome: Genome
    created_at: datetime | None = None

    @property
    def chrom_lengths(self) -> dict[str, int]:
        """Chromosomes and their lengths in bp."""
        return self.genome.chrom_lengths


class GenomeStore:
    """Genomes in memory.

    Examples
    --------
    >>> from snakemake_storage_plugin_seqstore import Genome
    >>> store = GenomeStore()
    >>> gid = store.put(Genome("test", {}, {"chr1": "ATCG"}, (), {}))
    >>> store.get(gid).chrom_lengths
    {'chr1': 4}
    """

    def __init__(self) -> None:
        self._shelf: Shelf[StoredGenome] = Shelf()

    def put(self, genome: Genome) -> str:
        """Keep a genome; return its UUID."""
        genome_id = self._shelf.new_id()
        self._shelf.add(genome_id, StoredGenome(genome_id, genome, datetime.now(UTC)))
        return genome_id

    def get(self, genome_id: str) -> StoredGenome | None:
        """Return a genome, None if there is none of this id."""
        return self._shelf.get(genome_id)

    def delete(self, genome_id: str) -> bool:
        """Forget a genome; say whether it was there."""
        return self._shelf.delete(genome_id)

    def list_all(self) -> list[StoredGenome]:
        """Return all genomes in order of creation."""
        return self._shelf.list_all()
