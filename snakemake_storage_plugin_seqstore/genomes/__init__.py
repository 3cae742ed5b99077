"""Genomes: FASTA, GenBank and 2bit files, and genomes in memory.

The names are loaded when they are first used, as Snakemake imports this package on every call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.genomes.genome import Genome
    from snakemake_storage_plugin_seqstore.genomes.opening import open
    from snakemake_storage_plugin_seqstore.genomes.refget import SequenceCollection
    from snakemake_storage_plugin_seqstore.genomes.summary import Summary
    from snakemake_storage_plugin_seqstore.genomes.twobit import write_twobit

__all__ = [
    "Genome",
    "SequenceCollection",
    "Summary",
    "open",
    "write_twobit",
]

_HOMES = {
    "genome": ("Genome",),
    "opening": ("open",),
    "refget": ("SequenceCollection",),
    "summary": ("Summary",),
    "twobit": ("write_twobit",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
