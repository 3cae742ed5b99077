"""Genomic tracks: intervals, signals and tables, usable without Snakemake and without a store."""

from snakemake_storage_plugin_seqstore.tracks.opening import open_track as open
from snakemake_storage_plugin_seqstore.tracks.region import Region
from snakemake_storage_plugin_seqstore.tracks.store import StoredTrack, TrackStore
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
    "StoredTrack",
    "TableTrack",
    "Track",
    "TrackLabel",
    "TrackStore",
    "open",
]
