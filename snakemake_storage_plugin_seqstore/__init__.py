"""Snakemake storage plugin for sequence databases, genomes, tracks and any other file.

Snakemake finds the three plugin classes here. All names are loaded when they are first used: a
program that needs a part of the package does not wait for the others.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.bundled import wrapper
    from snakemake_storage_plugin_seqstore.genomes import Genome
    from snakemake_storage_plugin_seqstore.object_stores import (
        GenomeStore,
        StoredGenome,
        StoredTrack,
        TrackStore,
    )
    from snakemake_storage_plugin_seqstore.plugin import StorageObject, StorageProvider
    from snakemake_storage_plugin_seqstore.plugin_settings import StorageProviderSettings
    from snakemake_storage_plugin_seqstore.provenance import Provenance
    from snakemake_storage_plugin_seqstore.sequences import SequenceStore
    from snakemake_storage_plugin_seqstore.store import Store
    from snakemake_storage_plugin_seqstore.tracks import (
        IntervalTrack,
        Region,
        SignalTrack,
        TableTrack,
        Track,
        TrackLabel,
    )
    from snakemake_storage_plugin_seqstore.workflow.binding import reuse

__all__ = [
    "Genome",
    "GenomeStore",
    "IntervalTrack",
    "Provenance",
    "Region",
    "SequenceStore",
    "SignalTrack",
    "StorageObject",
    "StorageProvider",
    "StorageProviderSettings",
    "Store",
    "StoredGenome",
    "StoredTrack",
    "TableTrack",
    "Track",
    "TrackLabel",
    "TrackStore",
    "reuse",
    "wrapper",
]

_HOMES = {
    "bundled": ("wrapper",),
    "genomes": ("Genome",),
    "object_stores": ("GenomeStore", "StoredGenome", "StoredTrack", "TrackStore"),
    "plugin": ("StorageObject", "StorageProvider"),
    "plugin_settings": ("StorageProviderSettings",),
    "provenance": ("Provenance",),
    "sequences": ("SequenceStore",),
    "store": ("Store",),
    "tracks": (
        "IntervalTrack",
        "Region",
        "SignalTrack",
        "TableTrack",
        "Track",
        "TrackLabel",
    ),
    "workflow.binding": ("reuse",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
