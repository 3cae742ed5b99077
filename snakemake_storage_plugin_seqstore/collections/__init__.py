"""The collections of a store: one module each, listed here and nowhere else.

All that differs between them is in their modules: suffixes, what is checked when something is
published, views, summaries, examples. Snakemake imports this on every call: the modules import what
is heavy where they use it.
"""

from collections.abc import Mapping

from snakemake_storage_plugin_seqstore.collections import files, genomes, sequences, tracks
from snakemake_storage_plugin_seqstore.collections.collection import Collection

__all__ = ["REGISTRY", "Collection"]

REGISTRY: Mapping[str, Collection] = {
    module.COLLECTION.name: module.COLLECTION for module in (sequences, genomes, tracks, files)
}
