"""Genomes."""

from snakemake_storage_plugin_seqstore.genomes.genome import Genome
from snakemake_storage_plugin_seqstore.genomes.store import GenomeStore, StoredGenome

__all__ = ["Genome", "GenomeStore", "StoredGenome"]
