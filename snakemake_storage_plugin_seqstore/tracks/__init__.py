"""Genomic tracks: intervals, signals and tables, usable without Snakemake and without a store.

The names are loaded when they are first used, as Snakemake imports this package on every call.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snakemake_storage_plugin_seqstore.tracks.opening import open_track as open
    from snakemake_storage_plugin_seqstore.tracks.region import Region
    from snakemake_storage_plugin_seqstore.tracks.track import (
        IntervalTrack,
        SignalTrack,
        TableTrack,
        Track,
        TrackLabel,
    )

__all__ = [
    "IntervalTrack",
    "Region",
    "SignalTrack",
    "TableTrack",
    "Track",
    "TrackLabel",
    "open",
]

_HOMES = {
    "region": ("Region",),
    "track": ("IntervalTrack", "SignalTrack", "TableTrack", "Track", "TrackLabel"),
}


def __getattr__(name: str) -> Any:
    if name == "open":
        return import_module(f"{__name__}.opening").open_track
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
