"""The store of genomes, in memory or in a store on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from snakemake_storage_plugin_seqstore.collections.genomes import COLLECTION, open_payload
from snakemake_storage_plugin_seqstore.collections.payload import Payload
from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.genomes import formats, opening
from snakemake_storage_plugin_seqstore.genomes.genome import Genome, Sequences
from snakemake_storage_plugin_seqstore.object_stores.shelf import InMemory, Kept, OnDisk, Shelf
from snakemake_storage_plugin_seqstore.tracks.region import Region


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
    """Genomes in memory, or in a store on disk.

    On disk a genome that came from a file is that file, and others are FASTA; what a file cannot
    say (features, metadata) is kept beside it. Ids follow from the content then: a genome that is
    put twice is there once, and everybody finds it under the same id.

    Parameters
    ----------
    root : path, optional
        Root of a store; in memory by default.

    Examples
    --------
    >>> from snakemake_storage_plugin_seqstore import Genome
    >>> store = GenomeStore()
    >>> gid = store.put(Genome("test", {}, {"chr1": "ATCG"}, (), {}))
    >>> store.get(gid).chrom_lengths
    {'chr1': 4}
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self._shelf: Shelf[Genome] = InMemory() if root is None else on_disk(root)

    def put(self, genome: Genome) -> str:
        """Keep a genome; return its UUID.

        Raises
        ------
        SeqstoreError
            On disk, if it is no sound genome, or the store cannot be written.
        """
        return self._shelf.put(genome)

    def get(self, genome_id: str) -> StoredGenome | None:
        """Return a genome, None if there is none of this id."""
        kept = self._shelf.get(genome_id)
        return StoredGenome(kept.id, kept.item, kept.created_at) if kept else None

    def delete(self, genome_id: str) -> bool:
        """Forget a genome; say whether it was there."""
        return self._shelf.delete(genome_id)

    def list_all(self) -> list[StoredGenome]:
        """Return all genomes in order of creation; those on disk are opened when they are used."""
        return [_Listed(kept) for kept in self._shelf.list_all()]

    def find(self, query: str) -> str | None:
        """Return the id of what a name on disk means, e.g. ``"genomes/hg38.fa"``; None if nothing.

        Raises
        ------
        QueryError
            If it is no query of a genome, or a view.
        """
        return self._shelf.find(query)


def on_disk(root: str | os.PathLike[str]) -> Shelf[Genome]:
    """Return the genomes of a store on disk."""
    return OnDisk(root, _Codec())


class _Listed(StoredGenome):
    """A genome in a store that is opened when it is used."""

    def __init__(self, kept: Kept[Genome]) -> None:
        object.__setattr__(self, "id", kept.id)
        object.__setattr__(self, "created_at", kept.created_at)
        object.__setattr__(self, "_kept", kept)

    @property
    def genome(self) -> Genome:
        """The genome itself."""
        kept: Kept[Genome] = self.__dict__["_kept"]
        return kept.item


class _Codec:
    """Genomes as files."""

    collection = COLLECTION.name

    def holds(self, name: str) -> bool:
        return formats.promised(name) is not None

    def write(self, item: Genome, directory: Path) -> tuple[Path, str, str]:
        from snakemake_storage_plugin_seqstore.genomes.fasta import write_fasta
        from snakemake_storage_plugin_seqstore.genomes.validation import check

        path = item.sequences.path if isinstance(item.sequences, Sequences) else None
        if path is None:
            path = directory / "genome"
            with path.open("wb") as out:
                write_fasta(out, item)
        suffix = formats.suffix(*opening.told(path))
        check(path, f"{item.name}{suffix}")
        return path, item.name, suffix

    def extras(self, item: Genome, path: Path) -> Mapping[str, Any]:
        with opening.open(path) as said:
            if said.chrom_lengths != item.chrom_lengths:
                raise InputError(f"{path} changed since it was opened", "open it again")
            ours, theirs = _describe(item), _describe(said)
        return {key: value for key, value in ours.items() if value != theirs[key]}

    def read(self, payload: Payload, extras: Mapping[str, Any]) -> Genome:
        genome = open_payload(payload)
        features = extras.get("features")
        if features is None:
            return replace(genome, **extras)
        made = tuple(Region(*value) if kind == "region" else value for kind, value in features)
        return replace(genome, **{**extras, "features": made})


def _describe(genome: Genome) -> dict[str, Any]:
    """What is known of a genome beside its sequences, as values that are plain Python."""
    features = [
        ("region", astuple(feature)) if isinstance(feature, Region) else ("other", feature)
        for feature in genome.features
    ]
    return {
        "metadata": dict(genome.metadata),
        "features": tuple(features),
        "topologies": {chrom: genome.topologies[chrom] for chrom in genome.topologies},
    }
