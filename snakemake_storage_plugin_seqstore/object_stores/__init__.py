"""TrackStore and GenomeStore: objects under ids, in memory or in a store on disk.

The names are loaded when they are first used, as Snakemake imports this package on every call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.object_stores.genomes import GenomeStore, StoredGenome
    from snakemake_storage_plugin_seqstore.object_stores.tracks import StoredTrack, TrackStore

__all__ = ["GenomeStore", "StoredGenome", "StoredTrack", "TrackStore"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "genomes" if "Genome" in name else "tracks"
    return getattr(import_module(f"{__name__}.{home}"), name)
